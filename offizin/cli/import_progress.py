"""How far an import is: a bar on a terminal, nothing elsewhere."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from offizin.cli.terminal import progress_console


@contextmanager
def import_progress() -> Iterator[Callable[[int, int], None] | None]:
    """Gives what is to be called with (steps done, steps in all)."""
    console = progress_console()
    if not console.is_terminal:
        yield None
        return
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("Importing"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task("import", total=None)
        yield lambda done, steps: bar.update(task, completed=done, total=steps)
