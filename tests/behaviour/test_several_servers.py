"""Servers in processes of their own on one PostgreSQL: any of them is asked, one owns each workspace, another one takes
over when it dies."""

from __future__ import annotations

import signal
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from lxml import etree

from tests.behaviour.books import make_book
from tests.behaviour.conftest import Gate
from tests.behaviour.processes import Programs, Server
from tests.postgresql_cluster import PostgresqlCluster

LEASE = 2.0
EXIT_TAKEN_OVER = 5


class Servers:
    """Starts servers that share a database."""

    def __init__(self, directory: Path, programs: Programs, store: str) -> None:
        self._directory = directory
        self._programs = programs
        self._store = store
        self.started: list[Server] = []

    def start(self, name: str, **settings: Any) -> Server:
        home = self._directory / name
        self._programs.remind(home)
        shared = {"store": self._store, "processor_directories": [str(self._programs.directory)]}
        server = Server(home, **shared, **{"server_lease": LEASE, **settings})
        self.started.append(server)
        return server

    def end(self) -> None:
        for server in self.started:
            server.client.close()
            if server.process.poll() is None:
                server.process.send_signal(signal.SIGCONT)
                server.process.kill()
            server.ended()
            self._programs.remember(server.home)


@pytest.fixture
def servers(postgresql_cluster: PostgresqlCluster, programs: Programs, tmp_path: Path) -> Iterator[Servers]:
    database = postgresql_cluster.make_database()
    servers = Servers(tmp_path, programs, f"postgresql://{database.user}@/{database.database}?host={database.host}")
    try:
        yield servers
    finally:
        servers.end()
        postgresql_cluster.drop_database(database)


def waiting_at(gate: Gate, source: str = "OCR-D-IMG") -> str:
    where = f"-P mode wait -P where {gate.path}"
    return f"scripted -I {source} -O OCR-D-A {where}\ndummy -I OCR-D-A -O OCR-D-B"


def files_in(mets: Path) -> list[str]:
    return sorted(str(each.get("ID")) for each in etree.parse(mets).iter("{http://www.loc.gov/METS/}file"))


def contents(directory: Path) -> dict[str, bytes]:
    return {str(file): file.read_bytes() for file in directory.rglob("*") if file.is_file()}


def until_taken_over(server: Server, run: str) -> None:
    """Until something of the run is running for the second time."""
    begun: Counter[str] = Counter()
    for event in server.events(after=0, run=run):
        begun.update(change["job"] for change in event["changes"] if change["job"] and change["state"] == "RUNNING")
        if max(begun.values(), default=0) > 1:
            return


def events_until(server: Server, ended_runs: int) -> Iterator[dict[str, Any]]:
    """All of them, until so many runs have ended."""
    for event in server.events(after=0):
        yield event
        ended_runs -= sum(not change["job"] and change["state"] == "SUCCESS" for change in event["changes"])
        if ended_runs == 0:
            return


def begun(server: Server, run: str) -> list[str]:
    """The jobs that were begun in a run that has ended, each as often as it was."""
    found: list[str] = []
    for event in server.events(after=0, run=run):
        found += [change["job"] for change in event["changes"] if change["job"] and change["state"] == "RUNNING"]
        if any(not change["job"] and change["state"] == "SUCCESS" for change in event["changes"]):
            break
    return found


def until_running(server: Server, run: str, step: int = 0) -> None:
    for event in server.events(after=0, run=run):
        for change in event["changes"]:
            if change["job"] and change["step"] == step and change["state"] == "RUNNING":
                return


def test_another_server_takes_over_what_a_killed_one_had(servers: Servers, gate: Gate, tmp_path: Path) -> None:
    book = make_book(tmp_path / "book", 4)
    one, two = servers.start("one"), servers.start("two")
    # two knows the book, from before one had it
    assert two.wait_for_run(two.run_workflow(book, "dummy -I OCR-D-IMG -O OCR-D-Z")["job_id"]) == "SUCCESS"
    workflow = f"dummy -I OCR-D-IMG -O OCR-D-Y\n{waiting_at(gate, 'OCR-D-Y')}"
    run = one.run_workflow(book, workflow, page_wise=True)["job_id"]
    until_running(one, run, step=1)
    one.process.kill()
    one.process.wait()
    refused = two.client.patch(f"/workflow/job/{run}", json={"priority": 7})
    assert (refused.status_code, refused.json()["code"]) == (503, "owned_elsewhere")
    assert "cannot be reached; nothing was done" in refused.json()["detail"]
    until_taken_over(two, run)
    assert two.client.patch(f"/workflow/job/{run}", json={"priority": 7}).json()["priority"] == 7
    gate.lift()
    assert two.wait_for_run(run) == "SUCCESS"
    assert len(files_in(book)) == 5 * 4


def test_a_server_that_was_stopped_past_its_lease_ends_and_changes_nothing(
    servers: Servers, gate: Gate, tmp_path: Path
) -> None:
    book = make_book(tmp_path / "book", 4)
    one, two = servers.start("one"), servers.start("two")
    run = one.run_workflow(book, waiting_at(gate), page_wise=True)["job_id"]
    until_running(one, run)
    one.process.send_signal(signal.SIGSTOP)
    until_taken_over(two, run)
    gate.lift()
    assert two.wait_for_run(run) == "SUCCESS"
    made = contents(book.parent)
    one.process.send_signal(signal.SIGCONT)
    assert one.ended() == EXIT_TAKEN_OVER
    assert contents(book.parent) == made
    assert len(files_in(book)) == 3 * 4


def test_what_the_owner_alone_can_do_is_sent_on_to_it(servers: Servers, gate: Gate, tmp_path: Path) -> None:
    book = make_book(tmp_path / "book", 2)
    one, two = servers.start("one"), servers.start("two")
    first = one.run_workflow(book, waiting_at(gate))["job_id"]
    until_running(one, first)
    # submissions
    second = two.run_workflow(book, "dummy -I OCR-D-A -O OCR-D-C", description="Bücher & ſ")["job_id"]
    job = two.run_job(book, "ocrd-dummy", input_file_grps=["OCR-D-A"], output_file_grps=["OCR-D-D"])
    third = one.run_workflow(book, "dummy -I OCR-D-A -O OCR-D-E")["job_id"]
    assert two.summary(second)["description"] == "Bücher & ſ"
    # orders
    assert two.client.patch(f"/workflow/job/{second}", json={"priority": 7}).json()["priority"] == 7
    cancelled = two.client.request("DELETE", f"/workflow/job/{third}")
    assert (cancelled.status_code, cancelled.json()["cancelled"]) == (200, 1)
    retried = two.client.post(f"/workflow/job/{third}/retry")
    assert (retried.status_code, retried.json()) == (200, {"jobs": 1})
    # errors, as they are
    wrong = {"params": {"mets_path": str(book)}, "files": {"workflow": ("w", "dummy -I NO -O OCR-D-X")}}
    answers = [server.client.post("/workflow/run", **wrong) for server in (one, two)]
    assert [answer.status_code for answer in answers] == [422, 422]
    assert answers[0].json() == answers[1].json()
    # a log, while it grows
    [waiting, _] = one.client.get("/processor/jobs", params={"run": first}).json()["jobs"]
    with two.client.stream("GET", f"/processor/log/{waiting['job_id']}", params={"follow": True}) as log:
        lines = log.iter_lines()
        assert any("waiting" in line for line in lines)
        gate.lift()
        assert any("Executing processor" in line for line in lines)
    # events of what happens there
    for run in (first, second):
        assert two.wait_for_run(run) == "SUCCESS"
    assert two.wait_for_job(job)["state"] == "SUCCESS"
    two.wait_for(third, job="", state="SUCCESS")
    assert len(files_in(book)) == 2 * 6
    assert [one.stop(), two.stop()] == [0, 0]


def test_a_server_that_ends_in_good_order_leaves_its_work_to_others(
    servers: Servers, gate: Gate, tmp_path: Path
) -> None:
    book = make_book(tmp_path / "book", 3)
    one, two = servers.start("one", server_lease=600), servers.start("two", server_lease=600)
    run = one.run_workflow(book, waiting_at(gate), page_wise=True)["job_id"]
    until_running(one, run)
    assert one.stop() == 0
    until_taken_over(two, run)
    gate.lift()
    assert two.wait_for_run(run) == "SUCCESS"
    assert len(files_in(book)) == 3 * 3


def test_servers_work_beside_each_other_on_books_of_their_own(servers: Servers, tmp_path: Path) -> None:
    books = [make_book(tmp_path / f"book{number}", 5) for number in range(4)]
    one, two = servers.start("one"), servers.start("two")
    workflow = "dummy -I OCR-D-IMG -O OCR-D-A\ndummy -I OCR-D-A -O OCR-D-B"
    runs = [
        server.run_workflow(book, workflow, page_wise=True)["job_id"]
        for book, server in zip(books, (one, two, one, two), strict=True)
    ]
    for run in runs:
        assert (one.wait_for_run(run), two.wait_for_run(run)) == ("SUCCESS", "SUCCESS")
    assert [len(files_in(book)) for book in books] == [15] * 4
    # each has seen all, in the same order
    seen = [list(events_until(server, len(runs))) for server in (one, two)]
    assert seen[0] == seen[1]
    # a workspace without work goes to whoever is asked
    again = two.run_workflow(books[0], "dummy -I OCR-D-B -O OCR-D-C")["job_id"]
    assert one.wait_for_run(again) == "SUCCESS"
    assert len(files_in(books[0])) == 20


def test_servers_sign_what_they_send_on(servers: Servers, gate: Gate, tmp_path: Path) -> None:
    """A token that holds on the first is enough, and its name is known on the second."""
    book = make_book(tmp_path / "book", 1)
    one, two = (servers.start(name, require_token=True) for name in ("one", "two"))
    secret = one.client.post("/tokens", json={"name": "reading-room", "scope": "run"}).json()["secret"]
    run = one.run_workflow(book, waiting_at(gate))["job_id"]
    until_running(one, run)
    path = f"/workflow/job/{run}"
    forged = {"Authorization": "Offizin-Server 1:reading-room:x", "X-Offizin-Forwarded": "1"}
    assert httpx.delete(two.url + path, headers=forged).status_code == 401
    answer = httpx.delete(two.url + path, headers={"Authorization": f"Bearer {secret}"}, timeout=60)
    assert (answer.status_code, answer.json()["cancelled"]) == (200, 1)
    for server in (one, two):
        server.wait_until_it_says(f"DELETE {path} by reading-room: 200")
    assert secret not in "\n".join(one.said + two.said)
