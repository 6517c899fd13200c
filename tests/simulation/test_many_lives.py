"""The scheduler through many lives: whatever happens between any two steps, what must hold holds.

A world is drawn from a seed: books, users' acts, troubles. All of Offizin but what reaches outside is the real one, on
a database in memory, in virtual time. Every invariant is checked after every commit and at the end. A world that fails
is made smaller as long as it fails, and its story is told.
"""

from __future__ import annotations

import asyncio
import os
import sys
import time
from collections.abc import Callable

import pytest

from offizin.messages import Cause
from offizin.scheduling import cancellation, completion_write, recovery, reviving, submission
from offizin.scheduling.completion import Completion
from offizin.scheduling.edges import edges_between
from offizin.scheduling.endings import Endings
from offizin.scheduling.lanes import Lane
from offizin.scheduling.missing import Becomes, becomes
from offizin.scheduling.remote.adoption import Adoption
from offizin.scheduling.remote.claims import Claims
from offizin.scheduling.remote.sessions import Sessions
from offizin.scheduling.window import VirtualTimes
from offizin.store import edges, jobs, pieces
from offizin.workers.session import WorkerSession
from offizin.workflows.policies import Policies
from tests.simulation.scenario import cluster_scenario, scenario
from tests.simulation.world import outcome

EVENTS = 60_000
CLUSTER_EVENTS = 40_000
# One process for each core that a small machine has.
PROCESSES = 2


async def live_through(first_seed: int, events: int, *options: str) -> None:
    """In processes of their own: Python orders sets by a secret that is the same in each of those."""
    each = [
        await asyncio.create_subprocess_exec(
            sys.executable, "-m", "tests.simulation", "--seed", str(first_seed + number * 10_000_000),
            "--events", str(events // PROCESSES), *options,
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
        )
        for number in range(PROCESSES)
    ]  # fmt: skip
    said = [(await process.communicate())[0].decode() for process in each]
    for process, words in zip(each, said, strict=True):
        if process.returncode:
            pytest.fail(words, pytrace=False)
        print(words)


@pytest.mark.timeout(600)
async def test_what_must_hold_holds_in_many_lives(capsys: pytest.CaptureFixture[str]) -> None:
    with capsys.disabled():
        print()
        await live_through(1, EVENTS)


@pytest.mark.timeout(600)
async def test_what_must_hold_holds_in_many_clusters(capsys: pytest.CaptureFixture[str]) -> None:
    with capsys.disabled():
        print()
        await live_through(1, CLUSTER_EVENTS, "--cluster")


@pytest.mark.long
@pytest.mark.timeout(7200)
async def test_what_must_hold_holds_in_very_many_lives(capsys: pytest.CaptureFixture[str]) -> None:
    """Other lives each time; ``SIMULATION_SEED`` and ``SIMULATION_EVENTS`` say which and how long."""
    with capsys.disabled():
        seed = int(os.environ.get("SIMULATION_SEED", time.time_ns() // 1_000_000_000 % 1_000_000 * 10))
        events = int(os.environ.get("SIMULATION_EVENTS", "3000000"))
        await live_through(seed, events // 2)
        await live_through(seed, events // 2, "--cluster")


def test_the_same_seed_is_the_same_life() -> None:
    one, two = outcome(scenario(7))[0], outcome(scenario(7))[0]
    assert one.telling.lines
    assert one.telling.lines == two.telling.lines


# Faults that were in the scheduler once, or might be: each must be seen.


def no_edges(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(submission, "edges_between", lambda live, new: [])


def no_edges_to_other_runs(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(submission, "live_work", lambda *_, **__: [])


def retried_jobs_do_not_wait_for_what_is_live(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(reviving, "live_work", lambda *_, **__: [])


def edges_only_to_the_last_writer(patch: pytest.MonkeyPatch) -> None:
    def only_needs(live: object, new: object) -> object:
        found = edges_between(live, new)  # type: ignore[arg-type]
        last = {}
        for edge in found:
            last[edge.successor] = edge
        return list(last.values())

    patch.setattr(submission, "edges_between", only_needs)


def edges_of_retried_jobs_stay(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(edges, "reorder", lambda tx, ended, new: None)


def what_was_queued_is_not_recovered(patch: pytest.MonkeyPatch) -> None:
    real = jobs.in_flight
    patch.setattr(jobs, "in_flight", lambda *of: [row for row in real(*of) if row.state is not jobs.State.QUEUED])


def pieces_are_not_recovered(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(recovery, "_put_back_pieces", lambda *_: [])


def a_cancelled_book_keeps_its_pages(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(cancellation.pieces, "end_pages", lambda tx, endings: None)


def late_results_pass_for_new_ones(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Completion, "_piece", lambda self, note: self._dispatcher.out.get((note.job, note.piece)))


def attempts_of_retried_books_begin_anew(patch: pytest.MonkeyPatch) -> None:
    real = pieces.cut

    def cut(
        tx: object, job: int, processor: str, priority: int, tag: int, attempt: int, *rest: object, **more: object
    ) -> None:
        real(tx, job, processor, priority, tag, 0, *rest, **more)  # type: ignore[arg-type]

    patch.setattr(pieces, "cut", cut)


def the_order_is_not_fair(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(VirtualTimes, "leaves", lambda self, ready: None)


def a_run_ends_before_its_save(patch: pytest.MonkeyPatch) -> None:
    async def save(*_: object) -> int:
        return 0

    patch.setattr(Lane, "save", lambda self, new: asyncio.sleep(0))


def the_index_does_not_hear_of_deltas(patch: pytest.MonkeyPatch) -> None:
    patch.setattr("offizin.mets.index.MetsIndex.apply", lambda self, delta: None)


def ends_are_forgotten(patch: pytest.MonkeyPatch) -> None:
    real, calls = Endings.run_over, [0]

    def run_over(self: Endings, run: int) -> None:
        calls[0] += 1
        if calls[0] % 3:
            real(self, run)

    patch.setattr(Endings, "run_over", run_over)


def fallbacks_are_forgotten(patch: pytest.MonkeyPatch) -> None:
    def forgetful(policies: Policies, cause: Cause, **said: bool) -> Becomes:
        return becomes(policies, cause, **{**said, "fallback": False})

    patch.setattr(completion_write, "becomes", forgetful)


FAULTS = [
    no_edges, no_edges_to_other_runs, retried_jobs_do_not_wait_for_what_is_live, edges_only_to_the_last_writer,
    edges_of_retried_jobs_stay, what_was_queued_is_not_recovered, pieces_are_not_recovered,
    a_cancelled_book_keeps_its_pages, late_results_pass_for_new_ones, attempts_of_retried_books_begin_anew,
    the_order_is_not_fair, a_run_ends_before_its_save, the_index_does_not_hear_of_deltas, ends_are_forgotten,
    fallbacks_are_forgotten,
]  # fmt: skip


@pytest.mark.long
@pytest.mark.timeout(600)
@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.__name__)
def test_a_fault_in_the_scheduler_is_seen(
    fault: Callable[[pytest.MonkeyPatch], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    fault(monkeypatch)
    assert any(outcome(scenario(seed))[1] for seed in range(1, 400))


def nothing_is_claimed(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(WorkerSession, "_must_claim", lambda self, delivery: False)


def nobody_is_heard_before_a_claim_is_granted(patch: pytest.MonkeyPatch) -> None:
    async def hear_all(self: Sessions) -> None:
        """Nobody."""

    patch.setattr(Sessions, "hear_all", hear_all)


def whoever_claims_may_begin(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Claims, "_granted", lambda self, name, session: self._dispatcher.piece(name))


def work_is_given_away_before_its_lease_is_over(patch: pytest.MonkeyPatch) -> None:
    patch.setattr("offizin.scheduling.remote.hearing.MARGIN", -0.8)


def what_is_in_flight_is_forgotten(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Adoption, "settle", lambda self: None)


CLUSTER_FAULTS = [
    nothing_is_claimed, nobody_is_heard_before_a_claim_is_granted, whoever_claims_may_begin,
    work_is_given_away_before_its_lease_is_over, what_is_in_flight_is_forgotten,
]  # fmt: skip


@pytest.mark.long
@pytest.mark.timeout(600)
@pytest.mark.parametrize("fault", CLUSTER_FAULTS, ids=lambda fault: fault.__name__)
def test_a_fault_of_the_cluster_is_seen(
    fault: Callable[[pytest.MonkeyPatch], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    fault(monkeypatch)
    assert any(outcome(cluster_scenario(seed))[1] for seed in range(1, 400))
