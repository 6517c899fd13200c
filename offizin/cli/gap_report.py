"""Pages that have no output of their own, in one line for each reason; and what was recognised on the others."""

from __future__ import annotations

from rich.console import Console
from rich.text import Text

from offizin.cli.wording import count, safe, some
from offizin.client import Gap, Gaps, RunSummary, StepSummary
from offizin.jobs import COPIED, SKIPPED

# Names of pages in one line.
NAMED = 10
_WORDS = {
    "failed": "are missing, because they failed",
    "cancelled": "are missing for want of what they need, or were cancelled",
    SKIPPED: "are missing, because they were skipped",
    COPIED: "have a copy of their input",
}


def has_gaps(run: RunSummary) -> bool:
    return any(step.account.missing or step.account.skipped or step.account.copied for step in run.steps)


def show_gaps(console: Console, run: RunSummary, gaps: Gaps) -> None:
    """``gaps`` by step."""
    if not gaps.gaps:
        return
    accounts = {step.number: step.account for step in run.steps}
    alike: dict[tuple[int, str, str], list[Gap]] = {}
    for gap in gaps.gaps:
        alike.setdefault((gap.step, gap.became, gap.cause), []).append(gap)
    if run.ended and run.steps:
        last = run.steps[-1].account
        console.print(f"{last.pages_out:,} of {count(last.pages_in, 'page')} came out of the last step.")
    for (step, became, cause), found in alike.items():
        pages = some([gap.page_id for gap in found], NAMED)
        name = found[0].processor.removeprefix("ocrd-")
        of = accounts[step].pages_in if step in accounts else len(found)
        words = f"{len(found):,} of {count(of, 'page')} {_WORDS.get(became, became)}: {pages}"
        why = f" ({cause}: {safe(found[0].message.splitlines()[0])})" if cause and found[0].message else ""
        console.print(Text(f"  step {step + 1} {name}: {words}{why}"), soft_wrap=True)
    if gaps.more:
        console.print("  … and more: --json has all of them.")


def show_recognised(console: Console, run: RunSummary) -> None:
    for step in run.steps:
        if step.recognised is not None:
            console.print(f"Step {step.number + 1} {step.processor.removeprefix('ocrd-')}: {recognised(step)}")


def recognised(step: StepSummary) -> str:
    """As in ``1,234 words in 120 lines, mean confidence 87 %``."""
    found = step.recognised
    if found is None:
        return ""
    parts = [
        count(number, thing)
        for number, thing in ((found.words, "word"), (found.lines, "line"), (found.regions, "region"))
        if number
    ]
    words = " in ".join(parts)
    return words if found.confidence is None else f"{words}, mean confidence {found.confidence * 100:.0f} %"
