"""Edges against an oracle that looks at every pair of jobs."""

from __future__ import annotations

from itertools import combinations

from hypothesis import given
from hypothesis import strategies as st

from offizin.scheduling.edges import Work, edges_between
from offizin.store.edges import Edge, EdgeKind

GROUPS = st.lists(st.sampled_from("ABCD"), max_size=3, unique=True)
PAGES = st.lists(st.sampled_from(["p1", "p2", "p3"]), min_size=1, max_size=3, unique=True)


@st.composite
def submitted(draw: st.DrawFn) -> tuple[list[Work], list[Work]]:
    """Live jobs and new ones, numbered in the order they were submitted."""
    jobs = [Work(seq, draw(PAGES), draw(GROUPS), draw(GROUPS)) for seq in range(1, draw(st.integers(1, 9)) + 1)]
    cut = draw(st.integers(0, len(jobs)))
    return jobs[:cut], jobs[cut:]


def touching(work: Work, groups: list[str] | tuple[str, ...]) -> set[tuple[str, str]]:
    return {(group, page) for group in groups for page in work.pages}


def in_conflict(one: Work, other: Work) -> bool:
    """Whether one writes what the other reads or writes."""
    return bool(
        touching(one, one.writes) & touching(other, [*other.reads, *other.writes])
        or touching(one, one.reads) & touching(other, other.writes)
    )


def needed_by(work: Work, before: list[Work]) -> set[int]:
    """For each file group and page that it reads: the last job before it that writes them."""
    found = set()
    for what in touching(work, work.reads):
        makers = [other.seq for other in before if what in touching(other, other.writes)]
        if makers:
            found.add(makers[-1])
    return found


@given(submitted())
def test_every_conflicting_pair_is_kept_in_order_whatever_becomes_of_those_between(
    jobs: tuple[list[Work], list[Work]],
) -> None:
    live, new = jobs
    found = {(edge.predecessor, edge.successor) for edge in edges_between(live, new)}
    expected = {
        (one.seq, other.seq)
        for one, other in combinations([*live, *new], 2)
        if in_conflict(one, other) and other.seq > len(live)
    }
    assert found == expected


@given(submitted())
def test_a_job_needs_the_last_one_that_makes_what_it_reads_and_no_other(jobs: tuple[list[Work], list[Work]]) -> None:
    live, new = jobs
    everything = [*live, *new]
    found = edges_between(live, new)
    for work in new:
        needs = {e.predecessor for e in found if e.successor == work.seq and e.kind is EdgeKind.NEEDS}
        assert needs == needed_by(work, [other for other in everything if other.seq < work.seq])


@given(submitted())
def test_each_pair_is_given_once_and_no_job_waits_for_itself(jobs: tuple[list[Work], list[Work]]) -> None:
    found = edges_between(*jobs)
    pairs = [(edge.predecessor, edge.successor) for edge in found]
    assert len(pairs) == len(set(pairs))
    assert all(before < after for before, after in pairs)


def test_a_page_wise_workflow_is_a_chain_on_each_page() -> None:
    new = [
        Work(1, ["p1"], ["IMG"], ["SEG"]),
        Work(2, ["p1"], ["SEG"], ["OCR"]),
        Work(3, ["p2"], ["IMG"], ["SEG"]),
        Work(4, ["p2"], ["SEG"], ["OCR"]),
    ]
    assert edges_between([], new) == [Edge(1, 2, EdgeKind.NEEDS), Edge(3, 4, EdgeKind.NEEDS)]


def test_jobs_that_only_read_the_same_do_not_wait_for_each_other() -> None:
    assert edges_between([Work(1, ["p1"], ["IMG"], ["A"])], [Work(2, ["p1"], ["IMG"], ["B"])]) == []


def test_a_job_that_overwrites_comes_after_all_that_read_what_is_there() -> None:
    live = [Work(1, ["p1"], ["IMG"], ["A"]), Work(2, ["p1"], ["A"], ["B"]), Work(3, ["p1"], ["A"], ["C"])]
    found = edges_between(live, [Work(4, ["p1"], ["IMG"], ["A"])])
    assert set(found) == {Edge(seq, 4, EdgeKind.AFTER) for seq in (1, 2, 3)}


def test_a_book_job_waits_for_the_jobs_of_all_its_pages() -> None:
    live = [Work(1, ["p1"], [], ["A"]), Work(2, ["p2"], [], ["A"]), Work(3, ["p3"], [], ["A"])]
    found = edges_between(live, [Work(4, ["p1", "p2"], ["A"], ["B"])])
    assert found == [Edge(1, 4, EdgeKind.NEEDS), Edge(2, 4, EdgeKind.NEEDS)]
