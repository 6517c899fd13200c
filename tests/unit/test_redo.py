"""What of a run is done again."""

from __future__ import annotations

from offizin.jobs import State
from offizin.scheduling.redo import Again, PageOfJob, Redo, What, choose
from offizin.store.jobs import JobRow
from offizin.store.runs import StepRow

STEPS = {
    0: StepRow(0, "ocrd-seg", "{}", ("IMG",), ("SEG",)),
    1: StepRow(1, "ocrd-rec", "{}", ("SEG",), ("OCR",)),
    2: StepRow(2, "ocrd-look", "{}", ("IMG",), ("OTHER",)),
}
GOOD, BAD, NEVER = State.SUCCESS, State.FAILED, State.CANCELLED


def row(step: int, page: str | None, state: State) -> JobRow:
    seq = step * 10 + int(page[1:] if page else 0)
    return JobRow(seq, f"j{seq}", 1, step, page, 1, STEPS[step].processor, state, 0, 1, 0, 0, False)


def single(step: int, page: str, state: State, *, left_out: bool = False) -> tuple[JobRow, list[PageOfJob]]:
    return row(step, page, state), [PageOfJob(0, page, state, left_out)]


def whole(step: int, *states: State) -> tuple[JobRow, list[PageOfJob]]:
    pages = [PageOfJob(number, f"p{number + 1}", state) for number, state in enumerate(states)]
    return row(step, None, GOOD if set(states) == {GOOD} else BAD), pages


PAGE_WISE = [
    single(0, "p1", GOOD), single(1, "p1", GOOD), single(2, "p1", GOOD),
    single(0, "p2", BAD), single(1, "p2", NEVER), single(2, "p2", BAD),
    single(0, "p3", GOOD), single(1, "p3", BAD), single(2, "p3", GOOD),
]  # fmt: skip


def chosen(
    redo: Redo,
    rows: list[tuple[JobRow, list[PageOfJob]]],
    pages: set[str] | None = None,
    missing: set[tuple[str, str]] | None = None,
) -> list[tuple[int, list[str], bool]]:
    gone = missing or set()
    found: list[Again] = choose(redo, pages, rows, STEPS, lambda step, page: (step.output_file_grps[0], page) in gone)
    return [(again.row.step, [page.page for page in again.pages], again.asked) for again in found]


def test_what_failed_or_was_cancelled_is_done_again() -> None:
    assert chosen(Redo(), PAGE_WISE) == [
        (0, ["p2"], True), (1, ["p2"], True), (2, ["p2"], True), (1, ["p3"], True),
    ]  # fmt: skip


def test_pages_and_a_step_can_be_named_and_what_was_cancelled_behind_them_comes_along() -> None:
    assert chosen(Redo(pages="p3"), PAGE_WISE, {"p3"}) == [(1, ["p3"], True)]
    assert chosen(Redo(step=0), PAGE_WISE) == [(0, ["p2"], True), (1, ["p2"], False)]
    assert chosen(Redo(step=1), PAGE_WISE) == [(1, ["p2"], True), (1, ["p3"], True)]
    assert chosen(Redo(step=0, pages="p1"), PAGE_WISE, {"p1"}) == []


def test_all_means_what_is_well_too_and_all_behind_it() -> None:
    assert len(chosen(Redo(What.ALL), PAGE_WISE)) == len(PAGE_WISE)
    assert chosen(Redo(What.ALL, step=0, pages="p1"), PAGE_WISE, {"p1"}) == [(0, ["p1"], True), (1, ["p1"], False)]


def test_missing_means_what_has_no_output_whatever_was_said_of_it() -> None:
    gone = {("SEG", "p1"), ("OTHER", "p3")}
    assert chosen(Redo(What.MISSING), PAGE_WISE, missing=gone) == [
        (0, ["p1"], True), (0, ["p2"], True), (1, ["p2"], True), (2, ["p2"], True), (1, ["p3"], True),
        (2, ["p3"], True),
    ]  # fmt: skip
    gone = {("SEG", "p1"), ("OCR", "p1")}
    redo = Redo(What.MISSING, step=0, pages="p1")
    assert chosen(redo, PAGE_WISE, {"p1"}, gone) == [(0, ["p1"], True), (1, ["p1"], False)]


def test_what_was_left_out_is_missing_and_is_done_when_what_it_needs_is_done_again() -> None:
    rows = [single(0, "p1", BAD), single(1, "p1", GOOD, left_out=True), single(0, "p2", GOOD, left_out=True)]
    assert chosen(Redo(), rows) == [(0, ["p1"], True), (1, ["p1"], False)]
    assert chosen(Redo(What.MISSING), rows) == [(0, ["p1"], True), (1, ["p1"], True), (0, ["p2"], True)]


def test_input_that_was_dropped_at_the_end_is_made_once_more() -> None:
    rows = [single(0, "p1", GOOD), single(1, "p1", GOOD), single(0, "p2", GOOD), single(1, "p2", GOOD)]
    dropped = {("SEG", "p1"), ("SEG", "p2")}
    found = choose(Redo(What.ALL, step=1), {"p2"}, rows, STEPS, lambda *_: False, dropped)
    assert [(a.row.seq, [p.page for p in a.pages], a.asked) for a in found] == [(2, ["p2"], False), (12, ["p2"], True)]
    books = [whole(0, GOOD, GOOD, GOOD), whole(1, GOOD, GOOD, GOOD)]
    found = choose(Redo(What.ALL, step=1), {"p2"}, books, STEPS, lambda *_: False, dropped)
    assert [(a.row.step, [p.page for p in a.pages]) for a in found] == [(0, ["p2"]), (1, ["p2"])]


def test_of_a_job_of_many_pages_only_the_pages_in_question_are_done_again() -> None:
    rows = [whole(0, GOOD, BAD, GOOD), whole(1, BAD, NEVER, GOOD), whole(2, GOOD, GOOD, GOOD)]
    assert chosen(Redo(), rows) == [(0, ["p2"], True), (1, ["p1", "p2"], True)]
    assert chosen(Redo(step=0), rows) == [(0, ["p2"], True), (1, ["p2"], False)]
    assert chosen(Redo(What.ALL, step=0, pages="p3"), rows, {"p3"}) == [(0, ["p3"], True), (1, ["p3"], False)]
