"""The home directory: one server at a time, also right after a crash, and whoever else looks at it meanwhile."""

from __future__ import annotations

import fcntl
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from offizin.errors import HomeInUse, Unavailable
from offizin.home import Home


def test_a_home_is_taken_by_one_at_a_time(tmp_path: Path) -> None:
    first, second = Home(tmp_path), Home(tmp_path)
    first.take()
    first.publish_address("http://127.0.0.1:1")
    with pytest.raises(HomeInUse, match=r"http://127\.0\.0\.1:1"):
        second.take()
    first.release()
    second.take()
    second.release()


def test_the_home_of_a_killed_server_is_free_at_once_and_has_no_address(tmp_path: Path) -> None:
    program = (
        "import sys, os; from pathlib import Path; from offizin.home import Home; home = Home(Path(sys.argv[1]));"
        "home.take(); home.publish_address('http://127.0.0.1:1'); print('taken', flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as server:
        assert server.stdout is not None
        assert server.stdout.readline() == "taken\n"
        assert Home(tmp_path).address() == "http://127.0.0.1:1"
        server.send_signal(signal.SIGKILL)
        server.wait()
    home = Home(tmp_path)
    assert home.address() is None
    home.take()
    home.release()


def test_a_command_that_looks_for_the_server_does_not_keep_it_from_starting(tmp_path: Path) -> None:
    looking = os.open(tmp_path / "lock", os.O_RDWR | os.O_CREAT)
    fcntl.flock(looking, fcntl.LOCK_SH)
    done = threading.Timer(0.02, lambda: os.close(looking))
    done.start()
    home = Home(tmp_path)
    home.take()
    home.release()
    done.join()


def test_the_name_of_a_home_s_server_is_made_once(tmp_path: Path) -> None:
    given = iter(["first", "second"])
    home = Home(tmp_path)
    home.take()
    assert home.server_name(lambda: next(given)) == "first"
    home.release()
    assert Home(tmp_path).server_name(lambda: next(given)) == "first"


def test_a_server_whose_name_cannot_be_kept_does_not_start(tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match="cannot be kept"):
        Home(tmp_path / "missing").server_name(lambda: "name")
