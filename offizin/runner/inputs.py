"""What the pages of a piece are made of, looked at before a processor sees it: the counterpart of
offizin/messages/recipes.py."""

from __future__ import annotations

import hashlib
import json
import os
from typing import Any

from .codec import Piece, canonical
from .digests import Digests

# counted up when the same things get other digests
FORMAT = 1

_text = json.JSONEncoder(separators=(",", ":")).encode


def recipe_of(processor: str, version: str, parameters: dict[str, Any]) -> str:
    """What is done to the inputs; the same for all pages of a step."""
    return _digest([FORMAT, processor, version, canonical(parameters)])


class Inputs:
    """``together``: every page is made of all pages of the piece (and of the files without page)."""

    def __init__(self, piece: Piece, digests: Digests, together: bool) -> None:
        self._directory = piece.directory
        self._groups = piece.input_file_grps
        self._pages = piece.pages
        self._digests = digests
        self._together = together
        self._files: dict[tuple[str, Any], list[dict[str, Any]]] = {}
        for file in piece.slice_["files"]:
            if file["file_grp"] in self._groups:
                self._files.setdefault((file["file_grp"], file.get("page_id")), []).append(file)
        self._seen: dict[str, tuple[str, list[list[Any]]]] = {}

    def look_at(self, page: str) -> None:
        """The page is about to be worked on."""
        if not self._together and page not in self._seen:
            self._seen[page] = self._look([page])

    def look_at_all(self) -> None:
        """All pages are, in an order that nobody knows."""
        if self._together:
            digest, reads = self._look([*self._pages, None])
            for page in self._pages:
                own = {
                    file.get("local_filename") for group in self._groups for file in self._files.get((group, page), ())
                }
                self._seen[page] = digest, [read for read in reads if read[0] in own]
        else:
            for page in self._pages:
                self.look_at(page)

    def of(self, page: str) -> tuple[str, list[list[Any]]]:
        """Digest and states of files; an empty digest where one could not be read, or the page was not looked at."""
        return self._seen.get(page, ("", []))

    def _look(self, pages: list[Any]) -> tuple[str, list[list[Any]]]:
        content: list[list[str]] = []
        reads: list[list[Any]] = []
        for group in self._groups:
            for page in pages:
                for file in self._files.get((group, page), ()):
                    name = file.get("local_filename")
                    if name is None:
                        content.append([group, file.get("mimetype", ""), file.get("url", "")])
                        continue
                    state = self._digests.of(os.path.join(self._directory, name))
                    if state is None:
                        return "", []
                    reads.append([name, *state])
                    content.append([group, file.get("mimetype", ""), state[3]])
        return _digest(content), reads


def _digest(value: Any) -> str:
    return hashlib.blake2b(_text(value).encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()
