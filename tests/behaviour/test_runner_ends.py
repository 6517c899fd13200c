"""How runners end: by crashes, kills, a lost worker; and programs in which no runner begins."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
from pathlib import Path

import psutil
import pytest

from offizin.errors import RunnerLost, RunnerNotPython
from offizin.messages import Cause, PageOutcome, encode
from offizin.workers.runner_process import Reported, RunnerProcess
from tests.behaviour.scripted_processors import OCRD_DUMMY, Book, running, write_processor

ENDING = """
    class Scripted(Described):
        def process_page_pcgts(self, *pages, page_id=None):
            mode, where = self.parameter["mode"], Path(self.parameter["where"])
            if mode == "segfault":
                os.kill(os.getpid(), signal.SIGSEGV)
            if mode == "vanish":
                os._exit(7)
            if mode == "children":
                forked = os.fork()
                if not forked:
                    time.sleep(600)
                    os._exit(0)
                apart = subprocess.Popen(["sleep", "600"], start_new_session=True)
                where.with_suffix(".new").write_text(f"{os.getpid()} {forked} {apart.pid}")
                where.with_suffix(".new").rename(where)
                time.sleep(600)
            return OcrdPageResult(pages[0])
"""

OLD = """
    class Scripted(Described):
        def process(self):
            for file in self.input_files:
                file_id = make_file_id(file, self.output_file_grp)
                if file.pageId == self.parameter["where"]:
                    raise ValueError("torn page")
                self.workspace.add_file(file_id=file_id, file_grp=self.output_file_grp, page_id=file.pageId,
                                        mimetype="text/plain", local_filename=self.output_file_grp + "/" + file_id,
                                        content="text")
"""


@pytest.fixture
def book(tmp_path: Path) -> Book:
    return Book(tmp_path / "book", pages=3)


async def appears(path: Path) -> str:
    async with asyncio.timeout(30):
        while not path.exists():  # noqa: ASYNC110  (a file has no event)
            await asyncio.sleep(0.01)
    return path.read_text()


def gone(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


@pytest.mark.parametrize(("mode", "code"), [("segfault", -signal.SIGSEGV), ("vanish", 7)])
async def test_a_crash_ends_the_events_after_the_start_of_its_piece(
    tmp_path: Path, book: Book, mode: str, code: int
) -> None:
    async with running(write_processor(tmp_path, ENDING), tmp_path / "runner.log") as driver:
        for page, parameters in (("PHYS_0001", {}), ("PHYS_0002", {"mode": mode}), ("PHYS_0003", {})):
            driver.process.send(encode(book.piece([page], parameters)))
        await driver.until(lambda events: False)
        assert [type(event).__name__ for event in driver.events] == ["Started", "Reported", "Started"]
        assert await driver.process.wait() == code


async def test_a_kill_leaves_nothing_behind(tmp_path: Path, book: Book) -> None:
    async with running(write_processor(tmp_path, ENDING), tmp_path / "runner.log") as driver:
        note = tmp_path / "pids"
        driver.process.send(encode(book.piece(["PHYS_0001"], {"mode": "children", "where": str(note)})))
        pids = [int(pid) for pid in (await appears(note)).split()]
        assert not any(gone(pid) for pid in pids)
        driver.process.kill()
        assert await driver.process.wait() == -signal.SIGKILL
        assert all(gone(pid) for pid in pids)


async def test_children_of_a_crashed_runner_do_not_outlive_it(tmp_path: Path, book: Book) -> None:
    async with running(write_processor(tmp_path, ENDING), tmp_path / "runner.log") as driver:
        note = tmp_path / "pids"
        driver.process.send(encode(book.piece(["PHYS_0001"], {"mode": "children", "where": str(note)})))
        runner, *children = [int(pid) for pid in (await appears(note)).split()]
        os.kill(runner, signal.SIGSEGV)
        assert await driver.process.wait() == -signal.SIGSEGV
        assert all(gone(pid) for pid in children)


async def test_a_stop_that_takes_too_long_becomes_a_kill(tmp_path: Path, book: Book) -> None:
    async with running(write_processor(tmp_path, ENDING), tmp_path / "runner.log") as driver:
        note = tmp_path / "pids"
        driver.process.send(encode(book.piece(["PHYS_0001"], {"mode": "children", "where": str(note)})))
        pids = [int(pid) for pid in (await appears(note)).split()]
        await driver.process.stop(grace=0.05)
        assert all(gone(pid) for pid in pids)


WORKER = """
import asyncio, sys
from pathlib import Path
from offizin.workers.runner_process import RunnerProcess
executable, log, piece = map(Path, sys.argv[1:])
async def main():
    runner = await RunnerProcess.start(executable, log=log, threads=1, load_limit=60, job_logs=log.parent)
    runner.send(piece.read_bytes())
    await asyncio.sleep(600)
asyncio.run(main())
"""


@pytest.mark.parametrize("plain", [False, True])
async def test_nothing_outlives_a_worker_that_is_killed(tmp_path: Path, book: Book, plain: bool) -> None:
    """Neither a runner with its children nor a shell script that never becomes one."""
    note, piece = tmp_path / "pids", tmp_path / "piece"
    piece.write_bytes(encode(book.piece(["PHYS_0001"], {"mode": "children", "where": str(note)})))
    executable = write_processor(tmp_path, ENDING)
    if plain:
        executable.write_text(f"#!/bin/sh\nsleep 600 &\necho $$ $! > {note}.new\nmv {note}.new {note}\nwait\n")
    arguments = (executable, tmp_path / "runner.log", piece)
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", WORKER, *arguments)
    pids = [int(pid) for pid in (await appears(note)).split()]
    assert not any(gone(pid) for pid in pids)
    process.kill()
    await process.wait()
    async with asyncio.timeout(10):
        while not all(gone(pid) for pid in pids):  # noqa: ASYNC110  (somebody else's children have no event)
            await asyncio.sleep(0.01)


@pytest.mark.parametrize("call", ['exec {} "$@"', '{} "$@"'])
async def test_a_shell_script_may_stand_around_the_processor(tmp_path: Path, book: Book, call: str) -> None:
    script = tmp_path / "ocrd-wrapped"
    command = call.format(OCRD_DUMMY)
    script.write_text(f"#!/bin/bash\n{sys.executable} -c 'import json'\nexport IN_WRAPPER=1\n{command}\n")
    script.chmod(0o755)
    async with running(script, tmp_path / "runner.log") as driver:
        result = await driver.result(book.piece(["PHYS_0001"], {"copy_files": False}))
        assert result.pages[0].cause is None
        driver.process.kill()
        await driver.process.wait()
        assert gone(driver.process.handshake.pid)


async def test_another_sitecustomize_still_runs(tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text(
        "import os, pathlib; pathlib.Path(__file__).with_name('seen').write_text(os.environ['PYTHONPATH'])"
    )
    async with running(OCRD_DUMMY, tmp_path / "runner.log", PYTHONPATH=str(tmp_path)) as driver:
        assert driver.process.handshake.processor == "ocrd-dummy"
    assert (tmp_path / "seen").read_text() == str(tmp_path)


async def test_an_administrator_s_number_of_threads_stands(tmp_path: Path, book: Book) -> None:
    executable = write_processor(
        tmp_path,
        """
    class Scripted(Described):
        def process_page_pcgts(self, *pages, page_id=None):
            print(os.environ["OMP_NUM_THREADS"], os.environ["MKL_NUM_THREADS"])
            return OcrdPageResult(pages[0])
    """,
    )
    async with running(executable, tmp_path / "runner.log", OMP_NUM_THREADS="3", MKL_NUM_THREADS="1") as driver:
        piece = book.piece(["PHYS_0001"])
        await driver.result(piece)
    assert "3 1\n" in Path(piece.log).read_text()


@pytest.mark.parametrize(
    ("script", "said"),
    [
        ("#!/bin/sh\necho usage: no Python >&2\nexit 2\n", "exit 2"),
        (f"#!{sys.executable}\nraise SystemExit('no processor here')\n", "no processor here"),
    ],
)
async def test_a_program_without_a_python_processor_says_so(tmp_path: Path, script: str, said: str) -> None:
    program = tmp_path / "ocrd-other"
    program.write_text(script)
    program.chmod(0o755)
    with pytest.raises(RunnerNotPython, match=said):
        await RunnerProcess.start(program, log=tmp_path / "runner.log", threads=1, load_limit=30, job_logs=tmp_path)


async def test_a_program_that_stays_silent_is_ended(tmp_path: Path) -> None:
    program = tmp_path / "ocrd-silent"
    program.write_text(f"#!/bin/sh\necho $$ > {tmp_path}/pid\nsleep 600\n")
    program.chmod(0o755)
    with pytest.raises(RunnerNotPython, match=r"within 0\.5 s"):
        await RunnerProcess.start(program, log=tmp_path / "runner.log", threads=1, load_limit=0.5, job_logs=tmp_path)
    assert gone(int((tmp_path / "pid").read_text()))


async def test_a_program_that_cannot_be_started_is_lost(tmp_path: Path) -> None:
    with pytest.raises(RunnerLost, match="ocrd-absent"):
        await RunnerProcess.start(
            tmp_path / "ocrd-absent", log=tmp_path / "runner.log", threads=1, load_limit=5, job_logs=tmp_path
        )


async def test_version_can_still_be_asked_in_between(tmp_path: Path) -> None:
    """A wrapper may look at the processor before it calls on it: only a call without arguments is ours."""
    script = tmp_path / "ocrd-curious"
    script.write_text(f"#!/bin/bash\n{OCRD_DUMMY} --version || exit 9\nexec {OCRD_DUMMY}\n")
    script.chmod(0o755)
    async with running(script, tmp_path / "runner.log") as driver:
        assert driver.process.handshake.processor == "ocrd-dummy"
    assert "Version" in (tmp_path / "runner.log").read_text()


async def test_a_processor_of_api_2_is_sealed_at_the_end(tmp_path: Path, book: Book) -> None:
    async with running(write_processor(tmp_path, OLD), tmp_path / "runner.log") as driver:
        assert not driver.process.handshake.independent_pages
        good = await driver.result(book.piece())
        assert [(page.page, page.cause, len(page.files)) for page in good.pages] == [(p, None, 1) for p in book.pages]
        broken = await driver.result(book.piece(parameters={"where": "PHYS_0002"}, target="OCR-D-B"))
        assert broken.cause is Cause.EXCEPTION
        assert not broken.before_first_page
        assert [page.cause for page in broken.pages] == [None, Cause.EXCEPTION, Cause.EXCEPTION]
        at_once = await driver.result(book.piece(parameters={"where": "PHYS_0001"}, target="OCR-D-C"))
        assert at_once.before_first_page
        assert at_once.pages == []


async def test_existing_output_counts_as_done_for_a_processor_of_api_2_too(tmp_path: Path, book: Book) -> None:
    async with running(write_processor(tmp_path, OLD), tmp_path / "runner.log") as driver:
        first = await driver.result(book.piece())
        book.files += [file for page in first.pages for file in page.files]
        again = await driver.result(book.piece(["PHYS_0001"]))
        assert again.cause is None
        assert again.pages == [PageOutcome("PHYS_0001", existed=True)]
        over = await driver.result(book.piece(["PHYS_0001"], overwrite=True))
        assert [len(page.files) for page in over.pages] == [1]
        late = await driver.result(book.piece(["PHYS_0001"], {"where": "PHYS_0001"}, overwrite=True))
        assert [page.cause for page in late.pages] == [Cause.EXCEPTION]


async def test_the_reference_s_own_time_limit_fails_the_page_and_not_the_piece(tmp_path: Path, book: Book) -> None:
    executable = write_processor(
        tmp_path,
        """
    class Scripted(Described):
        def process_page_pcgts(self, *pages, page_id=None):
            if page_id == self.parameter["where"]:
                time.sleep(600)
            return OcrdPageResult(pages[0])
    """,
    )
    async with running(executable, tmp_path / "runner.log", OCRD_PROCESSING_PAGE_TIMEOUT="1") as driver:
        result = await driver.result(book.piece(parameters={"where": "PHYS_0002"}))
    assert [page.cause for page in result.pages] == [None, Cause.TIMEOUT, None]


async def test_a_piece_without_a_mets_to_read_fails_and_the_runner_goes_on(tmp_path: Path, book: Book) -> None:
    (book.directory / "mets.xml").write_text("<no mets")
    async with running(OCRD_DUMMY, tmp_path / "runner.log") as driver:
        broken = await driver.result(book.piece(["PHYS_0001"], full_mets=True))
        assert broken.cause is Cause.EXCEPTION
        assert (await driver.result(book.piece(["PHYS_0001"]))).pages[0].cause is None


async def test_a_processor_around_its_pages_is_run_whole_and_still_counted(tmp_path: Path, book: Book) -> None:
    executable = write_processor(
        tmp_path,
        """
    class Scripted(Described):
        def process_workspace(self, workspace):
            super().process_workspace(workspace)
            print("after all pages")

        def process_page_pcgts(self, *pages, page_id=None):
            if page_id == self.parameter["where"]:
                raise ValueError("blot")
            return OcrdPageResult(pages[0])
    """,
    )
    async with running(executable, tmp_path / "runner.log") as driver:
        assert not driver.process.handshake.independent_pages
        piece = book.piece(parameters={"where": "PHYS_0001"})
        result = await driver.result(piece)
    assert [page.cause for page in result.pages] == [Cause.EXCEPTION, None, None]
    assert "after all pages" in Path(piece.log).read_text()


async def test_a_runner_that_has_ended_takes_no_harm_from_late_calls(tmp_path: Path, book: Book) -> None:
    async with running(OCRD_DUMMY, tmp_path / "runner.log") as driver:
        driver.process.kill()
        await driver.process.wait()
        driver.process.send(encode(book.piece(["PHYS_0001"])))
        driver.process.renew(10)
        driver.process.kill()
        await driver.process.stop(grace=1)
        async with contextlib.aclosing(driver.process.events()) as batches:
            assert [batch async for batch in batches if any(isinstance(e, Reported) for e in batch)] == []


def test_the_runner_s_files_are_plain_python_for_old_interpreters() -> None:
    """Syntax of Python 3.8 at most, nothing but the standard library, ocrd and requests (which ocrd needs)."""
    import ast

    import offizin

    allowed = {"ocrd", "ocrd_modelfactory", "ocrd_models", "ocrd_utils", "requests", *sys.stdlib_module_names}
    for path in (Path(offizin.__file__).parent / "runner").rglob("*.py"):
        tree = ast.parse(path.read_text(), feature_version=(3, 8))
        for node in ast.walk(tree):
            if isinstance(node, ast.Import):
                assert {name.name.split(".")[0] for name in node.names} <= allowed, path
            elif isinstance(node, ast.ImportFrom) and not node.level:
                assert str(node.module).split(".")[0] in allowed, path
