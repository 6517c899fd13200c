"""The whole of Offizin on PostgreSQL, with real processors: what it does is what it does on SQLite."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from lxml import etree

from offizin.errors import Unavailable
from offizin.jobs import State
from offizin.offizin import Offizin
from offizin.outside import Parts
from offizin.scheduling.submission import Submission
from offizin.settings import Settings, SyncMode
from offizin.settings.database_url import DatabaseUrl
from offizin.store import deltas, jobs, runs
from offizin.store.postgresql import PostgresqlDatabase
from offizin.store.runs import RunRow
from offizin.store.transaction import Database
from offizin.workflows.parsing import parse_workflow
from tests.behaviour.books import make_book
from tests.behaviour.scripted_processors import write_processor
from tests.postgresql_cluster import PostgresqlCluster

PAGES = 6
TWO_STEPS = "dummy -I OCR-D-IMG -O OCR-D-A\ndummy -I OCR-D-A -O OCR-D-B"
FAILS_ON_P2 = """
    class Scripted(Described):
        def process_page_file(self, *files):
            if files[0].pageId == "P2" and Path(self.parameter["where"]).exists():
                raise ValueError("the ink is too pale")
            super().process_page_file(*files)

        def process_page_pcgts(self, *pages, page_id=None):
            return OcrdPageResult(pages[0])
"""


@pytest.fixture
async def url(postgresql_cluster: PostgresqlCluster) -> AsyncIterator[DatabaseUrl]:
    async with postgresql_cluster.new_database() as made:
        yield made


@asynccontextmanager
async def offizin_on(url: DatabaseUrl, directory: Path) -> AsyncIterator[Offizin]:
    async def opened(_home: Path, sync: SyncMode) -> Database:
        return await PostgresqlDatabase.open(url, sync)

    processors = directory / "processors"
    if not processors.exists():
        processors.mkdir()
        write_processor(processors, FAILS_ON_P2)
    settings = Settings(home=directory / "home", slots=2, processor_directories=(processors,))
    async with Offizin(settings, parts=Parts(database=opened)) as offizin:
        yield offizin


async def ended(offizin: Offizin, run: int) -> RunRow:
    while True:
        upcoming = offizin.changes.upcoming()
        try:
            found = await offizin.database.read(lambda tx: runs.by_seq(tx, run))
        except Unavailable:
            continue  # twice in a row its connection was ended
        if found.ended_at is not None:
            return found
        await upcoming.wait()


def files_in(mets: Path) -> list[str]:
    return sorted(str(each.get("ID")) for each in etree.parse(mets).iter("{http://www.loc.gov/METS/}file"))


async def test_runs_of_pages_and_of_books(url: DatabaseUrl, tmp_path: Path) -> None:
    books = [make_book(tmp_path / name, PAGES) for name in ("one", "two")]
    async with offizin_on(url, tmp_path) as offizin:
        submitted = [
            await offizin.submissions.submit(Submission(book, parse_workflow(TWO_STEPS), page_wise=page_wise))
            for book, page_wise in zip(books, (True, False), strict=True)
        ]
        for one in submitted:
            assert (await ended(offizin, one.run)).state is State.SUCCESS
            counts = await offizin.database.read(lambda tx, run=one.run: runs.counts(tx, run))  # type: ignore[misc]
            assert {state for _, state in counts} == {State.SUCCESS}
        assert await offizin.database.read(deltas.workspaces_with_unsaved) == []
    assert files_in(books[0]) == files_in(books[1])
    assert len(files_in(books[0])) == 3 * PAGES


async def test_a_failed_page_is_told_and_tried_again_after_a_restart(url: DatabaseUrl, tmp_path: Path) -> None:
    book, fault = make_book(tmp_path / "one", PAGES), tmp_path / "fault"
    fault.touch()
    text = f"scripted -I OCR-D-IMG -O OCR-D-A -P mode x -P where {fault}\ndummy -I OCR-D-A -O OCR-D-B"
    async with offizin_on(url, tmp_path) as offizin:
        run = (await offizin.submissions.submit(Submission(book, parse_workflow(text), page_wise=True))).run
        failed = await ended(offizin, run)
        assert failed.state is State.FAILED
        counts = await offizin.database.read(lambda tx: runs.counts(tx, run))
        assert counts == {
            (0, State.SUCCESS): PAGES - 1, (0, State.FAILED): 1, (1, State.SUCCESS): PAGES - 1, (1, State.CANCELLED): 1
        }  # fmt: skip
    fault.unlink()
    async with offizin_on(url, tmp_path) as offizin:
        await offizin.retrying.retry_run(failed)
        assert (await ended(offizin, run)).state is State.SUCCESS
    assert len(files_in(book)) == 3 * PAGES


async def test_connections_that_are_lost_again_and_again_lose_no_work(
    url: DatabaseUrl, tmp_path: Path, postgresql_cluster: PostgresqlCluster
) -> None:
    book = make_book(tmp_path / "one", 20)
    kill = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = "
    async with offizin_on(url, tmp_path) as offizin:
        submitted = await offizin.submissions.submit(Submission(book, parse_workflow(TWO_STEPS), page_wise=True))
        over = asyncio.create_task(ended(offizin, submitted.run))
        kills = 0
        while not over.done():
            upcoming = offizin.changes.upcoming()
            kills += len(await postgresql_cluster.execute(f"{kill}'{url.database}'"))
            await asyncio.wait((over, asyncio.ensure_future(upcoming.wait())), return_when=asyncio.FIRST_COMPLETED)
        assert (await over).state is State.SUCCESS
        attempts = [row.attempt for row in await offizin.database.read(lambda tx: jobs.of_run(tx, submitted.run))]
    assert kills > 3
    assert attempts == [1] * 40
    assert len(files_in(book)) == 3 * 20
