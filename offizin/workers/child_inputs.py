"""What the pages of a piece are made of, looked at before a program is called. Blocking.

Nobody knows what such a program reads for a page: each is made of all pages of the piece, and of files without page.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from offizin.messages import File, FileState, Piece
from offizin.messages.recipes import inputs_of
from offizin.workers.file_states import state_of


@dataclass(frozen=True, slots=True)
class MadeOf:
    """``inputs``: a digest of all, empty where that is not known; ``reads``: those of the page itself."""

    inputs: str = ""
    reads: list[FileState] = field(default_factory=list)


UNKNOWN = MadeOf()
MadeOfPages = Mapping[str, MadeOf]


def look_at_inputs(piece: Piece) -> MadeOfPages:
    """By page; nothing if one of the files cannot be read."""
    contents: list[tuple[str, str, str]] = []
    reads: dict[str, list[FileState]] = {page: [] for page in piece.slice.pages}
    by_place: dict[tuple[str, str | None], list[File]] = {}
    for file in piece.slice.files:
        by_place.setdefault((file.file_grp, file.page_id), []).append(file)
    for group in piece.input_file_grps:
        for page in (*piece.slice.pages, None):
            for file in by_place.get((group, page), ()):
                if file.local_filename is None:
                    contents.append((group, file.mimetype, file.url or ""))
                    continue
                state = state_of(piece.directory, file.local_filename)
                if state is None:
                    return {}
                contents.append((group, file.mimetype, state.digest))
                if page is not None:
                    reads[page].append(state)
    digest = inputs_of(contents)
    return {page: MadeOf(digest, states) for page, states in reads.items()}
