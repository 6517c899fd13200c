"""Pages counted in and out of one call of a program that is no Python: each gets one outcome. Pure.

Such a program tells no page's end. When it ended well, a page is done that has output. When it did not, the page that
it had added to last may be half done: that one, and those without output, are left open, to be done one by one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from offizin.messages import Cause, File, PageOutcome, Piece
from offizin.workers.added_files import Added, richest
from offizin.workers.child_inputs import UNKNOWN, MadeOfPages


@dataclass(frozen=True, slots=True)
class Before:
    """What is known before the call: pages are ``settled`` whose output is there, or whose input is not."""

    to_do: list[str]
    settled: dict[str, PageOutcome]


@dataclass(frozen=True, slots=True)
class Outcome:
    """``files`` belong to no page; ``open_pages`` have no outcome."""

    pages: list[PageOutcome]
    files: list[File] = field(default_factory=list)
    open_pages: int = 0


def before(piece: Piece) -> Before:
    """What is to be overwritten counts as not there."""
    inputs, outputs = set(piece.input_file_grps), set(piece.output_file_grps)
    has_input = {file.page_id for file in piece.slice.files if file.file_grp in inputs}
    has_output = {file.page_id for file in piece.slice.files if file.file_grp in outputs and not piece.overwrite}
    settled = {}
    for page in piece.slice.pages:
        if page in has_output and piece.refuse_existing:
            message = f"the page has files in {','.join(piece.output_file_grps)} already"
            settled[page] = PageOutcome(page, cause=Cause.BAD_OUTPUT, message=message, existed=True)
        elif page in has_output:
            settled[page] = PageOutcome(page, existed=True)
        elif inputs and page not in has_input:
            message = f"no file of the page in {','.join(piece.input_file_grps)}"
            settled[page] = PageOutcome(page, cause=Cause.NO_INPUT, message=message)
    return Before([page for page in piece.slice.pages if page not in settled], settled)


def after_success(piece: Piece, known: Before, added: Sequence[Added], made_of: MadeOfPages) -> Outcome:
    """The program ended with exit code 0. Files of pages that are not the piece's stay with those of no page."""
    files = _by_page(added)
    pages = []
    for page in piece.slice.pages:
        made = files.pop(page, [])
        if page in known.settled:
            pages.append(known.settled[page])
        elif _has_output(piece, made):
            pages.append(_done(page, made, made_of))
        else:
            message = f"the program ended without a file of the page in {','.join(piece.output_file_grps)}"
            if not added:
                message += ", and added nothing at all by the METS server at -U"
            pages.append(PageOutcome(page, cause=Cause.NO_OUTPUT, message=message))
    return Outcome(pages, [each.file for rest in files.values() for each in rest])


def after_failure(piece: Piece, known: Before, added: Sequence[Added], made_of: MadeOfPages) -> Outcome:
    """The program ended in any other way, or was ended."""
    files = _by_page(added)
    last = added[-1].file.page_id if added else None
    pages = list(known.settled.values())
    for page in known.to_do:
        if page != last and page in files and _has_output(piece, files[page]):
            pages.append(_done(page, files[page], made_of))
    return Outcome(pages, open_pages=len(piece.slice.pages) - len(pages))


def _has_output(piece: Piece, made: Sequence[Added]) -> bool:
    groups = piece.output_file_grps
    return not groups or any(each.file.file_grp in groups for each in made)


def _done(page: str, made: Sequence[Added], made_of: MadeOfPages) -> PageOutcome:
    if faults := [each.fault for each in made if each.fault]:
        return PageOutcome(page, cause=Cause.BAD_OUTPUT, message="; ".join(faults))
    how = made_of.get(page, UNKNOWN) if made else UNKNOWN
    files = [each.file for each in made]
    return PageOutcome(page, files, counts=richest(made), inputs=how.inputs, reads=how.reads)


def _by_page(added: Sequence[Added]) -> dict[str | None, list[Added]]:
    found: dict[str | None, list[Added]] = {}
    for each in added:
        found.setdefault(each.file.page_id, []).append(each)
    return found
