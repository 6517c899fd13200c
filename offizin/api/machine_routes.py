"""Our own routes about the server itself: its health, its processors, its events."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Annotated

from fastapi import APIRouter, Header, Query
from fastapi.responses import PlainTextResponse, Response, StreamingResponse

from offizin import __version__
from offizin.api.current import CurrentFeed, CurrentMetrics, CurrentOffizin
from offizin.api.discovery_view import discovered
from offizin.api.error_model import errors
from offizin.api.models import (
    MOST,
    DiscoveryResponse,
    Health,
    ProcessorList,
    ProcessorModels,
    ProcessorSummary,
    Runner,
    Timing,
)
from offizin.errors import NotBuiltYet, OffizinError, ProcessorUnknown
from offizin.metrics import MEDIA_TYPE
from offizin.offizin import Offizin
from offizin.store import runs

router = APIRouter(tags=["tools"])


@router.get("/healthz")
async def health(offizin: CurrentOffizin) -> Health:
    """Whether the server works, and what it does."""
    return Health(
        status="ok",
        version=__version__,
        home=str(offizin.home.path),
        slots=offizin.settings.slots,
        runs_live=await offizin.database.read(runs.how_many_live),
        runners=[Runner(processor=name, pid=pid, busy=busy) for name, pid, busy in offizin.workforce.loaded()],
        timings=[Timing(part=part, count=count, seconds=seconds) for part, count, seconds in offizin.timings.table()],
    )


@router.get("/metrics", response_class=PlainTextResponse)
async def metrics(page: CurrentMetrics) -> Response:
    """The server in numbers, for Prometheus (docs/metrics.md)."""
    return Response(await page.text(), media_type=MEDIA_TYPE)


@router.get("/discovery", operation_id="discover", tags=["discovery"])
async def discovery(offizin: CurrentOffizin) -> DiscoveryResponse:
    """What the server's machine has, and where there are workers."""
    return await discovered(offizin)


@router.get(
    "/processor/info/{processor_name}/models",
    tags=["processing", "discovery"],
    responses=errors(ProcessorUnknown, NotBuiltYet),
)
async def processor_models(offizin: CurrentOffizin, processor_name: str) -> ProcessorModels:
    """The models (resources) that a processor finds. Slow the first time, because it is asked."""
    return ProcessorModels(processor_name=processor_name, models=await offizin.models.of(processor_name))


@router.get("/processors", tags=["discovery"])
async def processors(offizin: CurrentOffizin) -> ProcessorList:
    """All processors with what they say of themselves; slow the first time, because each is asked."""
    described = await offizin.processors.describe_all()
    versions = await asyncio.gather(*(_version(offizin, found.name) for found in described))
    loaded = Counter(name for name, _, _ in offizin.workforce.loaded())
    return ProcessorList(
        processors=[
            ProcessorSummary(
                name=found.name,
                executable=str(found.executable),
                version=version,
                description=found.description,
                independent_pages=offizin.learned.independent_pages(found.name),
                plain=offizin.learned.plain(found.name),
                loaded=loaded[found.name],
            )
            for found, version in zip(described, versions, strict=True)
        ]
    )


class EventStream(StreamingResponse):
    media_type = "text/event-stream"


# Of each event in the stream.
EVENT = {"type": "object", "properties": {name: {"type": "string"} for name in ("id", "event", "data")}}


@router.get(
    "/events", response_class=EventStream, responses={200: {"content": {EventStream.media_type: {"schema": EVENT}}}}
)
async def events(
    feed: CurrentFeed,
    after: Annotated[int | None, Query(ge=0, le=MOST)] = None,
    run: str | None = None,
    last_event_id: Annotated[str | None, Header()] = None,
) -> StreamingResponse:
    """Changes of state as server-sent events, from event ``after`` (or the header Last-Event-ID) on, else from now."""
    if last_event_id and last_event_id.isascii() and last_event_id.isdigit():
        after = min(int(last_event_id[:19]), MOST)
    stream = feed.stream(await feed.last() if after is None else after, run)
    return EventStream(stream, headers={"Cache-Control": "no-store"})


async def _version(offizin: Offizin, name: str) -> str:
    try:
        return await offizin.processors.version(name)
    except OffizinError:  # it has gone meanwhile
        return ""
