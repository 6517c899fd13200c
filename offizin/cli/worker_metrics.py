"""``offizin worker --metrics``: the worker in numbers, for Prometheus (docs/metrics.md)."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from offizin import __version__
from offizin.api.serving import bind, url_of
from offizin.errors import InvalidRequest
from offizin.metrics import MEDIA_TYPE, Exposition, tell_pieces, tell_process
from offizin.tallies import Tallies
from offizin.workers.worker import Worker

log = logging.getLogger(__name__)


def address(text: str) -> tuple[str, int]:
    """From HOST:PORT. Raises InvalidRequest."""
    host, _, port = text.rpartition(":")
    if not port.isdecimal() or int(port) > 65535:
        raise InvalidRequest(
            f"{text!r} is no address to listen at", advice="Write it as 127.0.0.1:9100, or :9100 for all addresses."
        )
    return host.strip("[]"), int(port)


@asynccontextmanager
async def telling(
    worker: Worker, processors: Mapping[str, int], tallies: Tallies, at: tuple[str, int]
) -> AsyncIterator[None]:
    """GET /metrics is answered at ``at`` (host, port). Raises Unavailable when it cannot be listened there."""

    async def metrics(_: Request) -> Response:
        return Response(exposition(worker, processors, tallies).text(), media_type=MEDIA_TYPE)

    application = Starlette(routes=[Route("/metrics", metrics)])
    with bind(*at) as bound:
        log.info("GET /metrics is answered at %s", url_of(bound))
        server = _Server(uvicorn.Config(application, lifespan="off", log_config=None, access_log=False, ws="none"))
        serving = asyncio.create_task(server.serve([bound]), name="metrics")
        try:
            yield
        finally:
            server.should_exit = True
            with contextlib.suppress(asyncio.CancelledError):
                await serving


class _Server(uvicorn.Server):
    """Signals are the worker's."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def exposition(worker: Worker, processors: Mapping[str, int], tallies: Tallies) -> Exposition:
    """``processors``: slots by name."""
    told, session = Exposition(), worker.session
    pool = None if session is None else session.pool
    tell_process(told, __version__, [] if pool is None else pool.loaded())
    tell_pieces(told, tallies)
    held = {} if pool is None else pool.held_by_processor()
    for processor, slots in sorted(processors.items()):
        told.tell("offizin_worker_slots", slots, processor)
        told.tell("offizin_worker_pieces", held.get(processor, 0), processor)
    told.tell("offizin_worker_lease_seconds", 0.0 if session is None else session.lease.left)
    told.tell("offizin_worker_sessions_total", worker.sessions)
    told.tell("offizin_worker_paused", pool is not None and pool.paused)
    return told
