"""A zip that somebody has sent becomes a directory."""

from __future__ import annotations

import shutil
import zlib
from contextlib import closing
from pathlib import Path
from zipfile import BadZipFile, ZipFile

from offizin.errors import WorkspaceInvalid, ZipInvalid
from offizin.trust.one_line import one_line
from offizin.trust.paths import plain_name
from offizin.trust.zips import ZipLimits, open_zip

_PART = 1024 * 1024  # bytes
# What its Finder puts beside everything that it packs.
_OF_MACOS = "__MACOSX"


def unpack(file: Path, directory: Path, limits: ZipLimits) -> None:
    """``directory`` is there and empty. Blocking. Raises WorkspaceInvalid, TooLarge, OSError."""
    try:
        opened = open_zip(file, limits)
        assert opened.fp is not None
        with closing(opened.fp), opened:
            _unpack(opened, directory)
    except ZipInvalid as fault:
        raise WorkspaceInvalid(f"what was sent is no zip that can be taken: {fault}", advice=fault.advice) from fault
    except (BadZipFile, zlib.error, EOFError, NotImplementedError) as fault:
        raise WorkspaceInvalid(
            f"the zip is damaged: {one_line(str(fault), 200)}", advice="Send it again, or make it anew."
        ) from fault


def _unpack(opened: ZipFile, directory: Path) -> None:
    for member in opened.infolist():
        name = plain_name(member.filename)
        if name.parts[0] == _OF_MACOS:
            continue
        target = directory / name
        if member.is_dir():
            target.mkdir(parents=True, exist_ok=True)
            continue
        target.parent.mkdir(parents=True, exist_ok=True)
        with opened.open(member) as source, target.open("xb") as copy:
            shutil.copyfileobj(source, copy, _PART)
