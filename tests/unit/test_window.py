"""How much is ahead, who is next, and how fair that is."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from offizin.scheduling.window import VirtualTimes, cuts, tag, whose_turn, window_size
from offizin.store.jobs import ReadyJob
from offizin.store.pieces import ReadyPiece

P = "ocrd-dummy"


def ready(seq: int, run: int, its_tag: int, priority: int = 0) -> ReadyJob:
    return ReadyJob(seq, f"j{seq}", run, 0, "p", 1, P, priority, its_tag, attempt=0, tries=0, losses=0)


def ready_piece(seq: int, run: int, its_tag: int, priority: int = 0) -> ReadyPiece:
    return ReadyPiece(seq, f"j{seq}", run, 0, 0, P, priority, its_tag, attempt=0, tries=0, losses=0)


@dataclass
class WaitingRoom:
    """One processor's queue, driven as the dispatcher does it: ``left`` is the order in which runs got a turn."""

    times: VirtualTimes = field(default_factory=VirtualTimes)
    waiting: list[ReadyJob] = field(default_factory=list)
    left: list[int] = field(default_factory=list)
    jobs: int = 0

    def submit(self, run: int, count: int, priority: int = 0) -> None:
        base = self.times.now(P, priority)
        for place in range(count):
            self.jobs += 1
            self.waiting.append(ready(self.jobs, run, tag(base, place), priority))
        self.waiting.sort(key=lambda job: (-job.priority, job.tag, job.seq))

    def take(self, room: int) -> None:
        for job in whose_turn(self.waiting[:room], [], room):
            self.times.leaves(job)
            self.left.append(job.run)
            assert isinstance(job, ReadyJob)
            self.waiting.remove(job)

    def waits(self, run: int) -> bool:
        return any(job.run == run for job in self.waiting)


@given(
    st.integers(1, 30), st.integers(1, 30), st.integers(0, 30), st.integers(1, 5),
)  # fmt: skip
def test_two_runs_that_wait_for_one_processor_take_turns_from_the_moment_the_later_came(
    earlier: int, later: int, before: int, room: int
) -> None:
    queue = WaitingRoom()
    queue.submit(1, earlier)
    for _ in range(before):
        queue.take(1)
    queue.left.clear()
    queue.submit(2, later)
    while queue.waits(1) and queue.waits(2):
        queue.take(room)
    both_waited = queue.left[: 2 * min(queue.left.count(1), queue.left.count(2))]
    ahead = 0
    for run in both_waited:
        ahead += 1 if run == 1 else -1
        assert abs(ahead) <= 1


events = st.lists(
    st.one_of(
        st.tuples(st.just("submit"), st.integers(1, 12), st.integers(0, 1)),
        st.tuples(st.just("take"), st.integers(1, 5), st.just(0)),
    ),
    max_size=40,
)


@given(events)
def test_no_run_gets_far_more_turns_than_another_of_its_priority_while_both_wait(
    story: list[tuple[str, int, int]],
) -> None:
    """Whatever others do meanwhile, urgent ones included."""
    queue = WaitingRoom()
    priorities: dict[int, int] = {}
    turns: Counter[int] = Counter()
    seen_at: dict[tuple[int, int], tuple[int, int]] = {}  # turns of a pair when both began to wait
    for what, number, priority in story:
        if what == "submit":
            run = len(priorities) + 1
            priorities[run] = priority
            queue.submit(run, number, priority)
        else:
            for _ in range(number):
                queue.take(1)
                turns = Counter(queue.left)
                still = [run for run in priorities if queue.waits(run)]
                for pair in [pair for pair in seen_at if not set(pair) <= set(still)]:
                    del seen_at[pair]
                for (one, other), (first, second) in seen_at.items():
                    assert abs((turns[one] - first) - (turns[other] - second)) <= 2
        still = [run for run in priorities if queue.waits(run)]
        for one in still:
            for other in still:
                if one < other and priorities[one] == priorities[other]:
                    seen_at.setdefault((one, other), (turns[one], turns[other]))


@given(st.integers(1, 40), st.integers(1, 40), st.integers(0, 20))
def test_an_urgent_run_goes_first_however_much_waits(bulk: int, urgent: int, before: int) -> None:
    queue = WaitingRoom()
    queue.submit(1, bulk)
    queue.take(min(before, bulk))
    queue.left.clear()
    queue.submit(2, urgent, priority=5)
    queue.take(urgent)
    assert queue.left == [2] * urgent


def test_what_was_urgent_and_is_through_does_not_put_a_newcomer_behind_those_that_waited() -> None:
    queue = WaitingRoom()
    queue.submit(1, 500)
    queue.take(10)
    queue.submit(2, 400, priority=5)
    queue.take(400)
    queue.left.clear()
    queue.submit(3, 3)
    queue.take(6)
    assert queue.left == [1, 3, 1, 3, 1, 3]


def test_pieces_and_jobs_stand_in_one_line() -> None:
    jobs = [ready(1, 1, 1), ready(2, 1, 4)]
    pieces = [ready_piece(3, 2, 0, priority=1), ready_piece(4, 3, 2), ready_piece(5, 3, 4)]
    assert [one.seq for one in whose_turn(jobs, pieces, 4)] == [3, 1, 4, 2]


@given(st.integers(1, 64), st.one_of(st.none(), st.floats(0, 1000)))
def test_the_window_keeps_every_slot_busy_and_one_piece_to_follow(slots: int, seconds: float | None) -> None:
    size = window_size(slots, seconds)
    assert size >= 2 * slots


@given(st.integers(1, 16), st.floats(1e-6, 100), st.floats(1e-6, 100))
def test_the_slower_a_processor_the_shorter_its_window(slots: int, one: float, other: float) -> None:
    fast, slow = sorted((one, other))
    assert window_size(slots, slow) <= window_size(slots, fast)


def test_slow_work_waits_in_the_database_and_not_in_the_broker() -> None:
    assert window_size(2, 10.0) == 4


@given(st.integers(1, 5000), st.integers(1, 32))
def test_cuts_hold_every_page_once_and_in_order(pages: int, slots: int) -> None:
    numbers = cuts(pages, slots)
    assert [number for cut in numbers for number in cut] == list(range(pages))
    assert all(0 < len(cut) <= 50 for cut in numbers)


@pytest.mark.parametrize(("pages", "slots"), [(40, 2), (100, 4), (1000, 2)])
def test_there_are_pieces_for_all_slots(pages: int, slots: int) -> None:
    assert len(cuts(pages, slots)) >= slots
