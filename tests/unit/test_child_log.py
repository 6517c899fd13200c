"""What a program writes, on its way into its job's log."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from offizin.workers import child_log
from offizin.workers.child_log import ChildLog


async def written(path: Path, *parts: bytes) -> str:
    """The log's tail, once a program has written these."""
    log = await ChildLog.open(path)
    for part in parts:
        os.write(log.descriptor, part)
    await log.close()
    return log.tail()


async def test_it_is_appended_and_the_tail_is_of_this_program_alone(tmp_path: Path) -> None:
    path = tmp_path / "logs" / "job.log"
    assert await written(path, b"one\n", b"\xff\n") == "one\n\ufffd"
    assert await written(path, b"\n".join(b"%d" % n for n in range(99))) == "\n".join(map(str, range(84, 99)))
    assert path.read_bytes().startswith(b"one\n\xff\n0\n1\n")


async def test_of_a_flood_beginning_and_end_are_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(child_log, "MOST_HEAD", 10)
    monkeypatch.setattr(child_log, "MOST_TAIL", 5)
    path = tmp_path / "job.log"
    assert await written(path, b"0123456789abcdefghijklm") == "ijklm"
    assert path.read_bytes() == b"0123456789\n... 8 bytes are left out here ...\nijklm"


async def test_what_just_fits_is_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(child_log, "MOST_HEAD", 10)
    monkeypatch.setattr(child_log, "MOST_TAIL", 5)
    for number, text in enumerate((b"0123456789", b"0123456789abcde")):
        path = tmp_path / f"{number}.log"
        await written(path, text)
        assert path.read_bytes() == text
