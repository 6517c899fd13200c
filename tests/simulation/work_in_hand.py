"""What must hold while work is done: nobody works on what another one writes, and everybody sees what is there."""

from __future__ import annotations

from pathlib import Path

import msgspec

from offizin.messages import Delta, Piece
from tests.simulation.mets_files import MetsFile, MetsFiles
from tests.simulation.rows import Job, Rows, require

_deltas = msgspec.json.Decoder(list[Delta])


class WorkInHand:
    """All attempts that are being worked on."""

    def __init__(self, rows: Rows, mets: MetsFiles) -> None:
        self._rows = rows
        self._mets = mets
        self._live: dict[tuple[str, int], tuple[Job, frozenset[str]]] = {}
        self._attempts: dict[tuple[str, int, int], int] = {}  # job, piece and attempt: retries of the run before it

    def begins(self, piece: Piece) -> None:
        job = self._rows.by_id[piece.job]
        pages = frozenset(piece.slice.pages)
        require(bool(pages), f"job {job.seq}, piece {piece.piece}: nothing to do was sent out")
        ((retries,),) = self._rows.all("SELECT revivals FROM runs WHERE seq = ?", job.run)
        before = self._attempts.setdefault((piece.job, piece.piece, piece.attempt), retries)
        require(before == retries, f"job {job.seq}, piece {piece.piece}: a retry has an old attempt's number")
        for other, busy_pages in self._live.values():
            if job.mets == other.mets and pages & busy_pages:
                touched = (job.writes & (other.reads | other.writes)) | (job.reads & other.writes)
                at_once = f"jobs {job.seq} and {other.seq} work on {sorted(pages & busy_pages)} at once"
                require(other is not job and not touched, at_once)
        self._live[piece.job, piece.piece] = (job, pages)
        there = self._truth(Path(job.mets))
        for group in sorted(job.reads | job.writes):
            for page in sorted(pages):
                seen = sorted(f.id for f in piece.slice.files if f.file_grp == group and f.page_id == page)
                names = sorted(there.names(group, page))
                require(seen == names, f"job {job.seq} sees {seen} in {group} of {page}; there are {names}")

    def ends(self, piece: Piece) -> None:
        del self._live[piece.job, piece.piece]

    def server_is_dead(self) -> None:
        """Its runners die with it."""
        self._live.clear()

    def _truth(self, mets: Path) -> MetsFile:
        """The file, and what is committed and not yet in it."""
        book = self._mets.books[mets].copy()
        for (body,) in self._rows.all(
            "SELECT body FROM deltas JOIN workspaces ON workspaces.seq = deltas.workspace "
            "WHERE workspaces.mets = ? ORDER BY deltas.seq", str(mets),
        ):  # fmt: skip
            for delta in _deltas.decode(body):
                book.apply(delta)
        return book

    def check_the_end(self) -> None:
        require(not self._live, f"somebody still works: {list(self._live)}")
