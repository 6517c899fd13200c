"""A run's report: what it says of pages, steps and causes, and that hostile names stay text."""

from __future__ import annotations

from dataclasses import replace

from offizin.jobs import RunKind, State
from offizin.report.composing import compose
from offizin.report.contents import RunReport, Spread
from offizin.report.html import as_html_file
from offizin.store.page_counts import CountsRow
from offizin.store.run_story import PageInStep
from offizin.store.runs import RunRow, StepRow

RUN = RunRow(
    seq=1, id="3da49c41-0000-4000-8000-000000000000", kind=RunKind.WORKFLOW, workspace=1, mets="/books/a b/mets.xml",
    workflow="dummy -I A -O B\ndummy -I B -O C", page_selector="P1..P4", page_wise=True, overwrite=False, priority=0,
    state=State.FAILED, open_jobs=0, all_jobs=8, skipped_jobs=0, revivals=0, submitted_at=0.0, ended_at=90.0,
    message="", description="", callback_url=None,
)  # fmt: skip
STEPS = [
    StepRow(0, "ocrd-dummy", '{"level": "word"}', ("A",), ("B",)),
    StepRow(1, "ocrd-dummy", "{}", ("B",), ("C",)),
]
STORY = [
    PageInStep(0, "P1", State.SUCCESS, "", None, "", 1.0, 100),
    PageInStep(1, "P1", State.SUCCESS, "", None, "", 2.0, 300),
    PageInStep(0, "P2", State.FAILED, "", "EXCEPTION", "no <b>", 9.0, 200),
    PageInStep(1, "P2", State.CANCELLED, "", "NO_INPUT", "its input failed"),
    PageInStep(0, "P3", State.FAILED, "", "EXCEPTION", "another text", 9.0, 200),
    PageInStep(1, "P3", State.CANCELLED, "", "NO_INPUT", "its input failed"),
    PageInStep(0, "P4", State.SUCCESS, "", None, "", 3.0, 100),
    PageInStep(1, "P4", State.SUCCESS, "copied", None, "", 4.0, 100),
]
COUNTS = {
    (0, "P1"): CountsRow(1, "P1", 1, 1, 1, 0.2),
    (1, "P1"): CountsRow(2, "P1", 2, 10, 70, 0.9),
    (0, "P4"): CountsRow(7, "P4", 2, 10, 60, 0.4),
}


def report() -> RunReport:
    return compose(RUN, STEPS, STORY, COUNTS, {}, {0: 22.0, 1: 6.0}, {"ocrd-dummy": "3.13.3"}, now=100.0)


def test_pages_are_counted_by_how_they_stand_in_each_step() -> None:
    first, second = report().steps
    assert first.pages == {"SUCCESS": 2, "FAILED": 2}
    assert second.pages == {"SUCCESS": 1, "CANCELLED": 2, "copied": 1}
    assert (first.version, first.parameters) == ("3.13.3", {"level": "word"})


def test_the_time_of_a_page_is_told_of_those_that_succeeded_and_memory_of_all() -> None:
    first, second = report().steps
    assert first.seconds == Spread(1.0, 1.5, 2.0, 2.5, 3.0)
    assert (first.seconds_in_all, first.peak_memory, second.peak_memory) == (22.0, 200, 300)


def test_pages_that_failed_alike_are_one_trouble() -> None:
    assert [(t.step, t.state, t.cause, t.pages) for t in report().troubles] == [
        (0, "FAILED", "EXCEPTION", ["P2", "P3"]),
        (1, "CANCELLED", "NO_INPUT", ["P2", "P3"]),
        (1, "copied", "", ["P4"]),
    ]


def test_what_was_recognised_is_that_of_the_last_step_and_the_worst_pages_come_first() -> None:
    found = report()
    assert [(p.page_id, p.words, p.confidence) for p in found.pages] == [
        ("P1", 70, 0.9), ("P2", None, None), ("P3", None, None), ("P4", 60, 0.4),
    ]  # fmt: skip
    assert [(p.page_id, p.confidence) for p in found.worst_pages] == [("P4", 0.4), ("P1", 0.9)]


def test_the_command_does_the_same_again() -> None:
    assert report().command == (
        "offizin run '/books/a b/mets.xml' -w - -g P1..P4 <<'END'\ndummy -I A -O B\ndummy -I B -O C\nEND"
    )


def test_what_was_not_measured_page_by_page_has_no_box() -> None:
    whole = [replace(page, seconds=None) for page in STORY]
    found = compose(RUN, STEPS, whole, {}, {}, {}, {}, now=100.0)
    assert [step.seconds for step in found.steps] == [None, None]
    assert "Nothing was measured page by page" in as_html_file(found)


def test_the_html_shows_names_and_texts_of_others_as_text_and_asks_nothing_of_the_network() -> None:
    hostile = "<script>alert(1)</script>"
    run = replace(RUN, message=hostile, workflow=hostile, mets=f'/books/"{hostile}/mets.xml')
    steps = [replace(STEPS[0], processor=f"ocrd-{hostile}", parameters='{"<i>": "</pre>"}'), STEPS[1]]
    story = [replace(page, page=f"{page.page}{hostile}", message=hostile) for page in STORY]
    html = as_html_file(compose(run, steps, story, {}, {}, {}, {hostile: hostile}, now=100.0))
    assert "<script" not in html
    assert "<i>" not in html
    assert "&lt;script&gt;" in html
    assert "http" not in html.replace("http-equiv", "")
    assert "<svg" in html
