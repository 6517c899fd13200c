"""``offizin text``: recognised text, page by page."""

from __future__ import annotations

from pathlib import Path

import click

from offizin.cli.options import mets_argument, mets_file
from offizin.cli.verbosity import verbosity_option


@click.command("text")
@mets_argument
@click.option("-I", "--input-file-grp", "group", metavar="GROUP", help="Its file group. [default: the last with text]")
@click.option("-g", "--page-id", "pages", metavar="PAGES", help="Only these pages, as in PHYS_0001..PHYS_0010.")
@verbosity_option
def command(mets: Path, group: str | None, pages: str | None) -> None:
    """Print the recognised text of METS (a mets.xml, or the directory that holds one).

    Lines come in reading order; each page begins with its id, unless it is the only one.

    \b
    Examples:
      offizin text my-book
      offizin text my-book -I OCR-D-OCR -g PHYS_0002 > page2.txt
    """
    from offizin.cli.book_text import book_text

    texts = book_text(mets_file(mets), group, pages)
    for number, (page, lines) in enumerate(texts):
        if len(texts) > 1:
            click.echo(("\n" if number else "") + f"=== {page} ===")
        click.echo("\n".join(lines) if lines else "(no text)", err=not lines)
