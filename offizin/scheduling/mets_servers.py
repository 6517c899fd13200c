"""METS servers: one for each workspace that is asked for, none of them a process.

Whoever has work done by programs that add their files themselves (stock workers) registers each attempt before they
hear of it, and gets back what they have added when it is over; that is judged and committed as any other result.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path

from offizin.clock import Clock
from offizin.errors import MetsMissing
from offizin.messages import File
from offizin.scheduling.addition_write import AdditionWrite
from offizin.scheduling.dispatched import Dispatched
from offizin.scheduling.lanes import Lanes
from offizin.scheduling.ownership import Ownership
from offizin.scheduling.saving import Saving
from offizin.scheduling.workspace_mets import WorkspaceMets
from offizin.store import held_files
from offizin.store.transaction import Database
from offizin.trust.one_line import one_line
from offizin.trust.references import References

# Those that nobody has asked for so long, in seconds, are forgotten.
_IDLE = 600.0


class MetsServers:
    """``references``: which workspaces and files a request may name."""

    def __init__(
        self,
        database: Database,
        ownership: Ownership,
        lanes: Lanes,
        saving: Saving,
        clock: Clock,
        references: References,
    ) -> None:
        self._database = database
        self._lanes = lanes
        self._saving = saving
        self._clock = clock
        self._references = references
        self._writing = AdditionWrite(database, ownership)
        self._open: dict[Path, WorkspaceMets] = {}

    def register(self, piece: Dispatched) -> None:
        """From now on, until ``close``, what is added to its output groups and pages is its own. An earlier attempt of
        the piece is over. Two live attempts must not have the same group and page: the scheduler's edges see to it."""
        self._of(piece.context.mets).additions.register(piece)

    async def adopt(self, pieces: Sequence[Dispatched]) -> None:
        """As ``register``, of attempts that an earlier start, or another server, has sent: with what they had added."""
        wanted = {(piece.seq, piece.piece): piece for piece in pieces}
        rows = await self._database.read(lambda tx: held_files.of_pieces(tx, wanted))
        for key, piece in wanted.items():
            files = [row.file for row in rows if (row.job, row.piece, row.attempt) == (*key, piece.attempt)]
            piece.holds_files = any((row.job, row.piece) == key for row in rows)
            self._of(piece.context.mets).additions.register(piece, files)

    def close(self, piece: Dispatched, late: str = "") -> list[File]:
        """What the attempt has added, in the order it came; nothing if it is not registered.

        With ``late`` (why it is over, though whoever does it may go on) what still comes for its groups and pages is
        refused, until another attempt has them or ``forgive`` is called. The transaction that takes its result in drops
        what the database holds (``Dispatched.holds_files``).
        """
        mets = self._of(piece.context.mets)
        files = mets.additions.close(piece, late)
        mets.attempt_is_over()
        return files

    def forgive(self, piece: Dispatched) -> None:
        """Whoever did an attempt that was closed as ``late`` has ended: nothing more comes from there."""
        self._of(piece.context.mets).additions.forgive(piece)

    async def find(self, path: Path) -> WorkspaceMets:
        """The METS of a workspace, by its directory or its own path. Raises MetsMissing, PathForbidden."""
        return self._of(await asyncio.to_thread(self._resolved, path))

    async def stop(self) -> None:
        """What was added is written down."""
        await self._writing.stop()

    def _of(self, mets: Path) -> WorkspaceMets:
        found = self._open.get(mets)
        if found is None:
            self._forget_idle()
            found = self._open[mets] = WorkspaceMets(
                mets, self._database, self._lanes, self._writing, self._saving, self._clock, self._references
            )
        return found

    def _forget_idle(self) -> None:
        long_ago = self._clock.monotonic() - _IDLE
        for mets, each in list(self._open.items()):
            if each.asked_at < long_ago and each.additions.is_empty:
                del self._open[mets]

    def _resolved(self, path: Path) -> Path:
        found = self._references.roots.require(path)
        try:
            if found.is_dir():
                found = self._references.roots.require(found / "mets.xml")
            is_there = found.is_file()
        except OSError:  # no file can have such a name
            is_there = False
        if not is_there:
            raise MetsMissing(
                f"there is no METS at {one_line(str(path))}",
                advice="Give the directory of a workspace on the server's machine.",
            )
        return found
