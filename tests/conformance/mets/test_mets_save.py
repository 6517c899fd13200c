"""The file on disk: written as a whole or not at all, and never over somebody else's change."""

from __future__ import annotations

import errno
import os
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from offizin.errors import MetsChanged, MetsInvalid, MetsMissing, Unavailable
from offizin.faults import set_hook
from offizin.messages import Delta, File
from offizin.mets import exchange
from offizin.mets import save as save_module
from offizin.mets.index import MetsIndex
from offizin.mets.leftovers import clear_leftovers, part_name
from offizin.mets.save import save
from offizin.mets.stamp import Stamp, read_with_stamp
from tests.conformance.mets.examples import PLAIN

DELTA = Delta([File("OCR_1", "OCR", "text/xml", "PHYS_0001", "OCR/1.xml")])
OTHER = Delta([File("OCR_2", "OCR", "text/xml", "PHYS_0002", "OCR/2.xml")])
FOREIGN = PLAIN.replace("a scanner", "another program").encode()


@pytest.fixture
def mets(tmp_path: Path) -> Path:
    path = tmp_path / "mets.xml"
    path.write_bytes(PLAIN.encode())
    return path


@pytest.fixture(params=["exchange", "rename"])
def either_way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """File systems that can exchange two names, and those that cannot (NFS)."""
    if request.param == "rename":
        monkeypatch.setattr(save_module, "exchange_names", lambda one, other: False)
    return str(request.param)


@pytest.fixture(autouse=True)
def no_hook_is_left() -> Iterator[None]:
    yield
    set_hook(None)


def at_fault_point(point: str, action: Callable[[], object]) -> None:
    set_hook(lambda reached: (action(), None)[1] if reached == point else None)


def known(path: Path) -> Stamp:
    return MetsIndex.read(path).stamp


def only_the_mets(directory: Path) -> bool:
    return [entry.name for entry in directory.iterdir()] == ["mets.xml"]


def test_a_save_leaves_nothing_but_the_mets(mets: Path, either_way: str) -> None:
    stamp = save(mets, [DELTA], known(mets))
    assert b'ID="OCR_1"' in mets.read_bytes()
    assert only_the_mets(mets.parent)
    assert stamp == read_with_stamp(mets)[1]
    assert stamp.fits(mets.stat())


def test_a_save_that_comes_too_late_changes_nothing(mets: Path, either_way: str) -> None:
    """Its process was stopped for so long that another server writes the file now."""
    with pytest.raises(Unavailable):
        save(mets, [DELTA], known(mets), may_write=lambda: False)
    assert b'ID="OCR_1"' not in mets.read_bytes()
    assert only_the_mets(mets.parent)


def test_this_file_system_can_exchange_names(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("a")
    (tmp_path / "b").write_text("b")
    if not exchange.exchange_names(tmp_path / "a", tmp_path / "b"):
        pytest.skip("no renameat2 here")
    assert (tmp_path / "a").read_text() == "b"
    assert (tmp_path / "b").read_text() == "a"
    with pytest.raises(FileNotFoundError):
        exchange.exchange_names(tmp_path / "a", tmp_path / "gone")


def test_a_foreign_change_is_refused_and_kept(mets: Path, either_way: str) -> None:
    stamp = known(mets)
    mets.write_bytes(FOREIGN)
    with pytest.raises(MetsChanged, match=r"mets\.xml was changed by somebody else at") as caught:
        save(mets, [DELTA], stamp)
    assert caught.value.advice
    assert mets.read_bytes() == FOREIGN
    assert only_the_mets(mets.parent)


def test_a_change_of_one_byte_with_the_old_time_is_noticed(mets: Path) -> None:
    stamp = known(mets)
    with mets.open("r+b") as file:
        file.seek(PLAIN.index("scanner"))
        file.write(b"S")
    os.utime(mets, ns=(stamp.mtime_ns, stamp.mtime_ns))
    assert stamp.fits(mets.stat())
    with pytest.raises(MetsChanged):
        save(mets, [DELTA], stamp)


def test_touched_but_unchanged_is_no_change(mets: Path) -> None:
    stamp = known(mets)
    content = mets.read_bytes()
    mets.unlink()
    mets.write_bytes(content)
    os.utime(mets, (1, 1))
    assert not stamp.fits(mets.stat())
    assert stamp.still_holds(mets)
    save(mets, [DELTA], stamp)
    assert b"OCR_1" in mets.read_bytes()


def test_still_holds_notices_a_change(mets: Path) -> None:
    stamp = known(mets)
    assert stamp.still_holds(mets)
    mets.write_bytes(FOREIGN)
    assert not stamp.still_holds(mets)


def test_a_change_while_the_save_writes_is_put_back(mets: Path, either_way: str) -> None:
    stamp = known(mets)
    at_fault_point("save: temporary file written", lambda: mets.write_bytes(FOREIGN))
    with pytest.raises(MetsChanged):
        save(mets, [DELTA], stamp)
    assert mets.read_bytes() == FOREIGN
    assert only_the_mets(mets.parent)


def test_replaced_by_another_file_while_the_save_writes(mets: Path) -> None:
    stamp = known(mets)

    def replace() -> None:
        other = mets.with_name("other")
        other.write_bytes(FOREIGN)
        other.replace(mets)

    at_fault_point("save: temporary file written", replace)
    with pytest.raises(MetsChanged):
        save(mets, [DELTA], stamp)
    assert mets.read_bytes() == FOREIGN


def test_a_second_foreign_change_over_ours_loses_nothing(mets: Path) -> None:
    stamp = known(mets)
    if not exchange.exchange_names(mets, mets):
        pytest.skip("no renameat2 here")
    second = FOREIGN.replace(b"another", b"a third")

    def act(point: str) -> None:
        if point == "save: temporary file written":
            mets.write_bytes(FOREIGN)
        elif point == "save: names exchanged":
            mets.write_bytes(second)

    set_hook(act)
    with pytest.raises(MetsChanged) as caught:
        save(mets, [DELTA], stamp)
    set_hook(None)
    assert mets.read_bytes() == FOREIGN
    [kept] = [entry for entry in mets.parent.iterdir() if entry != mets]
    assert kept.read_bytes() == second
    assert str(kept) in caught.value.advice


@pytest.mark.parametrize("when", ["before", "while"])
def test_a_mets_that_is_gone_is_missing(mets: Path, either_way: str, when: str) -> None:
    stamp = known(mets)
    if when == "before":
        mets.unlink()
    else:
        at_fault_point("save: temporary file written", mets.unlink)
    with pytest.raises(MetsMissing, match="is gone"):
        save(mets, [DELTA], stamp)
    assert list(mets.parent.iterdir()) == []


class Killed(BaseException):
    """Stands for the end of the process: nothing after it runs, apart from what Python itself unwinds."""


@pytest.mark.parametrize("point", ["save: temporary file written", "save: names exchanged"])
def test_after_a_kill_the_mets_is_whole_and_the_next_save_clears_up(mets: Path, point: str) -> None:
    stamp = known(mets)

    def kill() -> None:
        raise Killed

    at_fault_point(point, kill)
    with pytest.raises(Killed):
        save(mets, [DELTA], stamp)
    set_hook(None)
    assert not only_the_mets(mets.parent)
    index = MetsIndex.read(mets)
    assert (index.by_id("OCR_1") is not None) == (point == "save: names exchanged")
    save(mets, [DELTA, OTHER], index.stamp)
    assert only_the_mets(mets.parent)
    again = MetsIndex.read(mets)
    assert [file.id for file in again.files("OCR", "PHYS_0001")] == ["OCR_1"]
    assert [file.id for file in again.files("OCR", "PHYS_0002")] == ["OCR_2"]


def test_a_foreign_change_that_a_killed_save_had_displaced_comes_back(mets: Path) -> None:
    stamp = known(mets)
    if not exchange.exchange_names(mets, mets):
        pytest.skip("no renameat2 here")

    def act(point: str) -> None:
        if point == "save: temporary file written":
            mets.write_bytes(FOREIGN)
        elif point == "save: names exchanged":
            raise Killed

    set_hook(act)
    with pytest.raises(Killed):
        save(mets, [DELTA], stamp)
    set_hook(None)
    assert b"OCR_1" in mets.read_bytes()
    clear_leftovers(mets)
    assert mets.read_bytes() == FOREIGN
    assert only_the_mets(mets.parent)


def test_a_full_disk_leaves_the_mets_as_it_was(mets: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stamp = known(mets)

    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises(OSError, match="No space left"):
            save(mets, [DELTA], stamp)
    assert mets.read_bytes() == PLAIN.encode()
    assert only_the_mets(mets.parent)
    save(mets, [DELTA], stamp)


def test_mode_and_owner_stay(mets: Path) -> None:
    mets.chmod(0o640)
    if os.geteuid() == 0:
        os.chown(mets, 12345, 54321)
    before = mets.stat()
    save(mets, [DELTA], known(mets))
    after = mets.stat()
    assert (after.st_mode, after.st_uid, after.st_gid) == (before.st_mode, before.st_uid, before.st_gid)


def test_a_symbolic_link_stays_one_and_its_target_is_written(mets: Path, tmp_path: Path) -> None:
    link = tmp_path / "workspace" / "mets.xml"
    link.parent.mkdir()
    link.symlink_to(mets)
    index = MetsIndex.read(link)
    assert index.directory == link.parent
    save(link, [DELTA], index.stamp)
    assert link.is_symlink()
    assert b"OCR_1" in mets.read_bytes()
    assert [entry.name for entry in link.parent.iterdir()] == ["mets.xml"]


def test_other_files_of_the_directory_are_left_alone(mets: Path) -> None:
    others = {".mets.xml.swp", "mets.xml~", ".mets.xml.offizin-part", "other.xml"}
    for name in others:
        mets.with_name(name).write_text("mine")
    save(mets, [DELTA], known(mets))
    assert {entry.name for entry in mets.parent.iterdir() if entry != mets} == others


def process_that_is_over() -> int:
    process = subprocess.Popen(["true"])
    process.wait()
    return process.pid


@pytest.mark.parametrize(
    ("host", "pid", "age", "stays"),
    [
        (None, None, 0, False),
        (None, 1, 0, True),
        (None, 0, 0, False),
        ("elsewhere", 1, 0, True),
        ("elsewhere", 1, 7200, False),
    ],
    ids=["ours", "of a process that lives", "of one that is over", "of another host", "old, of another host"],
)
def test_only_saves_that_are_over_are_cleared_up(
    mets: Path, host: str | None, pid: int | None, age: int, stays: bool
) -> None:
    name = part_name(mets).name
    if pid is not None:
        name = name.replace(f"-{os.getpid()}-", f"-{pid or process_that_is_over()}-")
    if host is not None:
        name = name.replace(f"-{socket.gethostname()}-", f"-{host}-")
    leftover = mets.with_name(name)
    leftover.write_bytes(PLAIN.encode()[:100])
    os.utime(leftover, (time.time() - age,) * 2)
    clear_leftovers(mets)
    assert leftover.exists() == stays


def test_no_mets(tmp_path: Path) -> None:
    with pytest.raises(MetsMissing, match=r"no METS file .*mets\.xml"):
        MetsIndex.read(tmp_path / "mets.xml")
    with pytest.raises(MetsMissing):
        MetsIndex.read(tmp_path / "mets.xml" / "mets.xml")
    with pytest.raises(MetsInvalid, match="cannot be read"):
        MetsIndex.read(tmp_path)
