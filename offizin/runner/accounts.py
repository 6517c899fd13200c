"""Pages counted in and out of one piece: each gets one outcome, whatever the processor did."""

from __future__ import annotations

import os
from typing import Any, Callable, Dict

from ocrd_utils import MIMETYPE_PAGE

from .causes import cause_of
from .codec import Piece, file_fields, page_outcome
from .digests import Digests
from .inputs import Inputs
from .page_look import look_at
from .recognised import richest

Outcome = Dict[str, Any]


class Accounts:
    """``mets`` records what is added; ``report`` is called with each outcome as it stands; ``inputs`` looks at what a
    page is made of."""

    def __init__(
        self, piece: Piece, mets: Any, report: Callable[[Outcome], None], inputs: Inputs, digests: Digests
    ) -> None:
        self._piece = piece
        self._mets = mets
        self._report = report
        self._inputs = inputs
        self._digests = digests
        self._ended: set[str] = set()
        self._by_page: dict[Any, list[Any]] | None = None
        self._groups = set(piece.output_file_grps)
        before = piece.slice_["files"]
        # with overwrite, what was there before is no output of this piece
        self._had_output = {
            f["page_id"] for f in before if f["file_grp"] in self._groups and "page_id" in f and not piece.overwrite
        }
        sources = set(piece.input_file_grps)
        self._has_input = {f["page_id"] for f in before if f["file_grp"] in sources and "page_id" in f}
        self._pages = set(piece.pages)
        # of the files taken last
        self._counts: list[dict[str, float]] = []
        self._faults: list[str] = []
        self.started = 0

    def begins(self, page: str) -> None:
        """The processor gets the page now."""
        self.started += 1
        self._inputs.look_at(page)

    def begins_all(self) -> None:
        """It gets all pages now, and takes them as it likes."""
        self._inputs.look_at_all()

    def returned(self, page: str) -> None:
        """The processor is done with the page and raised nothing."""
        files = self._take(page)
        counts = richest(self._counts)
        if self._faults:
            self._end(page, page_outcome(page, cause="BAD_OUTPUT", message="; ".join(self._faults)))
        elif self._groups and not any(file["file_grp"] in self._groups for file in files):
            if page in self._had_output:
                self._end(page, page_outcome(page, files, existed=True, counts=counts))
            else:
                message = "the processor returned without a file in {}".format(",".join(self._piece.output_file_grps))
                self._end(page, page_outcome(page, cause="NO_OUTPUT", message=message))
        else:
            inputs, reads = self._inputs.of(page) if files else ("", [])
            self._end(page, page_outcome(page, files, counts=counts, inputs=inputs, reads=reads))

    def raised(self, page: str, error: BaseException) -> None:
        """The processor raised on the page. What it had added for it is not handed on."""
        if isinstance(error, FileExistsError) and page in self._had_output:
            self._take(page)
            self._end(page, page_outcome(page, existed=True))
            return
        cause, message = cause_of(error)
        self.failed(page, cause, message)

    def failed(self, page: str, cause: str, message: str) -> None:
        self._take(page)
        self._end(page, page_outcome(page, cause=cause, message=message))

    def finish(self, error: BaseException | None = None) -> None:
        """Every page still open: done if it has output, else failed with the error, or for want of input or output."""
        cause, message = cause_of(error) if error is not None else ("", "")
        self._by_page = {}
        for key, file in self._mets.added.items():
            self._by_page.setdefault(file.pageId, []).append(key)
        for page in self._piece.pages:
            if page in self._ended:
                continue
            if page in self._had_output or any(key[0] in self._groups for key in self._by_page.get(page, ())):
                self.returned(page)
            elif page not in self._has_input:
                groups = ",".join(self._piece.input_file_grps)
                self.failed(page, "NO_INPUT", f"no file of the page in {groups}")
            elif error is not None:
                self.failed(page, cause, message)
            elif self.started:
                self.failed(page, "NO_OUTPUT", "the processor did not process the page")
            else:
                self.returned(page)

    def nothing_done(self) -> bool:
        return not self.started and not self._mets.added

    def files_without_page(self) -> list[dict[str, Any]]:
        """What is left and belongs to no page of the piece, for the end of a piece that went well."""
        return [self._fields(file) for file in self._mets.added.values()]

    def _end(self, page: str, outcome: Outcome) -> None:
        if page in self._pages and page not in self._ended:
            self._ended.add(page)
            self._report(outcome)

    def _take(self, page: str) -> list[dict[str, Any]]:
        """The page's files, out of what the METS has recorded as new."""
        added = self._mets.added
        if self._by_page is None:
            keys = [key for key, file in added.items() if file.pageId == page]
        else:
            keys = self._by_page.pop(page, [])
        self._counts, self._faults = [], []
        return [self._fields(added.pop(key)) for key in keys]

    def _fields(self, file: Any) -> dict[str, Any]:
        state = getattr(file, "state", None)
        counts, fault = getattr(file, "counts", None), getattr(file, "fault", "")
        if state is None and file.local_filename:
            path = os.path.join(self._piece.directory, file.local_filename)
            state = self._digests.of(path)
            if state is not None and file.mimetype == MIMETYPE_PAGE:
                counts, fault = _looked_at(path)
        if counts:
            self._counts.append(counts)
        if fault:
            self._faults.append(f"{file.local_filename} is no PAGE: {fault}")
        if state is None:
            return file_fields(file, None, None)
        return file_fields(file, state[0], state[3], state[1:3])


def _looked_at(path: str) -> tuple[dict[str, float] | None, str]:
    """What is counted in a file of PAGE, and what is wrong with it."""
    with open(path, "rb") as stream:
        content = stream.read()
    return look_at(content)
