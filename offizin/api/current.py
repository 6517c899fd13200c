"""The one Offizin of an application, and how routes get it."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, FastAPI, Request

from offizin.api.event_stream import EventFeed
from offizin.api.metrics_page import MetricsPage
from offizin.errors import Unavailable
from offizin.offizin import Offizin


def running(app: FastAPI) -> Offizin:
    """Raises Unavailable before the application's lifespan began and after it ended."""
    offizin = getattr(app.state, "offizin", None)
    if not isinstance(offizin, Offizin):
        raise Unavailable("the server does not run", advice="Start it, and ask again.")
    return offizin


def begin(app: FastAPI, offizin: Offizin) -> None:
    app.state.offizin = offizin
    app.state.feed = EventFeed(offizin)
    app.state.metrics = MetricsPage(offizin)


def end(app: FastAPI) -> None:
    app.state.offizin = app.state.feed = app.state.metrics = None


async def _offizin(request: Request) -> Offizin:
    return running(request.app)


async def _feed(request: Request) -> EventFeed:
    running(request.app)
    feed: EventFeed = request.app.state.feed
    return feed


async def _metrics(request: Request) -> MetricsPage:
    running(request.app)
    metrics: MetricsPage = request.app.state.metrics
    return metrics


CurrentOffizin = Annotated[Offizin, Depends(_offizin)]
CurrentFeed = Annotated[EventFeed, Depends(_feed)]
CurrentMetrics = Annotated[MetricsPage, Depends(_metrics)]
