"""Documents in MongoDB, written by ours and read by the reference's own classes, and the other way round."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from offizin.clock import SystemClock
from offizin.errors import Unavailable
from offizin.stock_workers.documents import CACHED, QUEUED, Documents, NewJob
from tests.mongodb_standin import MongoDbStandIn

JOB = "5d1b3d0e-6f3b-4f0d-9a44-0d9dbd0c3f0a"
NEW = NewJob(JOB, "ocrd-dummy", "/books/a/mets.xml", ["OCR-D-IMG"], ["OCR-D-OUT"], "P1", {"a": 1}, "results")


@pytest.fixture
def mongodb() -> Iterator[MongoDbStandIn]:
    standin = MongoDbStandIn()
    standin.start()
    yield standin
    standin.stop()


@pytest.fixture
async def documents(mongodb: MongoDbStandIn) -> AsyncIterator[Documents]:
    opened = Documents(mongodb.url, mongodb.url, SystemClock())
    await opened.look()
    yield opened
    await opened.close()


@pytest.fixture
async def reference(mongodb: MongoDbStandIn) -> Any:
    from ocrd_network import database

    await database.initiate_database(mongodb.url)
    return database


async def test_the_reference_finds_the_mets_server_of_a_workspace(documents: Documents, reference: Any) -> None:
    await documents.put_workspace("/books/a/mets.xml", "/run/a.sock")
    first = await reference.db_get_workspace(workspace_mets_path="/books/a/mets.xml")
    await documents.put_workspace("/books/a/mets.xml", "/run/b.sock")
    second = await reference.db_get_workspace(workspace_mets_path="/books/a/mets.xml")
    assert (first.mets_server_url, second.mets_server_url) == ("/run/a.sock", "/run/b.sock")
    assert first.workspace_id == second.workspace_id


async def test_the_reference_reads_and_changes_a_job(documents: Documents, reference: Any) -> None:
    await documents.add_job(NEW)
    await documents.change_state(JOB, QUEUED, only_if={CACHED})
    found = await reference.db_get_processing_job(JOB)
    assert (found.state, found.processor_name, found.parameters) == (QUEUED, "ocrd-dummy", {"a": 1})
    now = datetime(2026, 1, 2, 3, 4, 5)  # noqa: DTZ001 - the reference has no time zones
    await reference.db_update_processing_job(JOB, state="RUNNING", start_time=now, log_file_path=Path("/logs/a.log"))
    there = (await documents.jobs([JOB, "unknown"]))[JOB]
    assert (there.state, there.started_at, there.log) == ("RUNNING", now, Path("/logs/a.log"))


async def test_a_job_that_runs_is_not_queued_again(documents: Documents, reference: Any) -> None:
    await documents.add_job(NEW)
    await reference.db_update_processing_job(JOB, state="RUNNING")
    await documents.change_state(JOB, QUEUED, only_if={CACHED})
    await documents.add_job(NEW)
    assert (await documents.jobs([JOB]))[JOB].state == "RUNNING"


async def test_when_it_is_away_that_is_said_and_when_it_is_back_it_is_used(
    documents: Documents, mongodb: MongoDbStandIn
) -> None:
    await asyncio.to_thread(mongodb.stop)
    with pytest.raises(Unavailable, match=f"MongoDB at {mongodb.url} cannot be used now"):
        await documents.look()
    await asyncio.to_thread(mongodb.start)
    await documents.look()
