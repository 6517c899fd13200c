"""A book's text beside what it should be."""

from __future__ import annotations

from dataclasses import dataclass
from functools import reduce
from operator import add
from pathlib import Path

from offizin.workspaces.accuracy import CharacterErrors, character_errors
from offizin.workspaces.book_text import book_text


@dataclass(frozen=True)
class ComparedPage:
    """``lines`` is None for a page that has a truth, but no PAGE-XML to compare; ``errors`` where there is no truth."""

    page: str
    lines: list[str] | None
    errors: CharacterErrors | None


def compared_text(mets: Path, group: str | None, truth_group: str, pages: str | None) -> list[ComparedPage]:
    """The selected pages that have a PAGE-XML in either group, first those of ``group``. Blocking.

    A page that is not there is wrong in all its characters. Raises as ``book_text`` does.
    """
    truths = dict(book_text(mets, truth_group, pages))
    texts = dict(book_text(mets, group, pages, other_than=truth_group))

    def compare(page: str) -> ComparedPage:
        lines = texts.get(page)
        errors = character_errors("\n".join(truths[page]), "\n".join(lines or [])) if page in truths else None
        return ComparedPage(page, lines, errors)

    return [compare(page) for page in dict.fromkeys([*texts, *truths])]


def errors_of_book(pages: list[ComparedPage]) -> CharacterErrors:
    """Of all pages that have a truth."""
    return reduce(add, (page.errors for page in pages if page.errors), CharacterErrors(0, 0))
