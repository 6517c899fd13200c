"""A zip of others is bounded, and holds nothing but plain files inside."""

from __future__ import annotations

import io
import os
import stat
from pathlib import Path
from zipfile import ZIP_DEFLATED, ZIP_LZMA, BadZipFile, ZipFile, ZipInfo

import pytest

from offizin.errors import OffizinError, TooLarge, ZipInvalid
from offizin.trust.zips import ZipLimits, check_zip, open_zip

LIMITS = ZipLimits(total=200_000_000, ratio=100, count=50)


def member(name: str, size: int = 10, packed: int = 10, mode: int = stat.S_IFREG, flags: int = 0) -> ZipInfo:
    made = ZipInfo("plain")
    made.filename = made.orig_filename = name
    made.file_size, made.compress_size, made.external_attr, made.flag_bits = size, packed, mode << 16, flags
    return made


def test_plain_files_and_directories_are_let_in(tmp_path: Path) -> None:
    with ZipFile(tmp_path / "a.zip", "w", ZIP_DEFLATED) as made:
        made.writestr("data/mets.xml", "<mets/>")
        made.mkdir("data/OCR-D-IMG")
        made.writestr("data/OCR-D-IMG/a ä.tif", b"0" * 1_000_000)
    with open_zip(tmp_path / "a.zip", LIMITS) as opened:
        assert opened.read("data/mets.xml") == b"<mets/>"


@pytest.mark.parametrize("bad", [
    member("../../etc/cron.d/x"), member("/etc/passwd"), member("data/../../x"), member("C:\\x"), member("..\\x"),
    member("a\0b"), member("a\nb"), member(""), member("."), member("x" * 256), member("a", mode=stat.S_IFLNK),
    member("a", mode=stat.S_IFIFO), member("a", mode=stat.S_IFCHR), member("a", mode=stat.S_IFSOCK),
    member("a", flags=1),
], ids=lambda bad: f"{bad.orig_filename[:20]!r}-{bad.external_attr >> 28}")  # fmt: skip
def test_a_member_that_is_no_plain_file_inside_is_refused_by_name(bad: ZipInfo) -> None:
    with pytest.raises(ZipInvalid) as refused:
        check_zip([member("good"), bad], LIMITS)
    assert "member" in refused.value.message
    assert refused.value.message.isprintable()


@pytest.mark.parametrize("members", [
    [member("a"), member("a")], [member("a"), member("./a")],
    [member("a"), member("a/b")], [member("a/b/c"), member("a")],
], ids=["twice", "twice by another name", "below a file", "a file above"])  # fmt: skip
def test_members_that_are_in_each_others_way_are_refused(members: list[ZipInfo]) -> None:
    with pytest.raises(ZipInvalid):
        check_zip(members, LIMITS)


@pytest.mark.parametrize("members", [
    [member(str(n)) for n in range(51)], [member("a", 200_000_001, 199_000_000)],
    [member("a", 110_000_000, 500_000), member("b", 80_000_000, 1000)],
], ids=["count", "total", "ratio"])  # fmt: skip
def test_a_bomb_is_refused_by_what_it_says_of_itself(members: list[ZipInfo]) -> None:
    with pytest.raises(TooLarge):
        check_zip(members, LIMITS)


def test_a_member_gives_out_no_more_than_it_declares(tmp_path: Path) -> None:
    with ZipFile(tmp_path / "a.zip", "w", ZIP_DEFLATED) as made:
        made.writestr("a", b"0" * 50_000_000)
    content = (tmp_path / "a.zip").read_bytes()
    lying = content.replace((50_000_000).to_bytes(4, "little"), (1000).to_bytes(4, "little"))
    (tmp_path / "a.zip").write_bytes(lying)
    with open_zip(tmp_path / "a.zip", LIMITS) as opened, opened.open("a") as file:
        given = bytearray(100_000)
        with pytest.raises(BadZipFile, match="CRC"):
            file.readinto(given)
        assert not any(given[1000:])


def test_a_directory_without_end_is_not_read(tmp_path: Path) -> None:
    with ZipFile(tmp_path / "a.zip", "w") as made:
        for number in range(2000):
            made.writestr(f"{number:0200d}", b"")
    with pytest.raises(TooLarge):
        open_zip(tmp_path / "a.zip", LIMITS)


def test_other_ways_of_packing_are_refused(tmp_path: Path) -> None:
    with ZipFile(tmp_path / "a.zip", "w", ZIP_LZMA) as made:
        made.writestr("a", b"0" * 1000)
    with pytest.raises(ZipInvalid):
        open_zip(tmp_path / "a.zip", LIMITS)


def test_what_is_no_zip_is_refused(tmp_path: Path) -> None:
    whole = io.BytesIO()
    with ZipFile(whole, "w") as made:
        made.writestr("a", b"content")
    zipped = whole.getvalue()
    for number, content in enumerate([b"", b"PK", os.urandom(1000), zipped[:-10], b"PK\5\6" + b"\xff" * 18]):
        path = tmp_path / f"{number}.zip"
        path.write_bytes(content)
        with pytest.raises(OffizinError) as refused:
            open_zip(path, LIMITS).close()
        assert refused.value.http_status in (413, 422), content[:20]
