"""The installed command in processes of its own, with real processors, small books and a home of its own."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from offizin.processors.discovery import Discovery
from tests.behaviour.books import make_book
from tests.behaviour.scripted_processors import write_processor

OFFIZIN = Path(sys.executable).parent / "offizin"

# Fails on one page, or waits until somebody has opened the FIFO ``where`` for writing and closed it again.
_SCRIPTED = """
    class Scripted(Described):
        def process_page_pcgts(self, *pages, page_id=None):
            mode, where = self.parameter["mode"], self.parameter["where"]
            if mode == "wait":
                print("waiting", flush=True)
                Path(where).read_bytes()
            if mode == "fail" and page_id == where:
                raise ValueError("the ink is too pale")
            return OcrdPageResult(pages[0])
"""


class Command:
    """One that runs, with its errors as they come."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        self.told = ""

    def until(self, words: str) -> str:
        """The line of standard error that has these words: it is waited for."""
        assert self.process.stderr is not None
        for line in self.process.stderr:
            self.told += line
            if words in line:
                return line
        raise AssertionError(f"{words!r} was never told, but: {self.told}")

    def interrupt(self, number: int = signal.SIGINT) -> None:
        self.process.send_signal(number)

    def end(self) -> tuple[int, str, str]:
        """Waits for it; exit code, standard output and error."""
        output, errors = self.process.communicate(timeout=60)
        return self.process.returncode, output, self.told + errors


class Workplace:
    """A directory to work in, with a home and a processor ``ocrd-scripted`` beside those that are installed."""

    def __init__(self, directory: Path, tool_cache: Path) -> None:
        self.directory = directory
        self.home = directory / "home"
        (self.home / "cache").mkdir(parents=True)
        shutil.copy(tool_cache, self.home / "cache" / tool_cache.name)
        processors = directory / "processors"
        processors.mkdir()
        write_processor(processors, _SCRIPTED)
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("OFFIZIN_", "OCRD_"))}
        self.environment = {
            **kept, "OFFIZIN_HOME": str(self.home), "OFFIZIN_PROCESSOR_DIRECTORIES": str(processors),
            "OFFIZIN_SLOTS": "2", "COLUMNS": "200",
        }  # fmt: skip
        self._started: list[subprocess.Popen[str]] = []

    def start(self, *arguments: str | Path) -> Command:
        process = subprocess.Popen(
            [OFFIZIN, *arguments], cwd=self.directory, env=self.environment, text=True, start_new_session=True,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip
        self._started.append(process)
        return Command(process)

    def offizin(self, *arguments: str | Path) -> tuple[int, str, str]:
        """Exit code, standard output and error."""
        code, output, errors = self.start(*arguments).end()
        assert "Traceback" not in errors, errors
        return code, output, errors

    def book(self, pages: int, name: str = "book") -> Path:
        """Its METS; pages are P1, P2 and so on."""
        return make_book(self.directory / name, pages)

    def fifo(self, name: str = "fifo") -> Path:
        path = self.directory / name
        os.mkfifo(path)
        return path

    def processes_left(self) -> list[str]:
        """Of processors of this place."""
        return [
            " ".join(process.cmdline())
            for process in psutil.process_iter()
            if process.status() != psutil.STATUS_ZOMBIE and str(self.directory) in " ".join(_command_line(process))
        ]

    def clear(self) -> None:
        for process in self._started:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
            process.communicate()


def _command_line(process: psutil.Process) -> list[str]:
    try:
        return process.cmdline()
    except psutil.Error:
        return []


@pytest.fixture(scope="session")
def tool_cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What ocrd-dummy says of itself, asked once for all tests."""
    file = tmp_path_factory.mktemp("cache") / "ocrd-tools.json"

    async def ask() -> None:
        await Discovery([OFFIZIN.parent], file, "").describe("ocrd-dummy")

    asyncio.run(ask())
    return file


@pytest.fixture
def workplace(tmp_path: Path, tool_cache: Path) -> Iterator[Workplace]:
    place = Workplace(tmp_path, tool_cache)
    yield place
    place.clear()


@pytest.fixture
def wait_step() -> Callable[[Path, str], str]:
    """A step of ocrd-scripted that waits for a FIFO."""
    return lambda fifo, group: f"scripted -I OCR-D-IMG -O {group} -P mode wait -P where {fifo}"
