"""Other ways to do the steps of a run, on every database."""

from __future__ import annotations

from offizin.jobs import COPY_INPUT, SKIPPED, State
from offizin.store import alternatives, jobs, pieces
from offizin.store.alternatives import AlternativeRow, fallback_after
from offizin.store.jobs import Ending
from offizin.store.pieces import PageEnding
from offizin.store.transaction import Database, Transaction
from tests.conformance.store.submitted import PROCESSOR, new_book_job, new_jobs, new_run

FALLBACKS = [
    AlternativeRow(0, 1, "ocrd-other", '{"a": 1}', is_fallback=True),
    AlternativeRow(0, 2, PROCESSOR, "{}", is_fallback=True),
    AlternativeRow(1, 1, "ocrd-third", "{}", is_fallback=True),
]


async def test_what_somebody_asks_for_gets_a_number_and_keeps_it(database: Database) -> None:
    def write(tx: Transaction) -> list[int]:
        run = new_run(tx)
        alternatives.add(tx, run, FALLBACKS)
        alternatives.add(tx, new_run(tx, "r2"), FALLBACKS[:1])
        asked = [("ocrd-other", '{"a": 1}'), (PROCESSOR, '{"b": 2}'), ("ocrd-other", '{"a": 1}')]
        numbers = [alternatives.ensure(tx, run, 0, *each) for each in asked]
        assert alternatives.of_run(tx, run)[:2] == FALLBACKS[:2]
        assert [(row.number, row.is_fallback) for row in alternatives.of_run(tx, run) if row.step == 0] == [
            (1, True), (2, True), (3, False), (4, False),
        ]  # fmt: skip
        return numbers

    assert await database.write(write) == [3, 4, 3]


def test_fallbacks_follow_each_other_but_nothing_follows_what_was_asked_for() -> None:
    fallbacks = [(1, "a"), (2, "b")]
    assert [fallback_after(way, fallbacks) for way in (0, 1, 2, 3, COPY_INPUT)] == [
        (1, "a"),
        (2, "b"),
        None,
        None,
        None,
    ]
    assert fallback_after(0, []) is None


async def test_a_job_takes_another_way_to_another_place_in_the_order(database: Database) -> None:
    def write(tx: Transaction) -> None:
        (seq,) = new_jobs(tx, new_run(tx), 1)
        jobs.take_way(tx, seq, 2, "ocrd-other", 77)
        assert jobs.ready(tx, PROCESSOR, 1) == []
        (ready,) = jobs.ready(tx, "ocrd-other", 1)
        assert (ready.alternative, ready.tag) == (2, 77)
        jobs.take_way(tx, seq, COPY_INPUT, PROCESSOR)
        (ready,) = jobs.ready(tx, PROCESSOR, 1)
        assert (ready.alternative, ready.tag) == (COPY_INPUT, 77)

    await database.write(write)


async def test_pages_that_were_done_in_another_way_are_told_in_their_order(database: Database) -> None:
    def write(tx: Transaction) -> None:
        run = new_run(tx)
        seqs = new_jobs(tx, run, 5)
        for seq, way, state, mark in zip(
            seqs, (1, 0, 1, 2, 1), (State.SUCCESS, State.SUCCESS, State.SUCCESS, State.FAILED, State.SUCCESS),
            ("", "", "", "", SKIPPED), strict=True,
        ):  # fmt: skip
            jobs.take_way(tx, seq, way, PROCESSOR)
            jobs.end_attempts(tx, [Ending(seq, state, None, "", 1.0, 2.0, 1.0, tries=0, losses=0, mark=mark)])
        book = new_book_job(tx, run, 4)
        pieces.cut(tx, book, PROCESSOR, 0, 1, 0, [[0, 1, 2], [3]])
        pieces.cut_off(tx, book, 0, ["p2", "p3"], 2, "ocrd-other", 50)
        (ready,) = pieces.ready(tx, "ocrd-other", 9)
        assert (ready.number, ready.alternative, ready.tag) == (2, 2, 50)
        pieces.end_pages(tx, [PageEnding(book, page, State.SUCCESS, None, "") for page in ("p3", "p2", "p1")])
        assert alternatives.pages_done(tx, run) == {(0, 1): ["p1", "p3"], (0, 2): ["p2", "p3"]}

    await database.write(write)
