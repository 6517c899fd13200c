"""Deltas, attempts, events, callbacks, workflows, workspaces, processors."""

from __future__ import annotations

from dataclasses import replace
from uuid import uuid4

import pytest
from sqlalchemy.exc import IntegrityError

from offizin.messages import Agent, Delta, File
from offizin.store import attempts, callbacks, deltas, events, processors, workflows, workspaces
from offizin.store.attempts import FailedAttempt
from offizin.store.events import Change
from offizin.store.processors import Learned
from offizin.store.transaction import Database, Transaction
from tests.conformance.store.submitted import METS, new_jobs, new_run


def delta(name: str) -> Delta:
    return Delta(files=[File(name, "OCR", "text/xml", "p1", "OCR/ſ.xml", size=3, digest="ab")], overwrite=True)


async def test_deltas_come_back_as_they_were_and_in_order(database: Database) -> None:
    for mets in ("/one", "/two"):
        await database.write(lambda tx, mets=mets: workspaces.find_or_add(tx, mets, 1.0, str(uuid4())))  # type: ignore[misc]
    agents = Delta(agents=[Agent("a", "ocrd-dummy v1", "layout", [("parameter", "{}")])])
    await database.write(lambda tx: deltas.add(tx, [(1, [delta("a"), delta("b")]), (2, [delta("x")]), (3, [])]))
    await database.write(lambda tx: deltas.add(tx, [(1, [agents])]))
    _, found = await database.read(lambda tx: deltas.of_workspace(tx, 1))
    assert found == [delta("a"), delta("b"), agents]
    assert await database.read(lambda tx: deltas.of_workspace(tx, 3)) == (0, [])
    assert sorted(await database.read(deltas.workspaces_with_unsaved)) == [(1, 2), (2, 1)]


async def test_a_late_note_of_a_save_takes_no_later_delta_away(database: Database) -> None:
    """Two saves had the same last delta: that in the middle of a run, and that at another run's end."""
    await database.write(lambda tx: deltas.add(tx, [(1, [delta("a")])]))
    last, _ = await database.read(lambda tx: deltas.of_workspace(tx, 1))
    await database.write(lambda tx: deltas.saved(tx, 1, last))
    await database.write(lambda tx: deltas.add(tx, [(1, [delta("b")])]))
    await database.write(lambda tx: deltas.saved(tx, 1, last))
    assert (await database.read(lambda tx: deltas.of_workspace(tx, 1)))[1] == [delta("b")]


async def test_deltas_go_up_to_the_last_that_was_saved(database: Database) -> None:
    await database.write(lambda tx: deltas.add(tx, [(1, [delta("a")]), (2, [delta("x")])]))
    last, _ = await database.read(lambda tx: deltas.of_workspace(tx, 1))
    await database.write(lambda tx: deltas.add(tx, [(1, [delta("b")])]))
    await database.write(lambda tx: deltas.saved(tx, 1, last))
    assert (await database.read(lambda tx: deltas.of_workspace(tx, 1)))[1] == [delta("b")]
    assert (await database.read(lambda tx: deltas.of_workspace(tx, 2)))[1] == [delta("x")]


FAILED = FailedAttempt(1, 0, 1, "p1", "CRASH", "boom", "the end of the log", 1.5, 10**10, again=False, ended_at=3.0)


async def test_attempts_tell_the_story_of_a_job(database: Database) -> None:
    def write(tx: Transaction) -> None:
        new_jobs(tx, new_run(tx), 2)
        attempts.add(tx, [replace(FAILED, again=True), replace(FAILED, attempt=2, page=None), replace(FAILED, job=2)])
        attempts.add(tx, [])

    await database.write(write)
    found = await database.read(lambda tx: attempts.of_job(tx, 1))
    assert found == [replace(FAILED, again=True), replace(FAILED, attempt=2, page=None)]
    of_run = await database.read(lambda tx: attempts.of_run(tx, 1, 10))
    assert of_run == [replace(FAILED, attempt=2, page=None), replace(FAILED, job=2)]
    assert len(await database.read(lambda tx: attempts.of_run(tx, 1, 1))) == 1


async def test_events_are_followed_from_any_point(database: Database) -> None:
    change = Change("r1", "SUCCESS", "j1", 2, "p1", None, "")
    first = await database.write(lambda tx: events.add(tx, [change], 1.0))
    second = await database.write(lambda tx: events.add(tx, [Change("r1", "FAILED", cause="EXIT", message="ü")], 2.0))
    assert second > first
    assert await database.write(lambda tx: events.add(tx, [], 3.0)) == 0
    assert await database.read(events.last) == second
    (recorded,) = await database.read(lambda tx: events.after(tx, first, 10))
    assert (recorded.seq, recorded.at) == (second, 2.0)
    assert recorded.changes == [Change("r1", "FAILED", cause="EXIT", message="ü")]
    assert [e.seq for e in await database.read(lambda tx: events.after(tx, 0, 1))] == [first]


async def test_old_events_are_forgotten_but_never_the_last(database: Database) -> None:
    for at in (1.0, 2.0, 3.0):
        await database.write(lambda tx, at=at: events.add(tx, [Change("r1", "RUNNING")], at))
    last = await database.read(events.last)
    await database.write(lambda tx: events.forget_before(tx, 2.5))
    assert [e.at for e in await database.read(lambda tx: events.after(tx, 0, 10))] == [3.0]
    await database.write(lambda tx: events.forget_before(tx, 100.0))
    assert await database.read(events.last) == last


async def test_callbacks_are_due_in_time_and_put_off(database: Database) -> None:
    assert await database.read(callbacks.next_due) is None
    await database.write(lambda tx: callbacks.add(tx, [("http://a", "1"), ("http://b", "2")], 10.0))
    await database.write(lambda tx: callbacks.add(tx, [], 10.0))
    assert await database.read(lambda tx: callbacks.due(tx, 9.9, 5)) == []
    first, second = await database.read(lambda tx: callbacks.due(tx, 10.0, 5))
    assert (first.url, first.body, first.tries) == ("http://a", "1", 0)
    await database.write(lambda tx: callbacks.put_off(tx, first.seq, 50.0))
    await database.write(lambda tx: callbacks.delivered(tx, second.seq))
    assert await database.read(callbacks.next_due) == 50.0
    (again,) = await database.read(lambda tx: callbacks.due(tx, 60.0, 5))
    assert (again.url, again.tries) == ("http://a", 1)


async def test_workflows_are_found_by_id_and_by_content(database: Database) -> None:
    await database.write(lambda tx: workflows.add(tx, "w1", "dummy -I A -O B", "d1", 1.0))
    assert await database.read(lambda tx: workflows.content(tx, "w1")) == "dummy -I A -O B"
    assert await database.read(lambda tx: workflows.content(tx, "w2")) is None
    assert await database.read(lambda tx: workflows.with_digest(tx, "d1")) == "w1"
    assert await database.write(lambda tx: workflows.replace(tx, "w1", "dummy -I A -O C", "d2", 2.0))
    assert not await database.write(lambda tx: workflows.replace(tx, "w2", "", "d2", 2.0))
    assert await database.read(lambda tx: workflows.with_digest(tx, "d1")) is None
    with pytest.raises(IntegrityError):
        await database.write(lambda tx: workflows.add(tx, "w1", "", "d3", 3.0))


async def test_a_workspace_has_one_number(database: Database) -> None:
    assert await database.read(lambda tx: workspaces.find(tx, METS)) is None
    number = await database.write(lambda tx: workspaces.find_or_add(tx, METS, 1.0, str(uuid4())))
    assert await database.write(lambda tx: workspaces.find_or_add(tx, METS, 2.0, str(uuid4()))) == number
    assert (
        await database.write(lambda tx: workspaces.find_or_add(tx, "/Bücher/ſ 1/mets.xml", 2.0, str(uuid4()))) != number
    )
    assert await database.read(lambda tx: workspaces.mets_path(tx, number)) == METS


async def test_what_a_processor_said_last_counts(database: Database) -> None:
    learned = Learned("ocrd-dummy", "f1", "1.0", "layout", independent_pages=True, full_mets=False)
    await database.write(lambda tx: processors.put(tx, learned))
    newer = replace(learned, fingerprint="f2", independent_pages=False, full_mets=True)
    await database.write(lambda tx: processors.put(tx, newer))
    found = await database.read(processors.all_learned)
    assert found == {"ocrd-dummy": newer}
    assert found["ocrd-dummy"].full_mets is True
