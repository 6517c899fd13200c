"""What a killed server has left is found and ended by the next one on the same home."""

from __future__ import annotations

import os
import signal
import subprocess
from pathlib import Path

import pytest

from offizin.workers.process_group import MARK, end_leftovers, mark_of


@pytest.fixture
def logs(tmp_path: Path) -> Path:
    (tmp_path / "logs").mkdir()
    return tmp_path / "logs"


def _start(mark: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(["sleep", "600"], env={**os.environ, MARK: mark}, start_new_session=True)


def test_what_carries_a_mark_of_these_logs_is_ended(logs: Path, tmp_path: Path) -> None:
    other_logs = tmp_path / "other"
    other_logs.mkdir()
    left, of_another = _start(mark_of(logs)), _start(mark_of(other_logs))
    try:
        assert end_leftovers(logs) == 1
        assert left.wait(0) == -signal.SIGKILL
        assert of_another.poll() is None
    finally:
        of_another.kill()
        of_another.wait()


def test_the_same_directory_under_another_name_is_the_same(logs: Path, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(logs)
    left = _start(mark_of(logs))
    assert end_leftovers(tmp_path / "link") == 1
    assert left.wait(0) == -signal.SIGKILL


def test_nothing_is_left_when_nothing_was_started(logs: Path) -> None:
    mark_of(logs)
    assert end_leftovers(logs) == 0
