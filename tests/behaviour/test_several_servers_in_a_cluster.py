"""Several servers with workers of their own process: who takes over goes on with what workers have in hand."""

from __future__ import annotations

import signal
from collections import Counter
from pathlib import Path

import pytest

from tests.behaviour.books import make_book
from tests.behaviour.conftest import Gate
from tests.behaviour.processes import Server
from tests.behaviour.sizes import CLUSTER, Place
from tests.behaviour.test_several_servers import LEASE, begun, files_in, until_running, waiting_at

pytestmark = pytest.mark.only(CLUSTER, because="one machine has no workers besides its server's slots")


def attempts(server: Server, run: str) -> set[int]:
    jobs = server.client.get("/processor/jobs", params={"run": run, "limit": 1000}).json()["jobs"]
    return {len(server.client.get(f"/processor/job/{job['job_id']}/details").json()["attempts"]) for job in jobs}


def until_it_owns(server: Server, run: str) -> None:
    """Orders for the run are carried out there."""
    while server.client.patch(f"/workflow/job/{run}", json={"priority": 1}).status_code == 503:
        pass


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM])
def test_work_in_hand_goes_on_when_its_server_is_gone(
    own_place: Place, gate: Gate, tmp_path: Path, how: signal.Signals
) -> None:
    book = make_book(tmp_path / "book", 6)
    one, two = (own_place.server(tmp_path / name, server_lease=LEASE) for name in ("one", "two"))
    own_place.staff()
    run = one.run_workflow(book, waiting_at(gate), page_wise=True)["job_id"]
    until_running(one, run)
    one.process.send_signal(how)
    one.process.wait(30)
    until_it_owns(two, run)
    gate.lift()
    assert two.wait_for_run(run) == "SUCCESS"
    assert attempts(two, run) == {0}  # none has failed
    assert len(files_in(book)) == 3 * 6
    assert max(Counter(begun(two, run)).values()) == 1  # and none was begun twice
    assert two.stop() == 0


def test_a_server_that_starts_again_while_another_has_its_work(own_place: Place, gate: Gate, tmp_path: Path) -> None:
    books = [make_book(tmp_path / name, 4) for name in ("first", "second")]
    one, two = (own_place.server(tmp_path / name, server_lease=LEASE) for name in ("one", "two"))
    own_place.staff()
    first = one.run_workflow(books[0], waiting_at(gate), page_wise=True)["job_id"]
    until_running(one, first)
    one.process.kill()
    one.process.wait(30)
    until_it_owns(two, first)
    again = own_place.server(tmp_path / "one", server_lease=LEASE)
    second = again.run_workflow(books[1], waiting_at(gate), page_wise=True)["job_id"]
    gate.lift()
    # what the workers say of the first book they say to the server that had sent it
    for server, run in ((two, first), (again, second), (again, first)):
        assert server.wait_for_run(run) == "SUCCESS"
    assert [len(files_in(book)) for book in books] == [12, 12]
    assert [two.stop(), again.stop()] == [0, 0]
