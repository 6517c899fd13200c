"""What workers of the reference need of the scheduler: the METS server of an attempt."""

from __future__ import annotations

from typing import Protocol

from offizin.messages import AttemptName, File


class Attempts(Protocol):
    """Whoever implements this knows which attempts are live."""

    async def open(self, name: AttemptName) -> str:
        """From now on what is added to the groups and pages of this attempt is its own; again after a restart. The URL
        of the METS server for its workspace. Raises AttemptOver when it is live no more, Unavailable."""
        ...

    def close(self, name: AttemptName, late: str = "") -> list[File]:
        """What it has added, in the order it came. ``late``: why what still comes of it is refused."""
        ...

    def forgive(self, name: AttemptName) -> None:
        """Of an attempt that was closed as late nothing comes any more."""
        ...


class AttemptOver(Exception):
    """It was cancelled, or is another's now."""
