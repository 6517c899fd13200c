"""What a run's report says."""

from __future__ import annotations

from io import StringIO

import msgspec
from rich.console import Console

from offizin.cli.gap_report import has_gaps, recognised, show_gaps
from offizin.cli.run_report import next_commands, show_failures, show_results, show_run
from offizin.client import (
    Failure,
    Failures,
    Gap,
    Gaps,
    OtherWay,
    PageAccount,
    Recognised,
    RunSummary,
    StepSummary,
)
from offizin.jobs import State

RUN = "3da49c41-6119-44a8-9a9f-128a43edad58"


def run(*steps: dict[State, int], ended: bool = True, **more: object) -> RunSummary:
    made = [
        StepSummary(n, f"ocrd-s{n}", [f"G{n}"], [f"G{n + 1}"], counts=counts, seconds=1234.56 if ended else None)
        for n, counts in enumerate(steps)
    ]
    values = {"state": State.FAILED, "page_wise": True, **more}
    return RunSummary(
        RUN, path_to_mets="/b/mets.xml", submitted_at=0.0, ended_at=65.0 if ended else None, steps=made, **values
    )  # type: ignore[arg-type]


def printed(show: object, *arguments: object, **named: object) -> str:
    stream = StringIO()
    show(Console(file=stream, width=120), *arguments, **named)  # type: ignore[operator]
    return "\n".join(line.rstrip() for line in stream.getvalue().splitlines())


def test_the_table_counts_what_became_of_each_step() -> None:
    text = printed(show_run, run({State.SUCCESS: 1200, State.FAILED: 2}, {State.SUCCESS: 1200, State.CANCELLED: 2}))
    assert f"Run {RUN}: FAILED in 1:05 min" in text
    assert "1  ocrd-s0  G0 → G1      1,200       2          0  1,234.6" in text
    assert "2  ocrd-s1  G1 → G2      1,200       0          2  1,234.6" in text


def test_a_run_under_way_shows_what_waits_and_runs() -> None:
    counts = {State.CACHED: 3, State.QUEUED: 1, State.RUNNING: 2, State.SUCCESS: 4}
    text = printed(show_run, run(counts, ended=False, state=State.RUNNING))
    assert "waiting  running  done  failed  cancelled" in text
    assert text.splitlines()[-1].split()[-5:] == ["4", "2", "4", "0", "0"]


def test_skipped_jobs_are_told() -> None:
    assert "6 jobs skipped" in printed(show_run, run({}, skipped=6, state=State.SUCCESS))


def test_pages_that_were_done_in_another_way_are_named() -> None:
    pages = [f"P{number}" for number in range(1, 13)]
    ways = [
        OtherWay("ocrd-one", True, pages=12, page_ids=pages), OtherWay("ocrd-two", True),
        OtherWay("ocrd-s0", False, pages=1, page_ids=["P20"]),
    ]  # fmt: skip
    shown = run({State.SUCCESS: 20}, state=State.SUCCESS)
    step = msgspec.structs.replace(shown.steps[0], other_ways=ways)
    text = printed(show_run, msgspec.structs.replace(shown, steps=[step]))
    assert "Step 1: 12 pages done by the fallback ocrd-one: P1, P2, P3, P4, P5, P6, P7, P8, P9, P10 and 2 more" in text
    assert "Step 1: 1 page done by ocrd-s0, as a retry asked for: P20" in text
    assert "ocrd-two" not in text


LETTERS = "abcdefghijklmnopqrstuvwxyz"


def failures(number: int, message: str = "boom {letter}", log: str = "") -> Failures:
    return Failures(
        [
            Failure(
                f"job{n}", 0, "ocrd-x", "EXCEPTION", f"P{n}", message=message.format(letter=LETTERS[n]), log_tail=log
            )
            for n in range(number)
        ]
    )


def test_a_failure_names_page_step_cause_message_and_the_end_of_its_log() -> None:
    log = "\n".join(f"line {n}" for n in range(30)) + "\n\x1b[31mred"
    text = printed(show_failures, failures(1, log=log))
    assert "step 1 ocrd-x, page P0: EXCEPTION" in text
    assert "  boom a" in text
    assert "(job job0)" in text
    assert "line 29" in text
    assert "line 24" not in text
    assert "\x1b" not in text


def test_pages_that_failed_for_one_reason_are_one_entry() -> None:
    text = printed(show_failures, failures(12, message="model gone"))
    assert text.count("model gone") == 1
    assert "step 1 ocrd-x, 12 pages: EXCEPTION" in text
    assert "P0, P1" in text
    assert "P9 and 2 more" in text


def test_only_the_first_reasons_are_told_in_full() -> None:
    text = printed(show_failures, failures(26), in_full=20)
    assert text.count("EXCEPTION") == 20
    assert "6 more reasons not shown" in text


def test_results_are_where_the_groups_are() -> None:
    text = printed(show_results, run({State.SUCCESS: 1}, {State.CANCELLED: 1}))
    assert text == "Results: G1 in /b, listed in mets.xml"


def test_a_mets_that_could_not_be_saved_is_told_and_can_be_saved_later() -> None:
    refused = run({State.SUCCESS: 1}, message="/b/mets.xml cannot be written")
    assert "not all of them listed in mets.xml" in printed(show_results, refused)
    assert next_commands(refused, Failures([]), "")[0].startswith(f"offizin retry {RUN} ")


def test_good_pages_of_a_failed_job_of_many_pages_are_results() -> None:
    assert "G1 in /b" in printed(show_results, run({State.FAILED: 1}, page_wise=False))


def test_the_next_commands_lead_to_the_same_place() -> None:
    commands = next_commands(run({State.FAILED: 1}), failures(1), "--home /h")
    assert [command.split("   #")[0] for command in commands] == [
        f"offizin retry --home /h {RUN}",
        "offizin logs --home /h job0",
    ]


def test_nothing_is_to_be_retried_when_all_went_well() -> None:
    commands = next_commands(run({State.SUCCESS: 1}, state=State.SUCCESS), Failures([]), "")
    assert [command.split("   #")[0] for command in commands] == ["offizin text /b"]


def test_gaps_are_told_in_one_line_for_each_step_and_reason() -> None:
    account = PageAccount(pages_in=20, pages_out=8, missing=0, skipped=12)
    step = StepSummary(0, "ocrd-x", counts={State.SUCCESS: 20}, account=account)
    shown = RunSummary(RUN, State.SUCCESS, "/b/mets.xml", 0.0, ended_at=1.0, steps=[step])
    gaps = [Gap(0, "ocrd-x", f"P{n}", "skipped", "job", "EXCEPTION", "no\x1b ink\nat all") for n in range(12)]
    lines = printed(show_gaps, shown, Gaps(gaps)).splitlines()
    assert lines[0] == "8 of 20 pages came out of the last step."
    assert lines[1].startswith("  step 1 x: 12 of 20 pages are missing, because they were skipped: P0, P1")
    assert lines[1].endswith("P9 and 2 more (EXCEPTION: no\ufffd ink)")
    assert len(lines) == 2
    assert has_gaps(shown)
    assert any("--what missing" in command for command in next_commands(shown, Failures([]), ""))
    assert printed(show_gaps, shown, Gaps()) == ""


def test_what_was_recognised_is_told_with_its_confidence() -> None:
    step = StepSummary(1, "ocrd-x", recognised=Recognised(regions=3, lines=120, words=1234, confidence=0.871))
    assert recognised(step) == "1,234 words in 120 lines in 3 regions, mean confidence 87 %"
    assert recognised(StepSummary(1, "ocrd-x", recognised=Recognised(regions=1))) == "1 region"
