"""``offizin serve CONFIG`` in a process of its own, and what it has started according to its database."""

from __future__ import annotations

import ctypes
import json
import os
import signal
import sqlite3
import subprocess
import sys
import threading
from pathlib import Path

SECONDS = 60


class Served:
    """``offizin serve`` in a process of its own."""

    def __init__(self, home: Path, config: Path, port: int) -> None:
        environment = {key: value for key, value in os.environ.items() if not key.startswith("OFFIZIN_")}
        self.process = subprocess.Popen(
            [sys.executable, "-m", "offizin", "serve", config, "--home", home, "--address", f"127.0.0.1:{port}"],
            stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, env=environment, start_new_session=True,
            preexec_fn=_die_with_parent,  # noqa: PLW1509 (one call into C, nothing that could wait for a lock)
        )  # fmt: skip
        self.lines: list[str] = []
        self._said = threading.Condition()
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self) -> None:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            with self._said:
                self.lines.append(line)
                self._said.notify_all()
        with self._said:
            self.lines.append("")
            self._said.notify_all()

    def says(self, text: str, times: int = 1) -> str:
        """Wait for so many lines with this text; the last of them."""

        def found() -> list[str]:
            return [line for line in self.lines if text in line]

        with self._said:
            self._said.wait_for(lambda: len(found()) >= times or self.lines[-1:] == [""], SECONDS)
            assert len(found()) >= times, "".join(self.lines)
            return found()[-1]

    @property
    def url(self) -> str:
        return self.says("Offizin listens at ").split("listens at ")[1].split()[0]


def _die_with_parent() -> None:
    ctypes.CDLL(None).prctl(1, signal.SIGTERM)  # PR_SET_PDEATHSIG: also when pytest is killed


def running(home: Path) -> dict[str, int]:
    """What the database says that has been started: pids by host and name."""
    database = sqlite3.connect(home / "offizin.sqlite")
    try:
        rows = database.execute("SELECT host, name, identity FROM deployed").fetchall()
    finally:
        database.close()
    return {f"{host} {name}": json.loads(identity)["pid"] for host, name, identity in rows}
