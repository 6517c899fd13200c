"""The METS of an open workspace: what is looked up while jobs run."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from offizin.errors import MetsInvalid, MetsMissing
from offizin.messages import Delta
from offizin.mets.checks import check_delta
from offizin.mets.contents import Contents
from offizin.mets.encoding import to_utf8
from offizin.mets.holdings import Holdings
from offizin.mets.scan import Scan
from offizin.mets.stamp import Stamp, read_with_stamp


class MetsIndex(Holdings):
    """What the METS at ``path`` holds, with what was added since and is not saved yet.

    ``stamp`` is what the file was when it was read; whoever saves sets it to what ``save`` returns.
    """

    def __init__(self, path: Path, stamp: Stamp, contents: Contents) -> None:
        super().__init__(contents)
        self.path = path
        self.stamp = stamp

    @classmethod
    def read(cls, path: Path) -> MetsIndex:
        """Read and index the METS at ``path``. Blocking; meant for a thread.

        Raises MetsMissing when there is none, MetsInvalid (with the line) when it is no METS.
        """
        try:
            content, stamp = read_with_stamp(path)
        except (FileNotFoundError, NotADirectoryError):
            raise MetsMissing(
                f"there is no METS file {path}", advice="'offizin import' makes one from images."
            ) from None
        except OSError as error:
            raise MetsInvalid(f"{path} cannot be read: {error.strerror}") from error
        scan = Scan(to_utf8(content, path)[0], path)
        return cls(path, stamp.with_layout(scan.layout()), scan.contents())

    @property
    def directory(self) -> Path:
        """The workspace: what the paths of files are relative to."""
        return self.path.parent

    def check(self, delta: Delta, *, pages: Collection[str], file_grps: Collection[str]) -> None:
        """Raise BadOutput unless ``delta`` is what an attempt on ``pages`` with these output groups may add.

        Looks at the files on disk (one ``stat`` each). See ``offizin.mets.checks``.
        """
        check_delta(self, delta, directory=self.directory, pages=pages, file_grps=file_grps)
