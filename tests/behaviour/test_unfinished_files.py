"""What a killed runner was writing does not stay in the workspace."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from offizin.workspaces.unfinished_files import delete_unfinished_files


def _write(directory: Path, *names: str) -> None:
    directory.mkdir(exist_ok=True)
    for name in names:
        (directory / name).touch()


def _gone() -> int:
    process = subprocess.Popen(["true"])
    process.wait()
    return process.pid


@pytest.fixture
def zombie() -> Iterator[int]:
    process = subprocess.Popen(["true"])
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
    yield process.pid
    process.wait()


def test_a_zombie_is_dead(tmp_path: Path, zombie: int) -> None:
    name = f".OUT_P1.xml.{zombie}-3.part"
    _write(tmp_path / "OUT", name)
    assert delete_unfinished_files(tmp_path, ["OUT"]) == [tmp_path / "OUT" / name]


def test_only_unfinished_files_of_dead_processes_in_these_groups_are_deleted(tmp_path: Path) -> None:
    dead, alive = f".OUT_P1.xml.{_gone()}-3.part", f".OUT_P1.xml.{os.getpid()}-3.part"
    theirs = ("OUT_P1.xml", ".hidden.part", "OUT_P1.xml.1-2.part", ".part", ".x.1-2.partial")
    _write(tmp_path / "OUT", dead, alive, *theirs)
    _write(tmp_path / "OTHER", dead)
    assert delete_unfinished_files(tmp_path, ["OUT", "MISSING"]) == [tmp_path / "OUT" / dead]
    assert {path.name for path in (tmp_path / "OUT").iterdir()} == {alive, *theirs}
    assert (tmp_path / "OTHER" / dead).exists()
