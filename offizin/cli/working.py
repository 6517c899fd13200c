"""A worker from its command line to its end."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import logging
import os
import signal
import socket
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import msgspec
import platformdirs

from offizin.brokers.amqp_url import AmqpUrl
from offizin.cli import worker_metrics
from offizin.cli.connection import clock, run_async
from offizin.cli.options import TOKEN_VARIABLE
from offizin.errors import HomeInUse, InvalidRequest
from offizin.home import Home
from offizin.messages import Tool
from offizin.processors.discovery import Discovery
from offizin.processors.surroundings import runner_environment, search_path
from offizin.processors.tool_cache import Fingerprint
from offizin.settings import Settings
from offizin.tallies import Tallies
from offizin.workers.attempt_logs import AttemptLogs
from offizin.workers.loading import PoolSettings
from offizin.workers.log_upload import LogUpload
from offizin.workers.membership import Membership
from offizin.workers.pool import WorkerPool
from offizin.workers.process_group import end_leftovers
from offizin.workers.worker import Worker

log = logging.getLogger(__name__)


def work(
    named: Sequence[str],
    queue: str,
    server: str | None,
    slots: int | None,
    home: Path | None,
    host: str | None,
    metrics: str | None,
    grace: float,
) -> None:
    """Blocking, until a signal. Raises the errors of OffizinError."""
    processors = slots_by_processor(named)
    url = AmqpUrl.parse(queue)
    settings = Settings.load(None, {"slots": slots or sum(processors.values())}, os.environ)
    at = None if metrics is None else worker_metrics.address(metrics)
    where = _taken(home)
    try:
        run_async(_work(processors, url, server, settings, where, host or socket.gethostname(), at, grace))
    finally:
        where.release()


def slots_by_processor(named: Sequence[str]) -> dict[str, int]:
    """From ``ocrd-a``, ``ocrd-b:2``. Raises InvalidRequest."""
    found: dict[str, int] = {}
    for text in named:
        name, colon, number = text.partition(":")
        if not name.startswith("ocrd-") or (colon and not (number.isdecimal() and int(number))):
            raise InvalidRequest(
                f"{text!r} names no processor and slots",
                advice="Write it as ocrd-dummy, or ocrd-dummy:2 for two slots.",
            )
        found[name] = found.get(name, 0) + int(number or 1)
    return found


def _taken(home: Path | None) -> Home:
    """Locked for this process; without a name, the first that no other worker of this user has: so what was learned is
    found again. Raises HomeInUse, Unavailable."""
    directories = (platformdirs.user_state_path("offizin") / "workers" / str(n) for n in itertools.count(1))
    for directory in [home] if home else directories:
        found = Home(directory)
        try:
            found.take()
        except HomeInUse:
            if home:
                raise
        else:
            return found
    raise AssertionError("unreachable")


async def _work(
    processors: dict[str, int],
    url: AmqpUrl,
    server: str | None,
    settings: Settings,
    home: Home,
    host: str,
    metrics: tuple[str, int] | None,
    grace: float,
) -> None:
    from offizin.brokers.rabbitmq import RabbitMqBroker  # only a cluster has its packages

    async with contextlib.AsyncExitStack() as stack:
        if left := await asyncio.to_thread(end_leftovers, home.runner_logs):
            log.warning("ended %d processes that an earlier worker had left", left)
        discovery = Discovery(settings.processor_directories, home.tool_cache, search_path(os.environ), clock=clock())
        stack.push_async_callback(discovery.close)
        tools = await asyncio.gather(*(_tool(discovery, name) for name in processors))
        broker = await RabbitMqBroker.open(url, clock(), name=f"Offizin worker {os.getpid()}")
        stack.push_async_callback(broker.close)
        token = os.environ.get(TOKEN_VARIABLE, "")
        upload = await stack.enter_async_context(LogUpload(server, clock(), token=token)) if server else None
        logs = AttemptLogs(home.logs, broker, upload, clock())
        stack.push_async_callback(logs.close)
        pool_settings = PoolSettings(
            slots=settings.slots, runners=settings.max_runners, slots_per_processor=processors,
            threads=settings.threads_per_runner, load_limit=settings.load_limit,
            idle_limit=settings.runner_idle_limit, logs=home.runner_logs, job_logs=home.logs,
            environment=partial(runner_environment, os.environ),
        )  # fmt: skip

        def pool(membership: Membership) -> WorkerPool:
            return WorkerPool(
                broker, discovery.executable, pool_settings, clock(),
                membership=membership, logs=logs, tallies=tallies,
            )  # fmt: skip

        tallies = Tallies()
        worker = Worker(broker, clock(), host, processors, tools, pool, grace, logs.send_left)
        if metrics is not None:
            await stack.enter_async_context(worker_metrics.telling(worker, processors, tallies, metrics))
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, _stop, worker)
        await worker.run()


def _stop(worker: Worker) -> None:
    """The first signal ends gracefully, the second at once."""
    if worker.stopping.is_set():
        os._exit(1)  # runners end with us
    log.info("this worker ends, when what runs is finished or handed back")
    worker.stopping.set()


async def _tool(discovery: Discovery, name: str) -> Tool:
    """Raises ProcessorUnknown."""
    description = await discovery.describe(name)
    version = await discovery.version(name)
    tool = msgspec.Raw(msgspec.json.encode(dict(description.tool)))
    return Tool(name, repr(Fingerprint.of(description.executable)), version, tool)
