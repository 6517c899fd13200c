"""Zips of others: bounded, and nothing in them but plain files inside.

What a zip says of itself is enough for bounds, because ``zipfile`` never gives out more bytes of a member than its
entry declares, and refuses one whose checksum differs.
"""

from __future__ import annotations

import io
import stat
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from zipfile import ZIP_DEFLATED, ZIP_STORED, BadZipFile, ZipFile, ZipInfo

from offizin.errors import PathForbidden, TooLarge, ZipInvalid
from offizin.trust.one_line import one_line
from offizin.trust.paths import plain_name

# Small ones may shrink as far as they like: a megabyte of white paper is a kilobyte.
_RATIO_COUNTS_FROM = 100 * 1024 * 1024
_LONGEST_NAME = 255  # bytes, of most file systems
_ENTRY = 400  # bytes that an entry of the directory may take on an average


@dataclass(frozen=True, slots=True)
class ZipLimits:
    """``total``: bytes of all members unpacked. ``ratio``: by how much they may be more than packed, above 100 MiB.
    ``count``: how many members."""

    total: int
    ratio: int = 200
    count: int = 200_000


def open_zip(path: Path, limits: ZipLimits) -> ZipFile:
    """The zip, opened and checked; its caller closes it. Its directory is not even read when it is too long. Blocking.

    Raises ZipInvalid, TooLarge, OSError.
    """
    file = _BoundedReads(io.FileIO(path), most=limits.count * _ENTRY)
    try:
        opened = ZipFile(file)
        if any(not 0 <= member.header_offset < path.stat().st_size for member in opened.infolist()):
            raise BadZipFile("a member lies outside of the file")
        check_zip(opened.infolist(), limits)
        file.most = None
    except (BadZipFile, NotImplementedError, ValueError, EOFError) as fault:
        file.close()
        raise ZipInvalid(f"it is no zip: {one_line(str(fault), 200)}", advice="Make it anew, as OCRD-ZIP.") from fault
    except BaseException:
        file.close()
        raise
    return opened


def check_zip(members: Iterable[ZipInfo], limits: ZipLimits) -> None:
    """Raises ZipInvalid with the member's name for what is no plain file or directory inside, is there twice, is
    encrypted, or packed in an odd way; TooLarge for too many of them, or too much in them."""
    seen: dict[str, bool] = {}
    total = packed = 0
    for number, member in enumerate(members, 1):
        if number > limits.count:
            raise _too_large(f"it has more than {limits.count} members")
        _check_member(member)
        name = str(PurePosixPath(member.filename))
        if name in seen:
            raise _invalid(member, "is there twice")
        seen[name] = member.is_dir()
        total += member.file_size
        packed += member.compress_size
        if total > limits.total:
            raise _too_large(f"its members have more than {limits.total} bytes")
        if total > _RATIO_COUNTS_FROM and total > limits.ratio * max(1, packed):
            raise _too_large(f"its members are more than {limits.ratio} times what they are packed")
    for name in seen:
        for parent in PurePosixPath(name).parents:
            if seen.get(str(parent)) is False:
                raise ZipInvalid(
                    f"{one_line(name, 200)!r} lies in {one_line(str(parent), 200)!r}, which is a file",
                    advice="Make the zip anew.",
                )


def _check_member(member: ZipInfo) -> None:
    kind = stat.S_IFMT(member.external_attr >> 16)
    if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
        raise _invalid(member, "is a link or a special file")
    if member.flag_bits & 0x1:
        raise _invalid(member, "is encrypted")
    if member.compress_type not in (ZIP_STORED, ZIP_DEFLATED):
        raise _invalid(member, "is packed in another way than deflate")
    try:
        parts = plain_name(member.orig_filename).parts  # the other name is cut off at a NUL
    except PathForbidden:
        raise _invalid(member, "would lie outside") from None
    if "\\" in member.orig_filename or any(len(part.encode()) > _LONGEST_NAME for part in parts):
        raise _invalid(member, "has a name that is no file's")


class _BoundedReads(io.BufferedReader):
    """One read of more than ``most`` bytes is refused, unless it is None: ``zipfile`` reads the directory in one."""

    def __init__(self, raw: io.RawIOBase, most: int) -> None:
        super().__init__(raw)
        self.most: int | None = most

    def read(self, size: int | None = -1, /) -> bytes:
        if size is not None and self.most is not None and size > self.most:
            raise _too_large("the directory of the zip is too long")
        return super().read(size)


def _invalid(member: ZipInfo, what: str) -> ZipInvalid:
    return ZipInvalid(
        f"the member {one_line(member.orig_filename, 200)!r} {what}",
        advice="Pack plain files, with names relative to the workspace, by deflate or not at all.",
    )


def _too_large(what: str) -> TooLarge:
    return TooLarge(f"the zip is too large: {what}", advice="Send less at once; the settings have the limits.")
