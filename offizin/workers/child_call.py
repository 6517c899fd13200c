"""How a processor's program is called for one piece, as ``ocrd process`` calls it (ocrd.processor.helpers.run_cli).

The short options are used where there are any: all such programs parse them, some no others.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from offizin.messages import Piece

# Linux takes no argument of 128 KiB; without -g a program does all pages that its METS has, which are the piece's
_LONGEST = 100_000


def call_of(executable: Path, piece: Piece, pages: Sequence[str], mets_url: str) -> list[str]:
    """The command line. ``pages`` are those to do."""
    command = [str(executable), "-m", piece.mets, "-w", piece.directory, "-U", mets_url]
    if piece.input_file_grps:
        command += ["-I", ",".join(piece.input_file_grps)]
    if piece.output_file_grps:
        command += ["-O", ",".join(piece.output_file_grps)]
    selector = ",".join(pages)
    if len(selector) <= _LONGEST and not _is_whole_book(piece, pages):
        command += ["-g", selector]
    command += ["-p", bytes(piece.parameters).decode()]
    if piece.overwrite:
        command.append("--overwrite")
    return command


def policies_of(pages: Sequence[str]) -> dict[str, str]:
    """What ``ocrd`` reads from the environment, for Python processors that run like this: a page that fails must not
    take others with it, and nothing is skipped in silence, because the pages are counted afterwards."""
    return {
        "OCRD_MAX_PARALLEL_PAGES": "1",
        "OCRD_MISSING_INPUT": "SKIP",
        "OCRD_MISSING_OUTPUT": "SKIP" if len(pages) > 1 else "ABORT",
        "OCRD_MAX_MISSING_OUTPUTS": "-1",
        "OCRD_EXISTING_OUTPUT": "SKIP",
    }


def _is_whole_book(piece: Piece, pages: Sequence[str]) -> bool:
    """Then a program that wants them gets the files without page, too."""
    return len(pages) == len(piece.slice.pages) and any(file.page_id is None for file in piece.slice.files)
