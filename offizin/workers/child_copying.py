"""A page's input as its output, without the program: what comes of ``copy_input``. Blocking.

The runner writes a new PAGE, as ``ocrd`` does; here there is no ``ocrd``, and the file is copied as it is, with the new
file's ID in a PAGE.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from offizin.messages import File, Piece
from offizin.workers.attempt_mets import AttemptMets
from offizin.workspaces.recognised_text import PAGE_MIMETYPE
from offizin.workspaces.unfinished_files import unfinished

_NO_ID = re.compile(r"[^\w.-]")
_ITS_ID = re.compile(rb"""(<(?:[\w.\-]+:)?PcGts\b[^>]*?\spcGtsId\s*=\s*["'])[^"']*""")


def copy_pages(piece: Piece, pages: Sequence[str], mets: AttemptMets) -> None:
    """Raises OSError, InvalidRequest, Conflict."""
    for page in pages:
        for number, group in enumerate(piece.output_file_grps):
            inputs = piece.input_file_grps
            file = _input_of(piece, page, inputs[number if number < len(inputs) else 0]) if inputs else None
            if file is not None and file.local_filename:
                _copy(piece, page, file, file.local_filename, group, mets)


def _input_of(piece: Piece, page: str, group: str) -> File | None:
    """The page's PAGE in the file group, or else its first file there."""
    there = [f for f in piece.slice.files if (f.page_id, f.file_grp) == (page, group) and f.local_filename]
    return next((file for file in there if file.mimetype == PAGE_MIMETYPE), there[0] if there else None)


def _copy(piece: Piece, page: str, file: File, source: str, group: str, mets: AttemptMets) -> None:
    content = Path(piece.directory, source).read_bytes()
    file_id = f"{group}_{_NO_ID.sub('_', page)}"
    if file.mimetype == PAGE_MIMETYPE:
        content = _ITS_ID.sub(lambda found: found[1] + file_id.encode(), content, count=1)
    name = f"{group}/{file_id}{Path(source).suffix}"
    mets.add_file(File(file_id, group, file.mimetype, page, name), force=piece.overwrite)
    path = Path(piece.directory, name)
    beside = unfinished(path)
    beside.write_bytes(content)
    beside.replace(path)
