"""What is not to be chosen now, and what lets it go."""

from __future__ import annotations

from offizin.store import held, jobs, pauses, pieces
from offizin.store.held import Delay
from offizin.store.pauses import PauseKind, PauseRow, step_of
from offizin.store.transaction import Database, Transaction
from tests.conformance.store.submitted import PROCESSOR, new_book_job, new_jobs, new_run


def ready(tx: Transaction) -> tuple[list[int], list[tuple[int, int]]]:
    of_many = pieces.ready(tx, PROCESSOR, 100)
    return [job.seq for job in jobs.ready(tx, PROCESSOR, 100)], [(piece.seq, piece.number) for piece in of_many]


async def test_a_held_step_begins_nothing_before_it_is_released(database: Database) -> None:
    def write(tx: Transaction) -> None:
        run = new_run(tx, jobs_in_it=3)
        one, two = new_jobs(tx, run, 2)
        whole = new_book_job(tx, run, 4)
        pieces.cut(tx, whole, PROCESSOR, 0, 1, 0, [[0, 1], [2, 3]])
        jobs.queue(tx, [whole], 5.0)
        assert ready(tx) == ([one, two], [(whole, 0), (whole, 1)])
        assert held.hold_steps(tx, run, [0]) == 3
        assert ready(tx) == ([], [])
        pieces.cut_again(tx, whole, 0, ["p1"])
        assert ready(tx) == ([], [])
        assert held.hold_steps(tx, run, [1]) == 0
        assert not held.can_go_on(tx, run, [0])
        assert held.can_go_on(tx, run, [1])
        assert held.release_steps(tx, run, [0]) == {PROCESSOR}
        assert ready(tx) == ([one, two], [(whole, 0), (whole, 2), (whole, 1)])

    await database.write(write)


async def test_a_try_that_comes_later_waits_until_it_is_due(database: Database) -> None:
    def write(tx: Transaction) -> None:
        run = new_run(tx, jobs_in_it=3)
        one, two = new_jobs(tx, run, 2)
        whole = new_book_job(tx, run, 4)
        pieces.cut(tx, whole, PROCESSOR, 0, 1, 0, [[0, 1], [2, 3]])
        jobs.queue(tx, [whole], 5.0)
        held.delay(tx, [Delay(one, None, 10.0), Delay(whole, 1, 20.0)])
        assert ready(tx) == ([two], [(whole, 0)])
        assert held.next_due(tx) == 10.0
        assert held.next_due(tx, 2) is None
        assert held.release_due(tx, 9.0, 100) == set()
        assert held.release_due(tx, 10.0, 100) == {PROCESSOR}
        assert ready(tx) == ([one, two], [(whole, 0)])
        assert held.release_delayed(tx, run) == (1, {PROCESSOR})
        assert ready(tx) == ([one, two], [(whole, 0), (whole, 1)])
        assert held.next_due(tx) is None

    await database.write(write)


async def test_what_is_due_in_a_paused_step_stays_held(database: Database) -> None:
    def write(tx: Transaction) -> None:
        run = new_run(tx, jobs_in_it=1)
        [one] = new_jobs(tx, run, 1)
        held.delay(tx, [Delay(one, None, 10.0)])
        held.hold_steps(tx, run, [0])
        pauses.add(tx, PauseKind.STEP, pauses.step_name("r1", 0), 5.0, "CRASH", "it crashed")
        assert held.release_due(tx, 10.0, 100) == set()
        assert ready(tx) == ([], [])
        held.release_steps(tx, run, [0])
        assert ready(tx) == ([one], [])

    await database.write(write)


async def test_pauses_of_a_run_end_with_it(database: Database) -> None:
    def write(tx: Transaction) -> None:
        for name in ("r1/1", "r1/12", "r10/1", "r/1"):
            assert pauses.add(tx, PauseKind.STEP, name, 5.0, "CRASH", "it crashed")
        assert not pauses.add(tx, PauseKind.STEP, "r1/1", 6.0)
        assert pauses.steps_of_run(tx, "r1") == [0, 11]
        assert pauses.forget_run(tx, "r1")
        assert not pauses.forget_run(tx, "r1")
        left = [PauseRow(PauseKind.STEP, name, 5.0, "CRASH", "it crashed") for name in ("r/1", "r10/1")]
        assert pauses.all_of_them(tx) == left

    await database.write(write)


def test_steps_are_named_as_users_count_them() -> None:
    assert step_of(pauses.step_name("a-run", 0)) == ("a-run", 0)
    assert [step_of(name) for name in ("a-run", "a-run/0", "/1", "a-run/x", "a-run/²")] == [None] * 5
