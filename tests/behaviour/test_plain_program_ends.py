"""A plain program driven by hand: how its calls end, and what of them stands."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import psutil
import pytest
from msgspec.structs import replace

from offizin.errors import ProcessorUnloadable
from offizin.messages import Cause, File, Handshake, Piece, Result, decode_result, encode
from offizin.workers.mets_endpoint import MetsEndpoint
from offizin.workers.plain_program import PlainProgram, handshake_of
from offizin.workers.runner_lines import Reported
from offizin.workers.runner_process import RunnerProcess
from tests.behaviour.plain_programs import write_plain_program
from tests.behaviour.scripted_processors import Book


class Driver:
    def __init__(self, program: PlainProgram) -> None:
        self.program = program
        self._events = program.events()

    async def result(self, piece: Piece) -> Result:
        self.program.send(encode(piece))
        return await self.reported()

    async def reported(self) -> Result:
        async for events in self._events:
            for event in events:
                if isinstance(event, Reported):
                    return decode_result(event.body)
        raise AssertionError("it has ended")

    async def rest(self) -> list[Result]:
        return [decode_result(e.body) async for events in self._events for e in events if isinstance(e, Reported)]


@contextlib.asynccontextmanager
async def called(executable: Path, directory: Path) -> AsyncIterator[Driver]:
    endpoint = MetsEndpoint()
    program = PlainProgram(
        executable, Handshake(executable.name, plain=True), environment=dict(os.environ), owner=directory,
        job_logs=directory, endpoint=endpoint,
    )  # fmt: skip
    try:
        yield Driver(program)
    finally:
        program.kill()
        await program.wait()
        await endpoint.stop()


@pytest.fixture
def book(tmp_path: Path) -> Book:
    return Book(tmp_path / "book", pages=3)


@pytest.fixture
def program(tmp_path: Path) -> Path:
    return write_plain_program(tmp_path)


async def says(log: Path, text: str) -> None:
    async with asyncio.timeout(30):
        while not log.exists() or text not in log.read_text():  # noqa: ASYNC110  (a file has no event)
            await asyncio.sleep(0.01)


async def test_it_tells_its_version_and_step(program: Path) -> None:
    told = await handshake_of(program, os.environ, 30)
    assert (told.processor, told.version, told.step) == ("ocrd-misbehaving-plain", "0.3", "preprocessing/optimization")
    assert told.plain
    assert not told.independent_pages


async def test_pages_that_were_done_before_it_was_killed_stand(tmp_path: Path, book: Book, program: Path) -> None:
    async with called(program, tmp_path) as driver:
        piece = book.piece(parameters={"mode": "hang", "where": "PHYS_0003"})
        driver.program.send(encode(piece))
        await says(Path(piece.log), "page PHYS_0003")
        process = psutil.Process(driver.program.pid)
        driver.program.kill()
        [result] = await driver.rest()
        assert await driver.program.wait() == -signal.SIGKILL
    assert not process.is_running()
    assert not result.end
    assert [page.page for page in result.pages] == ["PHYS_0001"]  # the next may be half done
    assert all(file.size and file.digest for page in result.pages for file in page.files)


async def test_it_finishes_its_piece_when_it_is_to_stop(tmp_path: Path, book: Book, program: Path) -> None:
    async with called(program, tmp_path) as driver:
        driver.program.send(encode(book.piece()))
        await driver.program.stop(grace=30)
        [result] = await driver.rest()
        assert await driver.program.wait() == 0
    assert result.end
    assert [page.cause for page in result.pages] == [None] * 3
    assert result.peak_memory > 0


async def test_after_the_worker_s_deadline_it_adds_nothing(tmp_path: Path, book: Book, program: Path) -> None:
    async with called(program, tmp_path) as driver:
        driver.program.renew(-1)
        result = await driver.result(book.piece(["PHYS_0001"]))
        assert result.cause is Cause.EXIT
        assert "503" in result.log_tail
        driver.program.renew(60)
        assert (await driver.result(book.piece(["PHYS_0001"]))).cause is None


async def test_a_hang_is_noticed_by_what_it_adds_no_more(tmp_path: Path, book: Book, program: Path) -> None:
    """Once it has begun to add, each page has its own time; before that, it has the time of all."""
    async with called(program, tmp_path) as driver:
        piece = book.piece(parameters={"mode": "hang", "where": "PHYS_0002"}, time_limit=0.5)
        result = await driver.result(piece)
        assert result.cause is Cause.TIMEOUT
        assert result.before_first_page
        assert "0.5 s" in result.message
        again = await driver.result(book.piece(["PHYS_0001"], time_limit=30))
        assert again.cause is None


async def test_a_file_of_another_page_id_is_left_for_the_server_to_judge(
    tmp_path: Path, book: Book, program: Path
) -> None:
    async with called(program, tmp_path) as driver:
        result = await driver.result(book.piece(["PHYS_0002"], {"mode": "foreign", "where": "PHYS_0002"}))
    assert [page.cause for page in result.pages] == [Cause.NO_OUTPUT]
    assert [file.page_id for file in result.files] == ["P1"]


async def test_what_goes_wrong_around_a_call_is_said_and_the_next_piece_is_done(
    tmp_path: Path, book: Book, program: Path
) -> None:
    async with called(program, tmp_path) as driver:
        (book.directory / "mets.xml").write_text("<no mets")
        broken = await driver.result(book.piece(["PHYS_0001"], full_mets=True))
        assert broken.cause is Cause.EXCEPTION
        gone = await driver.result(replace(book.piece(["PHYS_0001"]), directory=str(tmp_path / "gone")))
        assert gone.cause is Cause.RUNNER_LOST
        assert (await driver.result(book.piece(["PHYS_0001"]))).cause is None


async def test_pages_without_input_are_no_work_for_it(tmp_path: Path, book: Book, program: Path) -> None:
    async with called(program, tmp_path) as driver:
        result = await driver.result(book.piece(["PHYS_0001"], source="OCR-D-NONE"))
    assert [page.cause for page in result.pages] == [Cause.NO_INPUT]
    assert not Path(tmp_path, "logs").exists()


async def test_the_whole_mets_has_also_what_is_not_saved_yet(tmp_path: Path, book: Book, program: Path) -> None:
    book.write_mets()
    (book.directory / "OCR-D-NEW").mkdir()
    name = "OCR-D-NEW/new.png"
    (book.directory / name).write_bytes(b"new")
    book.files.append(File("NEW", "OCR-D-NEW", "image/png", "PHYS_0001", name))
    async with called(program, tmp_path) as driver:
        result = await driver.result(book.piece(["PHYS_0001"], source="OCR-D-NEW", full_mets=True))
    assert [page.cause for page in result.pages] == [None]
    assert (book.directory / "OCR-D-OUT" / "PHYS_0001.png").read_bytes() == b"new"


async def test_a_python_processor_that_does_not_load_is_no_plain_program(tmp_path: Path) -> None:
    """Else it would be called for each page, to fail as slowly each time."""
    script = tmp_path / "ocrd-torn"
    script.write_text(f"#!{sys.executable}\nimport ocrd.decorators\nimport no_such_library\n")
    script.chmod(0o755)
    with pytest.raises(ProcessorUnloadable, match="no_such_library"):
        await RunnerProcess.start(script, log=tmp_path / "runner.log", threads=1, load_limit=60, job_logs=tmp_path)


WORKER = """
import asyncio, os, sys
from pathlib import Path
from offizin.messages import Handshake
from offizin.workers.mets_endpoint import MetsEndpoint
from offizin.workers.plain_program import PlainProgram
executable, directory, piece = map(Path, sys.argv[1:])
async def main():
    program = PlainProgram(executable, Handshake("x"), environment=dict(os.environ), owner=directory,
                           job_logs=directory, endpoint=MetsEndpoint())
    program.send(piece.read_bytes())
    await asyncio.sleep(600)
asyncio.run(main())
"""


async def test_it_does_not_outlive_a_worker_that_is_killed(tmp_path: Path, book: Book, program: Path) -> None:
    work = book.piece(parameters={"mode": "hang", "where": "PHYS_0002"})
    (tmp_path / "piece").write_bytes(encode(work))
    arguments = (program, tmp_path, tmp_path / "piece")
    worker = await asyncio.create_subprocess_exec(sys.executable, "-c", WORKER, *arguments)
    await says(Path(work.log), "page PHYS_0002")
    called = [p for p in psutil.process_iter(["cmdline"]) if str(program) in (p.info["cmdline"] or [])[:3]]
    assert called
    worker.kill()
    await worker.wait()
    gone, alive = await asyncio.to_thread(psutil.wait_procs, called, timeout=10)
    assert gone
    assert not alive
