"""The documents in MongoDB that workers of the reference read and write: of a workspace, and of each job.

Source: ocrd_network/models/{workspace,job}.py and database.py of `ocrd` 3.13.3: collections and fields as beanie names
them. Whatever else the reference keeps there is not written.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar

from pymongo import AsyncMongoClient
from pymongo.errors import PyMongoError

from offizin.clock import Clock
from offizin.errors import Unavailable

T = TypeVar("T")

WORKSPACES = "workspace"
JOBS = "DBProcessorJob"
DATABASE = "ocrd"
# How long one call waits, in milliseconds.
PATIENCE = 3000

# States of the reference in which nothing comes any more.
OVER = frozenset({"SUCCESS", "FAILED", "CANCELLED"})
# A job that is not in its queue yet, and one that is.
CACHED, QUEUED = "CACHED", "QUEUED"


@dataclass(frozen=True, slots=True)
class JobDocument:
    """``started_at``: when the worker began that has it, or had it last, by the clock of its machine and without a time
    zone; ``log`` is a path on that machine."""

    id: str
    state: str
    started_at: datetime | None = None
    log: Path | None = None


@dataclass(frozen=True, slots=True)
class NewJob:
    """What a job's document says from its beginning."""

    id: str
    processor: str
    mets: str
    input_file_grps: list[str]
    output_file_grps: list[str]
    page_id: str | None
    parameters: Mapping[str, Any]
    result_queue_name: str


class Documents:
    """``url`` is MongoDB's, ``shown`` the same without a password. Each call raises Unavailable."""

    def __init__(self, url: str, shown: str, clock: Clock) -> None:
        self._client: AsyncMongoClient[dict[str, Any]] = AsyncMongoClient(
            url,
            serverSelectionTimeoutMS=PATIENCE,
            connectTimeoutMS=PATIENCE,
            socketTimeoutMS=PATIENCE,
            tz_aware=False,
            appname="offizin",
        )
        database = self._client.get_default_database(DATABASE)
        self._workspaces, self._jobs = database[WORKSPACES], database[JOBS]
        self._shown = shown
        self._clock = clock
        self._has_indexes = False

    async def close(self) -> None:
        await self._client.close()

    async def look(self) -> None:
        """Whether it is there. Makes the indexes that each look-up of a worker is the faster for."""

        async def look() -> None:
            await self._client.admin.command("ping")
            if not self._has_indexes:
                await self._jobs.create_index("job_id")
                await self._workspaces.create_index("workspace_mets_path")
                self._has_indexes = True

        await self._patiently(look)

    async def put_workspace(self, mets: str, mets_server_url: str) -> None:
        """Where a worker that is given this path finds the METS server."""
        new = {
            "workspace_id": self._clock.new_id(),
            "ocrd_identifier": "",
            "bagit_profile_identifier": "",
            "ocrd_base_version_checksum": None,
            "ocrd_mets": None,
            "bag_info_adds": None,
        }
        known = {"mets_server_url": mets_server_url, "deleted": False}
        await self._patiently(
            lambda: self._workspaces.update_one(
                {"workspace_mets_path": mets}, {"$set": known, "$setOnInsert": new}, upsert=True
            )
        )

    async def add_job(self, job: NewJob) -> None:
        """As CACHED: it is in no queue yet. What is there already stays."""
        new = {
            "job_id": job.id,
            "processor_name": job.processor,
            "path_to_mets": job.mets,
            "workspace_id": None,
            "description": None,
            "state": CACHED,
            "input_file_grps": job.input_file_grps,
            "output_file_grps": job.output_file_grps or None,
            "page_id": job.page_id,
            "parameters": dict(job.parameters),
            "depends_on": None,
            "result_queue_name": job.result_queue_name,
            "callback_url": None,
            "internal_callback_url": None,
            "start_time": None,
            "end_time": None,
            "exec_time": None,
            "log_file_path": None,
        }
        await self._patiently(lambda: self._jobs.update_one({"job_id": job.id}, {"$setOnInsert": new}, upsert=True))

    async def change_state(self, job_id: str, state: str, *, only_if: Collection[str]) -> None:
        """If it is still in one of those states."""
        query = {"job_id": job_id, "state": {"$in": sorted(only_if)}}
        await self._patiently(lambda: self._jobs.update_one(query, {"$set": {"state": state}}))

    async def jobs(self, ids: Collection[str]) -> dict[str, JobDocument]:
        """Those that are there."""
        fields = {"job_id": 1, "state": 1, "start_time": 1, "log_file_path": 1}

        async def read() -> list[dict[str, Any]]:
            return await self._jobs.find({"job_id": {"$in": sorted(ids)}}, fields).to_list()

        return {found["job_id"]: _job(found) for found in await self._patiently(read)}

    async def _patiently(self, call: Callable[[], Awaitable[T]]) -> T:
        try:
            return await call()
        except PyMongoError as error:
            raise Unavailable(
                f"MongoDB at {self._shown} cannot be used now: {_said(error)}",
                advice="Workers of the reference need it; look whether it runs and can be reached from here.",
            ) from error


def _job(found: Mapping[str, Any]) -> JobDocument:
    started, log = found.get("start_time"), found.get("log_file_path")
    return JobDocument(
        found["job_id"],
        str(found.get("state")),
        started if isinstance(started, datetime) else None,
        Path(log) if isinstance(log, str) and log else None,
    )


def _said(error: PyMongoError) -> str:
    """Its first sentence: the rest is the state of the driver."""
    return str(error).split(", Timeout:")[0].split(" (configured timeouts")[0]
