"""From the rows of a run to its report. Pure."""

from __future__ import annotations

import json
import shlex
from collections import Counter
from collections.abc import Mapping, Sequence

from offizin import __version__
from offizin.jobs import State
from offizin.report.contents import PageReport, RunReport, Spread, StepReport, Trouble, WorstPage
from offizin.store.page_counts import CountsRow, StepCounts
from offizin.store.run_story import PageInStep
from offizin.store.runs import RunRow, StepRow

# How many of the pages with the least confidence are shown.
MOST_WORST = 12


def compose(
    run: RunRow,
    steps: Sequence[StepRow],
    story: Sequence[PageInStep],
    counts: Mapping[tuple[int, str], CountsRow],
    sums: Mapping[int, StepCounts],
    seconds: Mapping[int, float],
    versions: Mapping[str, str],
    now: float,
) -> RunReport:
    """``sums`` and ``seconds`` are by step, ``versions`` by processor. Pictures are put in later."""
    by_step: dict[int, list[PageInStep]] = {step.number: [] for step in steps}
    for found in story:
        by_step[found.step].append(found)
    pages = _pages(steps, story, counts)
    return RunReport(
        run_id=run.id,
        state=run.state if run.ended_at is not None else State.RUNNING,
        message=run.message,
        description=run.description,
        path_to_mets=run.mets,
        workflow=run.workflow,
        command=_command(run),
        submitted_at=run.submitted_at,
        ended_at=run.ended_at,
        made_at=now,
        made_by=f"offizin {__version__}",
        steps=[
            _step(step, by_step[step.number], sums.get(step.number), seconds.get(step.number, 0.0), versions)
            for step in steps
        ],
        pages=pages,
        troubles=_troubles(steps, story),
        worst_pages=_worst(pages),
    )


def _step(
    step: StepRow, story: Sequence[PageInStep], sums: StepCounts | None, seconds: float, versions: Mapping[str, str]
) -> StepReport:
    return StepReport(
        number=step.number,
        processor=step.processor,
        version=versions.get(step.processor, ""),
        parameters=json.loads(step.parameters),
        input_file_grps=list(step.input_file_grps),
        output_file_grps=list(step.output_file_grps),
        pages=dict(Counter(_stands(page) for page in story)),
        seconds=Spread.of([page.seconds for page in story if page.seconds is not None and page.state is State.SUCCESS]),
        seconds_in_all=seconds,
        peak_memory=max((page.peak_memory for page in story), default=0),
        words=sums.words if sums else 0,
        lines=sums.lines if sums else 0,
        confidence=sums.confidence if sums else None,
    )


def _pages(
    steps: Sequence[StepRow], story: Sequence[PageInStep], counts: Mapping[tuple[int, str], CountsRow]
) -> list[PageReport]:
    stands: dict[str, dict[int, str]] = {}
    for found in story:
        stands.setdefault(found.page, {})[found.step] = _stands(found)
    numbers = [step.number for step in steps]
    reports = []
    for page, states in stands.items():
        last = next((c for number in reversed(numbers) if (c := counts.get((number, page))) is not None), None)
        reports.append(
            PageReport(
                page_id=page,
                states=[states.get(number, "") for number in numbers],
                words=last.words if last else None,
                lines=last.lines if last else None,
                confidence=last.confidence if last else None,
            )
        )
    return reports


def _troubles(steps: Sequence[StepRow], story: Sequence[PageInStep]) -> list[Trouble]:
    processors = {step.number: step.processor for step in steps}
    found: dict[tuple[int, str, str], Trouble] = {}
    for page in story:
        stands = _stands(page)
        if page.state is State.SUCCESS and not page.mark:
            continue
        if not page.state.is_final:
            continue
        key = (page.step, stands, page.cause or "")
        trouble = found.setdefault(key, Trouble(page.step, processors[page.step], *key[1:], page.message, []))
        trouble.pages.append(page.page)
    return sorted(found.values(), key=lambda trouble: (trouble.step, -len(trouble.pages)))


def _worst(pages: Sequence[PageReport]) -> list[WorstPage]:
    known = [(page.confidence, page.page_id, page.words or 0) for page in pages if page.confidence is not None]
    return [WorstPage(page, confidence, words, "") for confidence, page, words in sorted(known)[:MOST_WORST]]


def _stands(page: PageInStep) -> str:
    """How the page stands in the step: its mark (skipped, copied …), or else its state."""
    return page.mark or page.state


def _command(run: RunRow) -> str:
    words = ["offizin", "run", run.mets, "-w", "-"]
    if run.page_selector:
        words += ["-g", run.page_selector]
    if not run.page_wise:
        words.append("--no-page-wise")
    end = "END"
    while end in run.workflow.splitlines():
        end += "_"
    return f"{shlex.join(words)} <<'{end}'\n{run.workflow.rstrip()}\n{end}"
