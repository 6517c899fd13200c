"""Following a run to its end, whatever becomes of events and server meanwhile."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import aclosing

import httpx
import pytest

from offizin.client import Client, RunSummary, follow_run
from offizin.errors import RunUnknown, Unavailable


class SteppingClock:
    """Sleeping takes no time but counts."""

    def __init__(self) -> None:
        self.time = 0.0

    def now(self) -> float:
        return self.time

    def monotonic(self) -> float:
        return self.time

    def new_id(self) -> str:
        raise NotImplementedError

    async def sleep(self, seconds: float) -> None:
        self.time += seconds
        await asyncio.sleep(0)


class Server:
    """Gives the next of ``states`` with every summary; None: it is away. Events come whenever a summary was given."""

    def __init__(self, *states: str | None, events: bool = True) -> None:
        self.states = list(states)
        self.events = events

    def answer(self, request: httpx.Request) -> httpx.Response:
        if request.url.path == "/events":
            if not self.events:
                raise httpx.ConnectError("no events", request=request)
            return httpx.Response(200, content=self.stream())
        state = self.states.pop(0) if len(self.states) > 1 else self.states[0]
        if state is None:
            raise httpx.ConnectError("away", request=request)
        if state == "UNKNOWN":
            return httpx.Response(404, json={"detail": "no run", "code": "run_unknown", "hint": ""})
        ended = 9.0 if state in ("SUCCESS", "FAILED") else None
        summary = {"run_id": "r", "state": state, "path_to_mets": "/m", "submitted_at": 1.0, "ended_at": ended}
        return httpx.Response(200, json=summary)

    async def stream(self) -> AsyncIterator[bytes]:
        change = {"run": "r", "job": "", "state": "SUCCESS"}
        yield b"id: 1\nevent: changes\ndata: %b\n\n" % json.dumps({"at": 1.0, "changes": [change]}).encode()


async def states_seen(server: Server, patience: float = 60.0) -> list[str]:
    seen: list[RunSummary] = []
    async with (
        Client("http://host", transport=httpx.MockTransport(server.answer)) as client,
        aclosing(follow_run(client, "r", SteppingClock(), patience=patience)) as summaries,
    ):
        async for run in summaries:
            seen.append(run)
    assert all(not run.ended for run in seen[:-1])
    return [run.state for run in seen]


async def test_a_run_is_followed_until_it_has_ended() -> None:
    assert await states_seen(Server("QUEUED", "RUNNING", "SUCCESS")) == ["QUEUED", "RUNNING", "SUCCESS"]


async def test_a_run_that_has_ended_is_seen_once() -> None:
    assert await states_seen(Server("FAILED")) == ["FAILED"]


async def test_without_events_the_run_is_looked_at_all_the_same() -> None:
    assert await states_seen(Server("RUNNING", "SUCCESS", events=False)) == ["RUNNING", "SUCCESS"]


async def test_a_server_that_is_restarted_is_waited_for() -> None:
    assert await states_seen(Server("RUNNING", None, None, None, "SUCCESS")) == ["RUNNING", "SUCCESS"]


async def test_a_server_that_stays_away_is_given_up() -> None:
    with pytest.raises(Unavailable):
        await states_seen(Server("RUNNING", None), patience=10.0)


async def test_an_unknown_run_is_no_reason_to_wait() -> None:
    with pytest.raises(RunUnknown):
        await states_seen(Server("UNKNOWN"))
