"""``make demo``: a small book is rendered, recognised by real processors through a server, and compared."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import click
from rich.console import Console
from rich.panel import Panel
from rich.text import Text

from offizin.demo.book import book_lines, render_book
from offizin.demo.server import command, running_server
from offizin.errors import OffizinError
from offizin.processors.language_data import VARIABLE, find_tessdata
from offizin.workspaces.accuracy import character_error_rate
from offizin.workspaces.image_import import import_images
from offizin.workspaces.recognised_text import recognised_text

WORKFLOW = """\
# find regions, lines and words, then recognise them
tesserocr-segment -I OCR-D-IMG -O OCR-D-SEG
tesserocr-recognize -I OCR-D-SEG -O OCR-D-OCR -P model eng -P textequiv_level word -P overwrite_segments true
"""
RESULT_GROUP = "OCR-D-OCR"
SEED = 1784


@click.command()
@click.option("--book", type=click.Path(path_type=Path), default=Path("demo-book"), show_default=True)
@click.option("--home", type=click.Path(path_type=Path), default=Path(".demo-home"), show_default=True)
@click.option("--pages", type=click.IntRange(1, 1000), default=3, show_default=True)
def main(book: Path, home: Path, pages: int) -> None:
    """Render a small book, recognise it, show its text and how well it matches. A second time, only what is missing."""
    console = Console(highlight=False)
    try:
        sys.exit(_demonstrate(console, book, home, pages))
    except OffizinError as fault:
        hint = f"\nHint: {fault.advice}" if fault.advice else ""
        Console(stderr=True).print(f"Error: {fault.message}{hint}", markup=False, highlight=False, soft_wrap=True)
        sys.exit(fault.exit_code)


def _demonstrate(console: Console, book: Path, home: Path, pages: int) -> int:
    """Gives the exit code: that of the run."""
    environment = _environment()
    mets = _book(console, book, pages)
    workflow = book / "workflow.txt"
    workflow.write_text(WORKFLOW)

    console.print(
        f"Starting a server (home: {home}) and running {workflow}:\n\n{WORKFLOW}", markup=False, soft_wrap=True
    )
    with running_server(home, environment) as url:
        run = [command(), "run", str(mets), "--server", url, "-w", str(workflow), "--page-wise"]
        code = subprocess.run(run, env=environment, check=False).returncode
    if code:
        return code
    _show(console, mets)
    _tell_how_to_go_on(console, book, home)
    return 0


def _environment() -> dict[str, str]:
    """Processors of this environment first on PATH, tesseract told where its language data lies."""
    programs = str(Path(sys.executable).parent)
    found = {VARIABLE: str(find_tessdata(["eng"], os.environ))}
    return {**os.environ, **found, "PATH": programs + os.pathsep + os.environ.get("PATH", os.defpath)}


def _book(console: Console, book: Path, pages: int) -> Path:
    mets = book / "mets.xml"
    if mets.exists():
        console.print(f"Using the book in {book} (remove it to start anew).")
        return mets
    console.print(f"Rendering a book of {pages} pages and importing it into {book}.")
    with tempfile.TemporaryDirectory() as directory:
        rendered = render_book(Path(directory), pages, SEED)
        return import_images([page.image for page in rendered.pages], book, identifier="offizin-demo").mets


def _show(console: Console, mets: Path) -> None:
    texts = recognised_text(mets, RESULT_GROUP)
    numbers = {page: int(page.rpartition("_")[2]) for page in texts}  # PHYS_0001 is the first page
    truths = book_lines(max(numbers.values(), default=0))
    for page, lines in texts.items():
        rate = character_error_rate("\n".join(truths[numbers[page] - 1]), "\n".join(lines))
        right = f"{max(0.0, 1 - rate):.2%} of the characters right"
        console.print(Panel(Text("\n".join(lines)), title=page, subtitle=right))


def _tell_how_to_go_on(console: Console, book: Path, home: Path) -> None:
    activate = Path(sys.prefix) / "bin" / "activate"
    here = Path.cwd()
    shown = activate.relative_to(here) if activate.is_relative_to(here) else activate
    console.print(
        f"Results: {book}/{RESULT_GROUP}/ (PAGE-XML), listed in {book}/mets.xml.\n"
        "\n"
        "Your own scans:\n"
        f"  . {shown}\n"
        "  offizin import SCANS/ -o my-book\n"
        f"  offizin run my-book -w {book}/workflow.txt\n"
        "  offizin text my-book\n"
        "\n"
        f"A server that stays: offizin serve --home {home}; then http://127.0.0.1:8000/docs shows its API.\n"
        "What may be missing on this machine: offizin doctor",
        markup=False,
        soft_wrap=True,
    )


if __name__ == "__main__":
    main()
