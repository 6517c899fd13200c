"""Page selectors: what a user may write for "these pages", resolved once into page ids.

The forms are those of ``ocrd process -g`` (ocrd_models.OcrdMets.get_physical_pages, ocrd 3.13.3), separated by commas:

    PHYS_0001               one page
    PHYS_0001..PHYS_0020    the pages whose ids differ from the first only in the number, as wide as the first's
    //PHYS_00.*             all pages whose whole id matches the regular expression
    ~PHYS_0003              not this one; in front of any form. Only such: all pages but these

Three differences on purpose: a range never expands its numbers, so that a huge one costs nothing; it varies the last
number of an id only (``P1_1..P1_3`` has no ``P2_2``); and what selects nothing is refused, where it would be an empty
list.
As there, a range must begin with a page that exists, and may end behind the last.

Pure, but for regular expressions, which are matched in a process of their own with little time: an event loop calls
``resolve_aside``.
"""

from __future__ import annotations

import asyncio
import difflib
import re
from collections.abc import Sequence
from typing import NamedTuple

from offizin.errors import PagesInvalid
from offizin.trust.patterns import PatternInvalid, full_matches

# read backwards, so that the last number is found without going to and fro
_NUMBER = re.compile(r"(?P<after>[^0-9]*)(?P<number>[0-9]++)(?P<before>.*)", re.DOTALL)
_MANY = 2000
_LONGEST = 1024 * 1024  # characters: ten thousand pages, each by its id, have some 150,000
_LONGEST_PART = 1000
_MOST_PATTERNS = 10
_MOST_COMPARISONS = 5_000_000  # of ranges with pages: some seconds


def resolve_pages(selector: str | None, pages: Sequence[str]) -> list[str]:
    """Return the ids of ``pages`` that ``selector`` names, in the order of ``pages``, each once.

    ``pages`` are all page ids of the METS, in its order. None and the empty string select all.
    Raises PagesInvalid when the selector is malformed, names a page that is not there, or leaves no page.
    """
    if not selector:
        return list(dict.fromkeys(pages))
    parts = selector.split(",")
    _check_bounds(selector, parts, len(pages))
    known = frozenset(pages)
    wanted: set[str] = set()
    unwanted: set[str] = set()
    only_negations = True
    for raw in parts:
        token = raw.strip()
        if token.startswith(("physical:", "logical:")):
            raise PagesInvalid(
                f"page selector {token!r}: 'physical:' and 'logical:' are not supported yet",
                advice="Name the pages by id, by range (a..b) or by regular expression (//...).",
            )
        negated = token.startswith("~")
        form = token.removeprefix("~")
        if not form:
            raise PagesInvalid(
                f"page selector {_short(selector)!r}: nothing stands in {raw!r}" if raw else _empty(selector)
            )
        found = _select(form, pages, known)
        if negated:
            unwanted |= found
        else:
            only_negations = False
            wanted |= found
    left = (known if only_negations else wanted) - unwanted
    if not left:
        raise PagesInvalid(f"page selector {_short(selector)!r} leaves none of the {len(known)} pages")
    return list(dict.fromkeys(page for page in pages if page in left))


class _Numbered(NamedTuple):
    before: str
    number: str
    after: str

    @classmethod
    def of(cls, page: str) -> _Numbered | None:
        """Split an id around its last number; None when it has none."""
        match = _NUMBER.fullmatch(page[::-1])
        return cls(*(part[::-1] for part in match.group("before", "number", "after"))) if match else None


async def resolve_aside(selector: str | None, pages: Sequence[str]) -> list[str]:
    """As ``resolve_pages``, in a thread where it may take more than a moment."""
    if selector is not None and (len(selector) > _LONGEST_PART or "//" in selector):
        return await asyncio.to_thread(resolve_pages, selector, [*pages])
    return resolve_pages(selector, pages)


def _check_bounds(selector: str, parts: Sequence[str], pages: int) -> None:
    if len(selector) > _LONGEST or any(len(part) > _LONGEST_PART for part in parts):
        raise PagesInvalid(
            f"page selector {_short(selector)!r} is too long",
            advice=f"It may have {_LONGEST} characters, {_LONGEST_PART} between commas.",
        )
    if sum("//" in part for part in parts) > _MOST_PATTERNS:
        raise PagesInvalid(
            f"page selector {_short(selector)!r} has more than {_MOST_PATTERNS} regular expressions",
            advice="Put them together with '|'.",
        )
    if sum(".." in part for part in parts) * pages > _MOST_COMPARISONS:
        raise PagesInvalid(
            f"page selector {_short(selector)!r} has too many ranges for {pages} pages",
            advice="Name the pages of short ranges by their ids.",
        )


def _select(form: str, pages: Sequence[str], known: frozenset[str]) -> set[str]:
    """One form without its ``~``: never empty."""
    if form.startswith("//"):
        return _matching(form, known)
    if ".." in form:
        return _between(form, pages, known)
    if form not in known:
        raise PagesInvalid(_unknown(form, pages), advice=_nearest(form, pages))
    return {form}


def _matching(form: str, known: frozenset[str]) -> set[str]:
    expression = form.removeprefix("//")
    if not expression:
        raise PagesInvalid(f"page selector {form!r}: no regular expression follows the '//'")
    try:
        found = set(full_matches(expression, sorted(known)))
    except PatternInvalid as error:
        raise PagesInvalid(
            f"page selector {form!r} is not a regular expression that can be used: {error}",
            advice="A comma separates selectors, also inside a regular expression.",
        ) from None
    if not found:
        raise PagesInvalid(f"page selector {form!r} matches none of the {len(known)} pages")
    return found


def _between(form: str, pages: Sequence[str], known: frozenset[str]) -> set[str]:
    first, _, last = form.partition("..")
    start, end = _Numbered.of(first), _Numbered.of(last)
    if start is None or end is None:
        raise PagesInvalid(
            f"page range {form!r}: {(first if start is None else last)!r} has no number",
            advice="A range counts up the last number of an id, as in PHYS_0001..PHYS_0020.",
        )
    if (start.before, start.after) != (end.before, end.after):
        raise PagesInvalid(
            f"page range {form!r}: both ends must be the same apart from the last number",
            advice=_nearest(first, pages) if first not in known else "",
        )
    if not _at_most(start.number, end.number):
        raise PagesInvalid(f"page range {form!r} runs backwards", advice=f"Write {last}..{first}.")
    if first not in known:
        raise PagesInvalid(f"page range {form!r}: {_unknown(first, pages)}", advice=_nearest(first, pages))
    width = len(start.number)
    found = set()
    for page in known:
        if not page.startswith(start.before) or not page.endswith(start.after):
            continue
        part = _Numbered.of(page)
        if part is None or (part.before, part.after) != (start.before, start.after):
            continue
        # as wide as the first, or wider without a leading zero: what counting up from the first writes
        written = len(part.number) == width or (len(part.number) > width and part.number[0] != "0")
        if written and _at_most(start.number, part.number) and _at_most(part.number, end.number):
            found.add(page)
    return found


def _at_most(one: str, other: str) -> bool:
    """Compare two numbers as written. Not by ``int``, which is slow and limited for thousands of digits."""
    one, other = one.lstrip("0"), other.lstrip("0")
    return (len(one), one) <= (len(other), other)


def _empty(selector: str) -> str:
    return f"page selector {_short(selector)!r} has an empty part: a comma too many"


def _short(selector: str) -> str:
    return selector if len(selector) <= 200 else selector[:200] + "…"


def _unknown(page: str, pages: Sequence[str]) -> str:
    count = len(set(pages))
    return f"there is no page {page!r} in this METS, which has {count} page{'' if count == 1 else 's'}"


def _nearest(page: str, pages: Sequence[str]) -> str:
    """A sentence that names the existing page whose id is nearest, by number or else by spelling."""
    if not pages:
        return ""
    ends = pages[0] if pages[0] == pages[-1] else f"{pages[0]} to {pages[-1]}"
    nearest = _nearest_by_number(page, pages)
    if nearest is None:
        close = difflib.get_close_matches(page, pages[:_MANY], n=1)
        nearest = close[0] if close else None
    return f"Pages are {ends}." if nearest is None else f"The nearest is {nearest}; pages are {ends}."


def _nearest_by_number(page: str, pages: Sequence[str]) -> str | None:
    wanted = _Numbered.of(page)
    if wanted is None or len(wanted.number) > 18:
        return None
    best: tuple[int, str] | None = None
    for candidate in pages:
        part = _Numbered.of(candidate)
        if part is None or len(part.number) > 18 or (part.before, part.after) != (wanted.before, wanted.after):
            continue
        distance = abs(int(part.number) - int(wanted.number))
        if best is None or distance < best[0]:
            best = (distance, candidate)
    return best[1] if best else None
