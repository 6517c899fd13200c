"""What a runner makes of processors that behave, and of those that do not."""

from __future__ import annotations

import asyncio
import hashlib
import re
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from offizin.messages import Cause, File, PageOutcome, Piece, Result
from tests.behaviour.scripted_processors import OCRD_DUMMY, Book, Driver, running, write_processor

pytestmark = pytest.mark.asyncio(loop_scope="module")

ODD = """
    class Scripted(Described):
        def setup(self):
            self.mode, self.where = self.parameter["mode"], self.parameter["where"]
            if self.mode == "model":
                self.resolve_resource("no-such-model")
            if self.mode == "loading":
                raise RuntimeError("no GPU")

        def process_page_pcgts(self, *pages, page_id=None):
            if self.where and page_id != self.where and self.mode != "write":
                return OcrdPageResult(pages[0])
            if self.mode == "raise":
                raise ValueError("the ink is too pale")
            if self.mode == "memory":
                raise MemoryError()
            if self.mode == "exit":
                sys.exit(3)
            if self.mode == "print":
                sys.stdout.buffer.write(b"\\xff\\xfe raw bytes\\n")
                print("by print")
                ctypes.CDLL(None).puts(b"by C")
                os.system("echo by a child")
            if self.mode == "attribute":
                self.workspace.mets.get_physical_pages(for_pageIds=page_id)
            if self.mode == "environment":
                print([name for name in ("OFFIZIN_RUNNER_FD", "PYTHONPATH") if name in os.environ])
                held = subprocess.run(["ls", "-l", "/proc/self/fd"], stdout=subprocess.PIPE, text=True).stdout
                print("sockets:", held.count("socket:"))
            return OcrdPageResult(pages[0])

        def process_page_file(self, *files):
            page = files[0].pageId
            if self.mode == "nothing" and page == self.where:
                return
            if self.mode == "outside":
                self.workspace.add_file(self.output_file_grp, file_id="X_" + page, page_id=page,
                                        local_filename="../outside.xml", content="x")
            if self.mode.startswith("own"):
                name = self.output_file_grp + "/own_" + page
                os.makedirs(self.output_file_grp, exist_ok=True)
                Path(name).write_bytes(b"written by the processor")
                if self.mode == "own, wrongly named":
                    name = Path(name).name
                self.workspace.add_file(self.output_file_grp, file_id="own_" + page, page_id=page,
                                        local_filename=name, mimetype="text/plain")
                return
            super().process_page_file(*files)
"""


@pytest.fixture(scope="module")
def odd_executable(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_processor(tmp_path_factory.mktemp("processors"), ODD)


@pytest.fixture(scope="module")
def runner_log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("runner") / "runner.log"


# the settings of the user that would turn failures into silence
@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def odd(odd_executable: Path, runner_log: Path) -> AsyncIterator[Driver]:
    async with running(
        odd_executable,
        runner_log,
        OCRD_MISSING_OUTPUT="COPY",
        OCRD_EXISTING_OUTPUT="ABORT",
        OCRD_MAX_PARALLEL_PAGES="4",
        OCRD_MISSING_INPUT="ABORT",
        PYTHONPATH="",
    ) as driver:
        yield driver


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def dummy(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Driver]:
    async with running(OCRD_DUMMY, tmp_path_factory.mktemp("runner") / "runner.log") as driver:
        yield driver


@pytest.fixture
def book(tmp_path: Path) -> Book:
    return Book(tmp_path / "book", pages=3)


def by_page(result: Result) -> dict[str, PageOutcome]:
    return {outcome.page: outcome for outcome in result.pages}


def without_times(page: Path) -> str:
    return re.sub(r"<pc:(Created|LastChange)>[^<]*<", r"<pc:\1><", page.read_text())


def log_of(piece: Piece) -> str:
    return Path(piece.log).read_text(errors="replace")


def messages(log: str) -> list[str]:
    """The log's messages without instants and durations."""
    lines = [line.split(" ", 1)[1] for line in log.splitlines() if re.match(r"\d\d:\d\d:\d\d", line)]
    return [re.sub(r"\d+\.\d+s", "0s", line) for line in lines]


async def test_the_handshake_tells_what_was_loaded(dummy: Driver, odd: Driver) -> None:
    assert dummy.process.handshake.processor == "ocrd-dummy"
    assert dummy.process.handshake.independent_pages
    assert dummy.process.handshake.step == "preprocessing/optimization"
    assert odd.process.handshake.processor == "ocrd-scripted"
    assert odd.process.handshake.version == "0.7"
    assert odd.process.handshake.ocrd_version.startswith("3.")


async def test_its_output_and_log_are_those_of_the_command_line(dummy: Driver, tmp_path: Path) -> None:
    by_hand, ours = Book(tmp_path / "a", pages=2), Book(tmp_path / "b", pages=2)
    by_hand.write_mets()
    said = await asyncio.to_thread(
        subprocess.run,
        [OCRD_DUMMY, "-I", "OCR-D-IMG", "-O", "OCR-D-OUT"],
        cwd=by_hand.directory,
        check=True,
        stderr=subprocess.PIPE,
        text=True,
    )
    piece = ours.piece(parameters={"copy_files": False})
    result = await dummy.result(piece)
    assert [outcome.cause for outcome in result.pages] == [None, None]
    for outcome in result.pages:
        for file in outcome.files:
            assert file.local_filename is not None
            written = ours.directory / file.local_filename
            assert without_times(written) == without_times(by_hand.directory / file.local_filename)
            assert file.size == written.stat().st_size
            assert file.digest == hashlib.blake2b(written.read_bytes(), digest_size=16).hexdigest()
    # the command line has no --page-id here, and says at first that it opens the METS
    ours_said = [re.sub("--page-id='.*'", "--page-id=''", line) for line in messages(log_of(piece))]
    assert ours_said == messages(said.stderr)[-len(ours_said) :]
    assert not list(ours.directory.glob("**/*.part"))


async def test_a_page_that_raises_does_not_take_the_others_with_it(odd: Driver, book: Book) -> None:
    piece = book.piece(parameters={"mode": "raise", "where": "PHYS_0002"})
    result = await odd.result(piece)
    pages = by_page(result)
    assert pages["PHYS_0002"].cause is Cause.EXCEPTION
    assert pages["PHYS_0002"].message == "ValueError: the ink is too pale"
    assert pages["PHYS_0002"].files == []
    assert [len(pages[page].files) for page in ("PHYS_0001", "PHYS_0003")] == [1, 1]
    assert result.cause is None
    assert "Traceback" in log_of(piece)
    assert "ValueError: the ink is too pale" in result.log_tail


async def test_a_page_without_output_is_a_failed_page(odd: Driver, book: Book) -> None:
    pages = by_page(await odd.result(book.piece(parameters={"mode": "nothing", "where": "PHYS_0001"})))
    assert pages["PHYS_0001"].cause is Cause.NO_OUTPUT
    assert pages["PHYS_0002"].cause is None


async def test_no_output_is_no_failure_without_an_output_group(odd: Driver, book: Book) -> None:
    result = await odd.result(book.piece(["PHYS_0001"], {"mode": "nothing", "where": "PHYS_0001"}, target=""))
    assert result.pages == [PageOutcome("PHYS_0001")]


async def test_a_page_without_input_is_a_failed_page(odd: Driver, book: Book) -> None:
    book.files = [file for file in book.files if file.page_id != "PHYS_0003"]
    pages = by_page(await odd.result(book.piece()))
    assert pages["PHYS_0003"].cause is Cause.NO_INPUT
    assert pages["PHYS_0001"].cause is None


async def test_an_input_group_that_is_not_there_fails_every_page(odd: Driver, book: Book) -> None:
    result = await odd.result(book.piece(["PHYS_0001"], source="OCR-D-NONE"))
    assert by_page(result)["PHYS_0001"].cause is Cause.NO_INPUT


async def test_memory_that_is_not_there_is_its_own_cause(odd: Driver, book: Book) -> None:
    pages = by_page(await odd.result(book.piece(["PHYS_0001"], {"mode": "memory"})))
    assert pages["PHYS_0001"].cause is Cause.OUT_OF_MEMORY


async def test_a_processor_that_exits_ends_its_piece_and_not_the_runner(odd: Driver, book: Book) -> None:
    result = await odd.result(book.piece(parameters={"mode": "exit", "where": "PHYS_0002"}))
    assert result.cause is Cause.EXIT
    assert "exit 3" in result.message
    pages = by_page(result)
    assert pages["PHYS_0001"].cause is None
    assert pages["PHYS_0002"].cause is Cause.EXIT
    assert "PHYS_0003" not in pages
    again = await odd.result(book.piece(["PHYS_0003"]))
    assert by_page(again)["PHYS_0003"].cause is None


async def test_two_inputs_of_one_page_fail_before_the_first_page(odd: Driver, book: Book) -> None:
    book.files.append(File("IMG2", "OCR-D-IMG", "image/png", "PHYS_0002", "OCR-D-IMG/PHYS_0002.png"))
    result = await odd.result(book.piece())
    assert result.before_first_page
    assert result.cause is Cause.NO_INPUT
    assert result.pages == []
    single = await odd.result(book.piece(["PHYS_0002"]))
    assert by_page(single)["PHYS_0002"].cause is Cause.NO_INPUT


@pytest.mark.parametrize(
    ("parameters", "cause"),
    [
        ({"mode": "model"}, Cause.MODEL_MISSING),
        ({"mode": "loading"}, Cause.EXCEPTION),
        ({"mode": 7}, Cause.BAD_PARAMETER),
        ({"unknown": "x"}, Cause.BAD_PARAMETER),
    ],
)
async def test_what_cannot_be_loaded_says_why(
    odd: Driver, book: Book, parameters: dict[str, object], cause: Cause
) -> None:
    result = await odd.result(book.piece(parameters=parameters))
    assert result.cause is cause
    assert not result.before_first_page
    assert result.log_tail


async def test_existing_output_counts_as_done(odd: Driver, book: Book) -> None:
    first = await odd.result(book.piece())
    book.files += [file for outcome in first.pages for file in outcome.files]
    written = {file.local_filename: (book.directory / str(file.local_filename)).read_bytes() for file in book.files}
    second = await odd.result(book.piece())
    assert second.pages == [PageOutcome(page, existed=True) for page in book.pages]
    assert all((book.directory / str(name)).read_bytes() == body for name, body in written.items())


async def test_overwrite_replaces_existing_output_once(odd: Driver, book: Book) -> None:
    first = by_page(await odd.result(book.piece(["PHYS_0001"])))["PHYS_0001"]
    book.files += first.files
    (book.directory / str(first.files[0].local_filename)).write_text("old")
    second = by_page(await odd.result(book.piece(["PHYS_0001"], overwrite=True)))["PHYS_0001"]
    assert [file.id for file in second.files] == [file.id for file in first.files]
    assert not second.existed
    assert (book.directory / str(first.files[0].local_filename)).read_text() != "old"
    third = by_page(await odd.result(book.piece(["PHYS_0001"])))["PHYS_0001"]
    assert third.existed


async def test_what_anybody_prints_lands_in_the_log_of_its_job(odd: Driver, book: Book, runner_log: Path) -> None:
    loud, quiet = book.piece(["PHYS_0001"], {"mode": "print"}), book.piece(["PHYS_0002"])
    await odd.run(loud, quiet)
    assert b"\xff\xfe raw bytes" in Path(loud.log).read_bytes()
    for text in ("by print", "by C", "by a child"):
        assert text in log_of(loud)
        assert text not in log_of(quiet)
        assert text not in runner_log.read_text()


async def test_the_processor_s_children_do_not_inherit_the_runner(odd: Driver, book: Book) -> None:
    piece = book.piece(["PHYS_0001"], {"mode": "environment"})
    await odd.result(piece)
    assert "[]\nsockets: 0\n" in log_of(piece)


async def test_an_attribute_that_the_slice_lacks_is_reported_and_the_whole_mets_has_it(odd: Driver, book: Book) -> None:
    book.write_mets()
    result = await odd.result(book.piece(parameters={"mode": "attribute", "where": "PHYS_0002"}))
    assert result.missing_attribute == "get_physical_pages"
    assert set(by_page(result)) == {"PHYS_0001"}
    before = (book.directory / "mets.xml").read_bytes()
    again = await odd.result(book.piece(["PHYS_0002"], {"mode": "attribute"}, full_mets=True))
    assert again.missing_attribute == ""
    outcome = by_page(again)["PHYS_0002"]
    assert outcome.cause is None
    assert [file.file_grp for file in outcome.files] == ["OCR-D-OUT"]
    assert outcome.files[0].size == (book.directory / str(outcome.files[0].local_filename)).stat().st_size
    assert (book.directory / "mets.xml").read_bytes() == before


async def test_paths_out_of_the_workspace_are_refused(odd: Driver, book: Book) -> None:
    pages = by_page(await odd.result(book.piece(["PHYS_0001"], {"mode": "outside"})))
    assert pages["PHYS_0001"].cause is Cause.EXCEPTION
    assert not (book.directory.parent / "outside.xml").exists()


async def test_what_a_processor_wrote_by_itself_is_measured_when_its_page_is_sealed(odd: Driver, book: Book) -> None:
    pages = by_page(await odd.result(book.piece(["PHYS_0001"], {"mode": "own"})))
    (file,) = pages["PHYS_0001"].files
    assert file.size == len(b"written by the processor")
    assert file.digest == hashlib.blake2b(b"written by the processor", digest_size=16).hexdigest()


async def test_what_a_processor_names_without_its_directory_is_found_in_the_group(odd: Driver, book: Book) -> None:
    """As ocrd-dinglehopper 0.11 does."""
    pages = by_page(await odd.result(book.piece(["PHYS_0001"], {"mode": "own, wrongly named"})))
    (file,) = pages["PHYS_0001"].files
    assert file.local_filename == "OCR-D-OUT/own_PHYS_0001"
    assert file.size == len(b"written by the processor")


async def test_nothing_is_written_after_the_deadline_until_it_is_renewed(odd: Driver, book: Book) -> None:
    odd.process.renew(-1.0)
    late = by_page(await odd.result(book.piece(["PHYS_0001"])))["PHYS_0001"]
    assert late.cause is Cause.RUNNER_LOST
    assert "DeadlinePassed" in late.message
    assert not (book.directory / "OCR-D-OUT").exists() or not list((book.directory / "OCR-D-OUT").iterdir())
    odd.process.renew(3600.0)
    in_time = by_page(await odd.result(book.piece(["PHYS_0001"])))["PHYS_0001"]
    assert in_time.cause is None


async def test_a_workspace_that_is_gone_fails_the_piece_and_not_the_runner(odd: Driver, book: Book) -> None:
    piece = book.piece(["PHYS_0001"])
    book.directory.rename(book.directory.with_name("moved"))
    result = await odd.result(piece)
    assert result.cause is Cause.EXCEPTION
    assert "FileNotFoundError" in result.message


async def test_pieces_are_done_in_order_and_each_start_is_told(odd: Driver, book: Book) -> None:
    pieces = [book.piece([page]) for page in book.pages]
    results = await odd.run(*pieces)
    assert [result.job for result in results] == [piece.job for piece in pieces]
    kinds = [type(event).__name__ for event in odd.events]
    assert kinds == ["Started", "Reported"] * 3
    assert all(result.seconds > 0 and result.peak_memory > 1 << 20 for result in results)


async def test_pages_of_a_big_piece_are_told_as_they_come(odd: Driver, tmp_path: Path) -> None:
    book = Book(tmp_path / "big", pages=60)
    results = await odd.run(book.piece())
    assert len(results) > 1
    assert [result.end for result in results] == [False] * (len(results) - 1) + [True]
    assert [outcome.page for result in results for outcome in result.pages] == book.pages


async def test_a_runner_that_is_told_to_stop_finishes_what_it_has(odd_executable: Path, book: Book) -> None:
    async with running(odd_executable, book.directory / "runner.log") as driver:
        await driver.run(book.piece(["PHYS_0001"]))
        await driver.process.stop(grace=30)
        assert await asyncio.wait_for(driver.process.wait(), 1) == 0
