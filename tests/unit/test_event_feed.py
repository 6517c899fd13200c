"""One look into the store for all readers of events, and nothing missed."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from types import SimpleNamespace
from typing import Any, cast

import pytest

from offizin.api import event_stream
from offizin.api.event_stream import EventFeed
from offizin.offizin import Changes, Offizin
from offizin.store import events
from offizin.store.events import Change
from offizin.store.transaction import InlineDatabase


class Stub:
    """Of Offizin what a feed needs: events, and the word that there are new ones."""

    def __init__(self) -> None:
        self.database = InlineDatabase()
        self.changes = Changes()
        self.stopping = asyncio.Event()
        self.looks = 0
        self.feed = EventFeed(
            cast(Offizin, SimpleNamespace(database=self, changes=self.changes, stopping=self.stopping))
        )

    async def read(self, work: Any) -> Any:
        self.looks += 1
        return await self.database.read(work)

    async def happen(self, *changes: Change, told: bool = True) -> None:
        await self.database.write(lambda tx: events.add(tx, changes, 1.5))
        if told:
            self.changes.announce()


async def take(stream: AsyncIterator[bytes], count: int) -> list[dict[str, Any]]:
    """The next events, so many at least."""
    found: list[dict[str, Any]] = []
    async for block in stream:
        lines = block.decode().splitlines()
        numbers = [int(line.removeprefix("id: ")) for line in lines if line.startswith("id: ")]
        bodies = [json.loads(line.removeprefix("data: ")) for line in lines if line.startswith("data: ")]
        found += [{"id": number, **body} for number, body in zip(numbers, bodies, strict=True)]
        if len(found) >= count:
            break
    return found


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(event_stream, "REST", 0)


@pytest.mark.usefixtures("quick")
async def test_what_happens_between_look_and_wait_is_told() -> None:
    stub = Stub()
    stream = stub.feed.stream(0, None)
    reading = asyncio.create_task(take(stream, 5))
    for number in range(5):
        await stub.happen(Change(f"run-{number}", "SUCCESS"))
        await asyncio.sleep(0)
    told = await asyncio.wait_for(reading, 5)
    assert [event["changes"][0]["run"] for event in told] == [f"run-{n}" for n in range(5)]


@pytest.mark.usefixtures("quick")
async def test_an_event_has_all_its_keys() -> None:
    stub = Stub()
    await stub.happen(Change("run", "FAILED", "job", 1, "P1", "TIMEOUT", "too long"))
    [event] = await take(stub.feed.stream(0, None), 1)
    change = {"run": "run", "job": "job", "step": 1, "page": "P1", "state": "FAILED", "cause": "TIMEOUT"}
    assert event == {"id": 1, "at": 1.5, "changes": [{**change, "message": "too long"}]}


@pytest.mark.usefixtures("quick")
async def test_only_changes_of_the_run_asked_for_are_told() -> None:
    stub = Stub()
    await stub.happen(Change("other", "SUCCESS"))
    await stub.happen(Change("other", "SUCCESS"), Change("mine", "RUNNING"))
    await stub.happen(Change("mine", "SUCCESS"))
    told = await take(stub.feed.stream(0, "mine"), 2)
    assert [(event["id"], [change["state"] for change in event["changes"]]) for event in told] == [
        (2, ["RUNNING"]),
        (3, ["SUCCESS"]),
    ]


@pytest.mark.usefixtures("quick")
async def test_readers_share_the_looks_into_the_store() -> None:
    stub = Stub()
    readers = [asyncio.create_task(take(stub.feed.stream(0, None), 1)) for _ in range(50)]
    await asyncio.sleep(0)
    await stub.happen(Change("run", "SUCCESS"))
    assert {reader[0]["id"] for reader in await asyncio.gather(*readers)} == {1}
    assert stub.looks < 10


@pytest.mark.usefixtures("quick")
async def test_who_comes_late_gets_what_is_no_longer_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(event_stream, "KEPT", 10)
    monkeypatch.setattr(event_stream, "AT_ONCE", 4)
    stub = Stub()
    for number in range(3):
        await stub.happen(Change(f"before-{number}", "SUCCESS"))
    early = asyncio.create_task(take(stub.feed.stream(0, None), 33))
    await asyncio.sleep(0)
    for number in range(30):
        await stub.happen(Change(f"run-{number}", "SUCCESS"), told=number % 7 == 0)
    stub.changes.announce()
    late = await take(stub.feed.stream(0, None), 33)
    assert [event["id"] for event in await early] == list(range(1, 34))
    assert [event["id"] for event in late] == list(range(1, 34))
    assert [event["id"] for event in await take(stub.feed.stream(31, None), 2)] == [32, 33]


@pytest.mark.usefixtures("quick")
async def test_streams_end_with_the_server() -> None:
    stub = Stub()
    reading = asyncio.create_task(take(stub.feed.stream(0, None), 1))
    await asyncio.sleep(0)
    stub.stopping.set()
    stub.changes.announce()
    assert await asyncio.wait_for(reading, 5) == []


@pytest.mark.usefixtures("quick")
async def test_a_quiet_stream_sends_comments(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(event_stream, "QUIET", 0.001)
    stream = Stub().feed.stream(7, None)
    assert [await anext(stream), await anext(stream)] == [b": after 7\n\n", b": \n\n"]
