"""What is added through METS servers belongs to the live attempt at its place, or to nobody; a crash takes nothing."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import msgspec
import pytest

from offizin.clock import SystemClock
from offizin.errors import Conflict, InvalidRequest
from offizin.jobs import RunKind
from offizin.messages import File
from offizin.mets.scan import Scan
from offizin.mets_server.looking_up import FileQuery
from offizin.mets_server.protocol import Agent
from offizin.scheduling.contexts import StepContext
from offizin.scheduling.dispatched import Dispatched
from offizin.scheduling.lanes import Lanes
from offizin.scheduling.mets_servers import MetsServers
from offizin.scheduling.ownership import Ownership
from offizin.scheduling.saving import Saving
from offizin.store import deltas, held_files, servers, workspaces
from offizin.store.transaction import Database, SqliteDatabase
from offizin.timings import Timings
from offizin.trust.addresses import Addressees
from offizin.trust.paths import WorkspaceRoots
from offizin.trust.references import References
from tests.behaviour.books import make_book
from tests.conformance.store.submitted import new_jobs, new_run, step

Start = Callable[[], MetsServers]


@pytest.fixture
def book(tmp_path: Path) -> Path:
    return make_book(tmp_path / "book", 3)


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    opened = await SqliteDatabase.open(tmp_path / "offizin.sqlite")
    yield opened
    await opened.close()


@pytest.fixture
async def start(database: Database, book: Path) -> Start:
    """METS servers as a new start of the server has them."""
    identity = (await database.write(lambda tx: servers.enter(tx, "s", "", 1.0, alone=True, writer=""))).identity
    clock, ownership = SystemClock(), Ownership(identity)
    references = References(WorkspaceRoots((book.parent,)), Addressees())

    def new() -> MetsServers:
        lanes = Lanes(database, ownership, clock.new_id)
        return MetsServers(database, ownership, lanes, Saving(database, lanes, clock, Timings()), clock, references)

    return new


def _piece(book: Path, *pages: str, job: int = 1, attempt: int = 1, overwrite: bool = False) -> Dispatched:
    context = StepContext(
        run=1, run_id="r1", kind=RunKind.WORKFLOW, step=0, workspace=1, mets=book, mets_text=str(book),
        directory=str(book.parent), processor="ocrd-dummy", parameters=msgspec.Raw(b"{}"),
        input_file_grps=["OCR-D-IMG"], output_file_grps=["OUT"], overwrite=overwrite, page_selector="",
    )  # fmt: skip
    return Dispatched(
        seq=job, id=f"j{job}", piece=0, attempt=attempt, of_many=False, context=context, pages=list(pages),
        processor="ocrd-dummy", alone=False, tries=0, overwrite=overwrite,
    )  # fmt: skip


def _file(page: str | None, name: str = "", group: str = "OUT") -> File:
    name = name or f"{group}_{page}"
    return File(name, group, "text/xml", page, f"{group}/{name}.xml")


OUT = FileQuery(file_grp="OUT")


async def test_an_attempt_gets_back_what_was_added_at_its_place(book: Path, start: Start) -> None:
    running = start()
    one, other = _piece(book, "P1"), _piece(book, "P2", job=2)
    running.register(one)
    running.register(other)
    mets = await running.find(book.parent)
    for file in (_file("P2"), _file("P1"), _file("P1", "SECOND")):
        await mets.add_file(file, force=False)
    assert await mets.find_files(FileQuery(file_grp="OUT", page_id="P1")) == [_file("P1"), _file("P1", "SECOND")]
    assert await mets.file_groups() == ["OCR-D-IMG", "OUT"]
    assert running.close(one) == [_file("P1"), _file("P1", "SECOND")]
    assert await mets.find_files(OUT) == [_file("P2")]
    assert running.close(one) == []


async def test_what_was_added_is_there_again_after_a_crash(book: Path, start: Start, database: Database) -> None:
    before = start()
    before.register(_piece(book, "P1"))
    mets = await before.find(book)
    await mets.add_file(_file("P1"), force=False)
    await mets.add_file(_file("P1"), force=True)
    after, piece = start(), _piece(book, "P1")
    await after.adopt([piece])
    assert piece.holds_files
    assert await (await after.find(book)).find_files(OUT) == [_file("P1")]
    assert after.close(piece) == [_file("P1")]
    await database.write(lambda tx: held_files.drop(tx, [(piece.seq, piece.piece)]))
    assert await database.read(lambda tx: held_files.of_pieces(tx, [(piece.seq, piece.piece)])) == []


async def test_what_an_earlier_attempt_added_is_not_the_next_ones(book: Path, start: Start) -> None:
    before = start()
    before.register(_piece(book, "P1"))
    await (await before.find(book)).add_file(_file("P1"), force=False)
    after, piece = start(), _piece(book, "P1", attempt=2)
    await after.adopt([piece])
    assert after.close(piece) == []


async def test_what_comes_too_late_is_refused_until_somebody_works_there_again(book: Path, start: Start) -> None:
    running, piece = start(), _piece(book, "P1")
    running.register(piece)
    mets = await running.find(book)
    running.close(piece, late="job j1 was cancelled")
    with pytest.raises(Conflict, match="job j1 was cancelled"):
        await mets.add_file(_file("P1"), force=False)
    assert await mets.find_files(OUT) == []
    running.register(again := _piece(book, "P1", attempt=2))
    await mets.add_file(_file("P1"), force=False)
    running.close(again, late="it was lost")
    running.forgive(again)
    await mets.add_file(_file("P1"), force=False)


async def test_what_belongs_to_nobody_is_in_the_file_with_the_next_save(
    book: Path, start: Start, database: Database
) -> None:
    running = start()
    mets = await running.find(book)
    await mets.add_file(_file("P1"), force=False)
    await mets.add_file(_file("P9", group="MORE"), force=False)
    assert await mets.find_files(OUT) == [_file("P1")]
    assert await mets.physical_pages() == ["P1", "P2", "P3", "P9"]
    again = await start().find(book)
    assert await again.find_files(OUT) == [_file("P1")]
    await mets.save()
    files = {file.id: file for file in Scan(book.read_bytes(), book).contents().files}
    assert files["OUT_P1"] == _file("P1")
    assert files["MORE_P9"].page_id == "P9"
    _, left = await database.read(lambda tx: deltas.of_workspace(tx, 1))
    assert left == []


async def test_a_file_is_replaced_by_force_and_its_neighbours_stay(book: Path, start: Start) -> None:
    mets = await start().find(book)
    await mets.add_file(_file("P1", "A"), force=False)
    await mets.add_file(_file("P1", "B"), force=False)
    with pytest.raises(Conflict, match="neither force nor ignore"):
        await mets.add_file(_file("P1", "A"), force=False)
    new = File("A", "OUT", "text/xml", "P1", "OUT/new.xml")
    await mets.add_file(new, force=True)
    await mets.save()
    found = [file for file in Scan(book.read_bytes(), book).contents().files if file.file_grp == "OUT"]
    assert sorted(found, key=lambda file: file.id) == [new, _file("P1", "B")]


async def test_nothing_is_added_by_hand_where_a_job_that_waits_will_write(
    book: Path, start: Start, database: Database
) -> None:
    mets = await start().find(book)
    await mets.physical_pages()

    def submit(tx: object) -> None:
        run = new_run(tx, jobs_in_it=1, mets=str(book), steps=[step()])  # type: ignore[arg-type]
        new_jobs(tx, run, 1)  # type: ignore[arg-type]

    await database.write(submit)
    with pytest.raises(Conflict, match="what job j1 is to write"):
        await mets.add_file(_file("p1", group="G1"), force=False)
    await mets.add_file(_file("P2", group="G1"), force=False)
    assert [file.page_id for file in await mets.find_files(FileQuery(file_grp="G1"))] == ["P2"]


async def test_what_does_not_fit_is_refused(book: Path, start: Start) -> None:
    mets = await start().find(book)
    for file in (_file("P1", "P2"), File("X", "OUT", "text/xml", "P1", "a\x01"), _file("no page", "X")):
        with pytest.raises(Conflict):
            await mets.add_file(file, force=False)
    for file in (_file("P1", "7"), File("X", "OUT", "text/xml", "P1", "../x.xml"), File("X", "", "text/xml", "P1")):
        with pytest.raises(InvalidRequest):
            await mets.add_file(file, force=False)
    assert await mets.find_files(OUT) == []


async def test_agents_of_attempts_are_told_of_and_those_by_hand_are_written(book: Path, start: Start) -> None:
    running, piece = start(), _piece(book, "P1")
    running.register(piece)
    mets = await running.find(book)
    by_hand = Agent("me", "OTHER", "OTHER", "layout", "SOFTWARE", [({"option": "output-file-grp"}, "BY-HAND")])
    of_step = msgspec.structs.replace(by_hand, name="dummy", notes=[({"option": "output-file-grp"}, "OUT")])
    await mets.add_agent(by_hand)
    await mets.add_agent(of_step)
    assert [agent.name for agent in await mets.agents()] == ["me", "dummy"]
    running.close(piece)
    await mets.save()
    [written] = await mets.agents()
    assert written == msgspec.structs.replace(
        by_hand, notes=[({"{https://ocr-d.de}option": "output-file-grp"}, "BY-HAND")]
    )


async def test_many_files_at_once_are_all_there(book: Path, start: Start, database: Database) -> None:
    mets = await start().find(book)
    files = [_file(f"P{1 + number % 3}", f"F{number}") for number in range(200)]
    await asyncio.gather(*(mets.add_file(file, force=False) for file in files))
    assert {file.id for file in await mets.find_files(OUT)} == {file.id for file in files}
    same = await asyncio.gather(
        *(mets.add_file(_file("P1", "SAME"), force=False) for _ in range(8)), return_exceptions=True
    )
    assert sum(isinstance(each, Conflict) for each in same) == 7
    assert await database.read(lambda tx: workspaces.has_work(tx, 1))
