"""Servers in processes of their own on one PostgreSQL: any of them is asked, one owns each workspace, another one takes
over when it dies."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from lxml import etree

from tests.behaviour.books import make_book
from tests.behaviour.conftest import Gate
from tests.behaviour.processes import Server
from tests.postgresql_cluster import PostgresqlCluster

LEASE = 2.0
TWO_STEPS = "scripted -I OCR-D-IMG -O OCR-D-A\ndummy -I OCR-D-A -O OCR-D-B"


class Servers:
    """Starts servers that share a database."""

    def __init__(self, directory: Path, store: str) -> None:
        self._directory = directory
        self._store = store
        self.started: list[Server] = []

    def start(self, name: str, **settings: Any) -> Server:
        server = Server(self._directory / name, store=self._store, server_lease=LEASE, **settings)
        self.started.append(server)
        return server

    def end(self) -> None:
        for server in self.started:
            server.client.close()
            if server.process.poll() is None:
                server.process.send_signal(signal.SIGCONT)
                server.process.kill()
            server.ended()


@pytest.fixture
def servers(postgresql_cluster: PostgresqlCluster, tmp_path: Path) -> Iterator[Servers]:
    with asyncio.Runner() as runner:
        database = postgresql_cluster.new_database()
        url = runner.run(database.__aenter__())
        servers = Servers(tmp_path, f"postgresql://{url.user}@/{url.database}?host={url.host}")
        try:
            yield servers
        finally:
            servers.end()
            runner.run(database.__aexit__(None, None, None))


def waiting_at(gate: Gate) -> str:
    where = f"-P mode wait -P where {gate.path}"
    return f"scripted -I OCR-D-IMG -O OCR-D-A {where}\ndummy -I OCR-D-A -O OCR-D-B"


def files_in(mets: Path) -> list[str]:
    return sorted(str(each.get("ID")) for each in etree.parse(mets).iter("{http://www.loc.gov/METS/}file"))


def until_running(server: Server, run: str) -> None:
    for event in server.events(after=0, run=run):
        if any(change["job"] and change["state"] == "RUNNING" for change in event["changes"]):
            return


def test_another_server_takes_over_what_a_killed_one_had(servers: Servers, gate: Gate, tmp_path: Path) -> None:
    book = make_book(tmp_path / "book", 4)
    one, two = servers.start("one"), servers.start("two")
    run = one.run_workflow(book, waiting_at(gate), page_wise=True)["job_id"]
    until_running(one, run)
    one.process.kill()
    one.process.wait()
    until_running(two, run)
    gate.lift()
    assert two.wait_for_run(run) == "SUCCESS"
    assert len(files_in(book)) == 3 * 4
