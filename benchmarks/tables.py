"""Groups of figures in the terminal, and as Markdown between the markers of a page."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table

from benchmarks.figures import HEADINGS, Figure, Group


def show(console: Console, group: Group) -> None:
    shown = _filled(group.figures)
    table = Table(*(HEADINGS[column] for column in shown), title=group.title, title_justify="left")
    for figure in group.figures:
        style = {None: "", True: "green", False: "bold red"}[figure.met]
        table.add_row(*(figure.cells[column] for column in shown), style=style)
    console.print(table)
    for line in group.lines:
        console.print(line, markup=False, highlight=False)
    if group.split:
        console.print(f"\n{group.split}\n", markup=False, highlight=False)


def as_markdown(group: Group) -> str:
    shown = _filled(group.figures)
    rows = [HEADINGS, *(figure.cells for figure in group.figures)]
    lines = ["| " + " | ".join(row[column] for column in shown) + " |" for row in rows]
    lines.insert(1, "|" + " --- |" * len(shown))
    parts = ["\n".join(lines), *group.lines]
    if group.split:
        parts.append(f"```text\n{group.split}\n```")
    return "\n\n".join(parts)


def write(page: Path, groups: Mapping[str, Group], measured_on: str) -> None:
    """Put each group between ``<!-- measured: NAME -->`` and ``<!-- end -->``. The rest of the page stays.

    Raises SystemExit when the page has no place for a group.
    """
    text = page.read_text(encoding="utf-8")
    for name, group in groups.items():
        place = re.compile(rf"(<!-- measured: {re.escape(name)} -->\n).*?(<!-- end -->)", re.DOTALL)
        content = f"\n{as_markdown(group)}\n\nMeasured {measured_on}.\n\n"
        text, times = place.subn(lambda found, content=content: found[1] + content + found[2], text)  # type: ignore[misc]
        if not times:
            raise SystemExit(f"{page} has no place for {name}: <!-- measured: {name} --> and <!-- end -->")
    page.write_text(text, encoding="utf-8")


def _filled(figures: Sequence[Figure]) -> list[int]:
    """The columns in which something stands."""
    return [column for column in range(len(HEADINGS)) if any(figure.cells[column] for figure in figures)]
