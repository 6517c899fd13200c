"""``offizin text``: recognised text, page by page."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from offizin.cli.options import mets_argument, mets_file
from offizin.cli.verbosity import verbosity_option

if TYPE_CHECKING:
    from offizin.cli.text_accuracy import ComparedPage


@click.command("text")
@mets_argument
@click.option("-I", "--input-file-grp", "group", metavar="GROUP", help="Its file group. [default: the last with text]")
@click.option("-g", "--page-id", "pages", metavar="PAGES", help="Only these pages, as in PHYS_0001..PHYS_0010.")
@click.option(
    "--truth", metavar="GROUP",
    help="A file group with the text as it should be: tells how many of each page's characters are wrong.",
)  # fmt: skip
@verbosity_option
def command(mets: Path, group: str | None, pages: str | None, truth: str | None) -> None:
    """Print the recognised text of METS (a mets.xml, or the directory that holds one).

    Lines come in reading order; each page begins with its id, unless it is the only one.

    With --truth each page's character error rate stands beside its id, and that of the book at the end: insertions,
    deletions and substitutions for each hundred characters of the truth, in Unicode NFC, with runs of white space as
    one.

    \b
    Examples:
      offizin text my-book
      offizin text my-book -I OCR-D-OCR -g PHYS_0002 > page2.txt
      offizin text my-book -I OCR-D-OCR --truth OCR-D-GT-PAGE
    """
    if truth:
        from offizin.cli.text_accuracy import compared_text

        _tell_errors(compared_text(mets_file(mets), group, truth, pages), truth)
        return
    from offizin.workspaces.book_text import book_text

    texts = book_text(mets_file(mets), group, pages)
    for number, (page, lines) in enumerate(texts):
        if len(texts) > 1:
            click.echo(("\n" if number else "") + f"=== {page} ===")
        _tell_lines(lines)


def _tell_errors(compared: list[ComparedPage], truth: str) -> None:
    from offizin.cli.text_accuracy import errors_of_book
    from offizin.cli.wording import count

    for page in compared:
        rate = f"character error rate {page.errors.rate:.2%}" if page.errors else f"nothing in {truth}"
        click.echo(f"=== {page.page}: {rate} ===")
        if page.lines is None:
            click.echo("(no PAGE-XML)", err=True)
        else:
            _tell_lines(page.lines)
        click.echo()
    book = errors_of_book(compared)
    pages = count(sum(page.errors is not None for page in compared), "page")
    click.echo(f"Character error rate of {pages}: {book.rate:.2%} ({book.edits:,} of {book.characters:,} characters)")


def _tell_lines(lines: list[str]) -> None:
    click.echo("\n".join(lines) if lines else "(no text)", err=not lines)
