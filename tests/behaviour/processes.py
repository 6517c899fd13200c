"""Servers and workers in processes of their own, started as users start them, and waiting without sleeping."""

from __future__ import annotations

import ctypes
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import httpx
import psutil

from offizin.home import Home
from tests.behaviour.scripted_processors import write_processor

ROOT = Path(__file__).parents[2]
# How long a process may take to say what is waited for, in seconds.
PATIENCE = 60.0
_FINAL = {"SUCCESS", "FAILED", "CANCELLED"}
_SCRIPTED = """
    class Scripted(Described):
        def process_page_file(self, *files):
            mode, where, page = self.parameter["mode"], self.parameter["where"], files[0].pageId
            if mode == "wait":
                sys.stdout.buffer.write(b"waiting \\xff\\n")
                sys.stdout.flush()
                Path(where).read_bytes()  # of a FIFO: until somebody opens it for writing
            if mode == "fail" and page == where:
                raise ValueError("the ink is too pale")
            if mode == "fail while there" and Path(where).exists():
                raise ValueError("it is there")
            super().process_page_file(*files)

        def process_page_pcgts(self, *pages, page_id=None):
            return OcrdPageResult(pages[0])
"""


@dataclass(frozen=True)
class Programs:
    """Processors that were made for tests, among them ocrd-scripted, which does what its parameters ``mode`` and
    ``where`` say. What all of them say of themselves is kept for who comes next: it takes a second each time."""

    directory: Path

    @classmethod
    def make(cls, directory: Path) -> Programs:
        directory.mkdir(exist_ok=True)
        if not (directory / "ocrd-scripted").exists():
            write_processor(directory, _SCRIPTED)
        return cls(directory)

    def remind(self, home: Path) -> None:
        """Of what an earlier process was told."""
        if self._memory.exists():
            cache = Home(home).tool_cache
            cache.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(self._memory, cache)

    def remember(self, home: Path) -> None:
        cache = Home(home).tool_cache
        if cache.exists() and (not self._memory.exists() or cache.stat().st_size > self._memory.stat().st_size):
            shutil.copy(cache, self._memory)

    @property
    def _memory(self) -> Path:
        return self.directory / "ocrd-tools.json"


class Command:
    """``offizin ARGUMENTS`` in a process of its own; what it says to standard error is heard."""

    def __init__(self, arguments: Sequence[object], *, dies_by: signal.Signals, **environment: str) -> None:
        path = f"{Path(sys.executable).parent}:{os.environ.get('PATH', '')}"
        self.process = subprocess.Popen(
            [sys.executable, "-m", "offizin", *map(str, arguments)],
            stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, errors="replace", cwd=ROOT,
            env={**os.environ, "PATH": path, **environment},
            preexec_fn=lambda: die_with_parent(dies_by),  # noqa: PLW1509 (one call into C, no lock)
        )  # fmt: skip
        self.said: list[str] = []
        self._heard = threading.Condition()
        self._silent = False
        assert self.process.stderr is not None
        self._listener = threading.Thread(target=self._listen, args=(self.process.stderr,), daemon=True)
        self._listener.start()

    def wait_until_it_says(self, pattern: str, *, times: int = 1) -> re.Match[str]:
        """The match of that line, for the so-many-th time."""

        def matches() -> list[re.Match[str]]:
            return [found for line in self.said if (found := re.search(pattern, line))]

        with self._heard:
            self._heard.wait_for(lambda: self._silent or len(matches()) >= times, PATIENCE)
            assert len(matches()) >= times, f"{pattern!r} was not said {times} times:\n" + "\n".join(self.said[-40:])
            return matches()[times - 1]

    def signal(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    def ended(self) -> int:
        """Its exit code, once it has ended by itself."""
        code = self.process.wait(PATIENCE)
        self._listener.join(PATIENCE)
        return code

    def kill(self) -> None:
        """As when the machine takes it away: at once."""
        self.process.kill()
        self.ended()

    def _listen(self, stream: IO[str]) -> None:
        with stream:
            for line in stream:
                with self._heard:
                    self.said.append(line.rstrip())
                    self._heard.notify_all()
        with self._heard:
            self._silent = True
            self._heard.notify_all()


class Server(Command):
    """``offizin serve``. ``client`` talks to it; ``url`` is where it is.

    ``config`` is its configuration file; or it is written from ``settings``. If neither says anything else, it has
    slots of its own and, beside what is installed, the processors in the directory beside its home. ``client`` has
    the token of its home.
    """

    def __init__(
        self, home: Path, port: int = 0, *, config: Path | None = None, environment: dict[str, str] | None = None,
        host: str = "127.0.0.1", **settings: Any,
    ) -> None:  # fmt: skip
        self.home = home
        if config is None:
            if not settings.keys() & {"process_queue", "processor_directories"}:
                settings["processor_directories"] = [str(Programs.make(home.parent / "processors").directory)]
            config = home.with_suffix(".yml")
            config.write_text(json.dumps(settings, indent=1))
        super().__init__(
            ["-v", "serve", config, "--address", f"{host}:{port}", "--home", home, "--slots", 2],
            dies_by=signal.SIGTERM, **(environment or {}),
        )  # fmt: skip
        self.url = self.wait_until_it_says(r"listens at (\S+)")[1]
        bearer = {"Authorization": f"Bearer {Home(home).token()}"}
        verify = not self.url.startswith("https:")  # certificates are looked at by the tests of them
        self.client = httpx.Client(base_url=self.url, timeout=60, headers=bearer, verify=verify)

    def stop(self) -> int:
        """End it gracefully; its exit code."""
        self.client.close()
        self.process.terminate()
        return self.ended()

    def run_job(self, mets: Path, processor: str = "ocrd-dummy", **body: Any) -> str:
        """Submit a job; its id."""
        body = {"input_file_grps": ["OCR-D-IMG"], "output_file_grps": ["OCR-D-OUT"], **body}
        answer = self.client.post(f"/processor/run/{processor}", json={"path_to_mets": str(mets), **body})
        assert answer.status_code == 200, answer.text
        return str(answer.json()["job_id"])

    def run_workflow(self, mets: Path, workflow: str, **params: Any) -> dict[str, Any]:
        """Submit a workflow; the answer."""
        answer = self.client.post(
            "/workflow/run", params={"mets_path": str(mets), **params}, files={"workflow": ("w.txt", workflow)}
        )
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    def summary(self, run_id: str) -> dict[str, Any]:
        found: dict[str, Any] = self.client.get(f"/workflow/job/{run_id}/summary").json()
        return found

    def details(self, job_id: str) -> dict[str, Any]:
        found: dict[str, Any] = self.client.get(f"/processor/job/{job_id}/details").json()
        return found

    def wait_for(self, run_id: str, *, job: str, state: str) -> None:
        """Until the job is in this state."""
        for event in self.events(after=0, run=run_id):
            if any(change["job"] == job and change["state"] == state for change in event["changes"]):
                return

    def wait_for_any(self, run_id: str, state: str) -> None:
        """Until one of its jobs is in this state."""
        for event in self.events(after=0, run=run_id):
            if any(change["job"] and change["state"] == state for change in event["changes"]):
                return

    def wait_for_attempts(self, job_id: str, number: int) -> None:
        """Until so many attempts at the job have failed."""
        for _ in self.events(after=0, run=self.details(job_id)["run_id"]):
            if len(self.details(job_id)["attempts"]) >= number:
                return

    def wait_for_run(self, run_id: str) -> str:
        """The state the run ends in."""
        for event in self.events(after=0, run=run_id):
            for change in event["changes"]:
                if not change["job"] and change["state"] in _FINAL:
                    return str(change["state"])
        raise AssertionError("the events ended before the run did")

    def wait_for_job(self, job_id: str) -> dict[str, Any]:
        """What is shown of a job submitted by itself once it is over."""
        self.wait_for_run(self.details(job_id)["run_id"])
        found: dict[str, Any] = self.client.get(f"/processor/job/{job_id}").json()
        return found

    def events(self, **params: Any) -> Iterator[dict[str, Any]]:
        with self.client.stream("GET", "/events", params=params) as answer:
            assert answer.headers["content-type"].startswith("text/event-stream")
            for line in answer.iter_lines():
                if line.startswith("data: "):
                    yield json.loads(line.removeprefix("data: "))


class Worker(Command):
    """``offizin worker`` for processors (``ocrd-dummy:2``), with a home of its own; ``begun`` once it may work."""

    def __init__(
        self, queue: str, home: Path, processors: Sequence[Path], named: Sequence[str], *, slots: int = 2,
        grace: float = 60.0, server: str | None = None, options: Sequence[str] = (),
    ) -> None:  # fmt: skip
        super().__init__(
            ["-v", "worker", *named, "--queue", queue, "--home", home, "--slots", slots, "--grace", grace,
             *(["--server", server] if server else []), *options],
            dies_by=signal.SIGKILL, OFFIZIN_PROCESSOR_DIRECTORIES=":".join(map(str, processors)),
        )  # fmt: skip
        self.home = home

    def begun(self, sessions: int = 1) -> str:
        """The id of its so-many-th session."""
        return self.wait_until_it_says(r"this worker is session (\S+)", times=sessions)[1]

    def runners(self) -> list[psutil.Process]:
        """The processors' programs that it has running."""
        found = []
        for child in psutil.Process(self.process.pid).children(recursive=True):
            with suppress(psutil.NoSuchProcess):  # it may end meanwhile, and be a zombie for a moment
                if "ocrd-" in " ".join(child.cmdline()):
                    found.append(child)
        return found

    def stop(self) -> int:
        """End it gracefully; its exit code."""
        self.process.terminate()
        return self.ended()


def die_with_parent(number: signal.Signals) -> None:
    ctypes.CDLL(None).prctl(1, number)  # PR_SET_PDEATHSIG: end with the tests, however they end
