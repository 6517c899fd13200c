"""A real server process that can be killed: it, its runners, or both."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import psutil

from offizin.workers.process_group import MARK

_TEST_MARK = "OFFIZIN_CHAOS_TEST"
START_SECONDS = 30.0
END_SECONDS = 30.0


class Server:
    """``offizin serve`` on ``home``, in a session of its own. ``mark`` stands in the environment of all it starts.

    ``fault`` as in ``offizin.faults``; ``save_interval`` in seconds. What it says goes to ``log``.
    """

    def __init__(
        self, home: Path, processors: Path, mark: str, log: Path, *, save_interval: float, fault: str = ""
    ) -> None:
        self.mark = mark
        self.url = ""
        self._said = threading.Condition()
        self._lines: list[str] = []
        self._silent = False
        self._log = log
        environment = {name: value for name, value in os.environ.items() if not name.startswith("OFFIZIN_")}
        programs = [str(processors), str(Path(sys.executable).parent), environment.get("PATH", "")]
        environment |= {"PATH": os.pathsep.join(programs), _TEST_MARK: mark}
        environment["OFFIZIN_SAVE_INTERVAL"] = str(save_interval)
        if fault:
            environment["OFFIZIN_FAULT"] = fault
        self.process = subprocess.Popen(
            [sys.executable, "-m", "offizin", "serve", "--home", home, "--address", "127.0.0.1:0", "--slots", "2"],
            stdin=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            env=environment,
            text=True,
            start_new_session=True,
        )
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self) -> None:
        assert self.process.stderr is not None
        with self._log.open("a") as log:
            for line in self.process.stderr:
                log.write(line)
                log.flush()
                with self._said:
                    self._lines.append(line)
                    self._said.notify_all()
        with self._said:
            self._silent = True
            self._said.notify_all()

    def says(self, *texts: str) -> str:
        """Wait for a line with one of ``texts`` and return it; empty when the server died before."""

        def found() -> str:
            return next((line for line in self._lines if any(text in line for text in texts)), "")

        with self._said:
            self._said.wait_for(lambda: self._silent or found(), START_SECONDS)
            return found()

    def listens(self) -> bool:
        """Wait until it takes requests; False when it died before."""
        line = self.says("Offizin listens at ")
        if line:
            self.url = line.split("listens at ")[1].split()[0]
        return bool(line)

    @property
    def said(self) -> str:
        with self._said:
            return "".join(self._lines)

    def runners(self) -> list[psutil.Process]:
        """Whatever it has started that is alive, wherever it has gone."""
        return [process for process in marked(self.mark) if process.pid != self.process.pid]

    def kill(self) -> None:
        """kill -9 of the server alone."""
        self.process.kill()
        self.dies()

    def kill_everything(self) -> None:
        """kill -9 of the server and of all that it has started, at once."""
        everybody = self.runners()
        self.process.kill()
        for process in everybody:
            try:
                process.kill()
            except psutil.NoSuchProcess:
                pass
        self.dies()

    def dies(self, within: float = END_SECONDS) -> bool:
        """Wait for its end by SIGKILL; False when it lives on. It must not end in any other way."""
        try:
            code = self.process.wait(within)
        except subprocess.TimeoutExpired:
            return False
        assert code == -signal.SIGKILL, f"the server ended by itself ({code}):\n{self.said}"
        return True

    def stop(self) -> int:
        """End it as an administrator would; its exit code."""
        self.process.terminate()
        return self.process.wait(END_SECONDS)


def marked(mark: str) -> list[psutil.Process]:
    """Processes alive with ``mark`` in their environment."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.environ().get(_TEST_MARK) == mark and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
        except (psutil.Error, OSError):
            pass
    return found


def left_behind(mark: str, within: float = 10.0) -> list[str]:
    """What is still alive with this mark after so many seconds in which it might have ended by itself."""
    _, alive = psutil.wait_procs(marked(mark), timeout=within)
    return [f"{process.pid} {' '.join(_command(process))}" for process in alive]


def _command(process: psutil.Process) -> list[str]:
    try:
        return [*process.cmdline(), f"[{MARK}={process.environ().get(MARK)}]"]
    except (psutil.Error, OSError):
        return []
