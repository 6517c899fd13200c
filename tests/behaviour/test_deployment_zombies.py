"""Old METS servers of the reference, and runners whose worker is gone, are found and ended; nothing else is."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

import psutil

from offizin.deployment.zombies import end_zombies

MARK = f"OFFIZIN_ZOMBIES_TEST_{os.getpid()}"
METS_SERVER = ["ocrd", "workspace", "-U", "/tmp/x.sock", "-d", "/tmp/book", "server", "start"]
SLEEP = [sys.executable, "-c", "import time; print(flush=True); time.sleep(1000)"]


@contextmanager
def running(command: list[str], **environment: str) -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen(command, env={**os.environ, **environment}, stdout=subprocess.PIPE)
    assert process.stdout is not None
    process.stdout.readline()
    try:
        yield process
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def found(*pids: int, hours: int = 1, minutes: int = 30, dry_run: bool = False) -> list[int]:
    """Among these alone, as it will be in so many hours: what else runs here is not ours to end."""
    return end_zombies(
        minutes, dry_run=dry_run, mark=MARK,
        now=lambda: time.time() + 3600 * hours, processes=lambda: map(psutil.Process, pids),
    )  # fmt: skip


def test_an_old_mets_server_is_ended_and_a_young_one_is_not() -> None:
    with running([*SLEEP, *METS_SERVER]) as process:
        assert found(process.pid, hours=0) == []
        assert found(process.pid, minutes=90) == []
        assert found(process.pid, dry_run=True) == [process.pid]
        assert process.poll() is None
        assert found(process.pid) == [process.pid]
        assert not psutil.pid_exists(process.pid)


def test_other_commands_are_left_alone() -> None:
    with running([*SLEEP, *METS_SERVER[:-1]]) as process, running([*SLEEP, "ocrd", "workspace", "find"]) as other:
        assert found(process.pid, other.pid) == []


def test_a_runner_whose_worker_lives_is_left_alone() -> None:
    with running(SLEEP, **{MARK: "a"}) as process:
        assert found(process.pid) == []


def test_a_runner_whose_worker_is_gone_is_ended() -> None:
    # Its parent starts it and ends: whoever takes it in is no worker.
    nothing = "stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL"
    starter = f"import subprocess; print(subprocess.Popen({SLEEP!r}, {nothing}).pid)"
    done = subprocess.run(
        [sys.executable, "-c", starter], env={**os.environ, MARK: "a"}, capture_output=True, text=True, check=True
    )
    orphan = psutil.Process(int(done.stdout))
    assert found(orphan.pid, hours=0) == []
    assert found(orphan.pid) == [orphan.pid]
    assert not orphan.is_running() or orphan.status() == psutil.STATUS_ZOMBIE
