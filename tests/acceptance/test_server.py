"""Commands beside a server, and beside each other, on one home."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from offizin.home import Home
from tests.acceptance.conftest import Command, Workplace

Step = Callable[[Path, str], str]


@pytest.fixture
def server(workplace: Workplace) -> Iterator[tuple[Command, str]]:
    """The running command, and its URL."""
    command = workplace.start("serve", "--address", "127.0.0.1:0")
    url = command.until("listens at").split()[3]
    command.until("Home:")
    yield command, url
    if command.process.poll() is None:
        command.interrupt(signal.SIGTERM)
    code, _, errors = command.end()
    assert code == 0, errors
    assert "Traceback" not in errors
    assert errors.endswith("Stopped.\n")


def test_a_run_joins_the_server_on_its_home(workplace: Workplace, server: tuple[Command, str]) -> None:
    _, url = server
    mets = workplace.book(2)
    code, _, errors = workplace.offizin("run", mets, "dummy -I OCR-D-IMG -O S1")
    assert code == 0
    assert f"Joining the server at {url}" in errors
    code, told, _ = workplace.offizin("status", "--server", url)
    assert (code, told.count("SUCCESS")) == (0, 1)


def test_a_run_is_submitted_looked_at_and_cancelled(
    workplace: Workplace, server: tuple[Command, str], wait_step: Step
) -> None:
    _, url = server
    fifo = workplace.fifo()
    code, run_id, _ = workplace.offizin(
        "run", workplace.book(2), wait_step(fifo, "S1"), "--no-wait", "--server", url, "--priority", "3"
    )
    assert code == 0
    run_id = run_id.strip()
    with fifo.open("wb"):
        code, told, _ = workplace.offizin("status", run_id[:8])
        assert (code, run_id in told) == (0, True)
        code, told, _ = workplace.offizin("cancel", run_id)
        assert code == 0
        code, _, errors = workplace.offizin("logs", "no-job")
        assert (code, "there is no job no-job" in errors) == (3, True)
    code, _, errors = workplace.offizin("retry", "not-a-run")
    assert (code, "Error: there is no run not-a-run" in errors) == (3, True)


def test_a_log_is_followed_until_the_job_is_over(
    workplace: Workplace, server: tuple[Command, str], wait_step: Step
) -> None:
    import httpx

    _, url = server
    fifo = workplace.fifo()
    workplace.offizin("run", workplace.book(1), wait_step(fifo, "S1"), "--no-wait")
    job = httpx.get(f"{url}/processor/jobs").json()["jobs"][0]["job_id"]
    with fifo.open("wb"):
        following = workplace.start("logs", job, "--follow")
        assert following.process.stdout is not None
        assert any("waiting" in line for line in following.process.stdout)
        assert following.process.poll() is None
    assert following.end()[0] == 0


def test_a_second_server_on_one_home_is_refused(workplace: Workplace, server: tuple[Command, str]) -> None:
    _, url = server
    code, _, errors = workplace.offizin("serve", "--address", "127.0.0.1:0")
    assert (code, f"(at {url})" in errors) == (4, True)
    port = url.rpartition(":")[2]
    code, _, errors = workplace.offizin("serve", "--address", f"127.0.0.1:{port}", "--home", workplace.directory / "h2")
    assert (code, f"cannot listen at 127.0.0.1:{port}" in errors) == (5, True)


def test_a_server_that_ended_is_not_looked_for(workplace: Workplace, server: tuple[Command, str]) -> None:
    command, _ = server
    command.interrupt(signal.SIGINT)
    command.process.wait(30)
    assert Home(workplace.home).address() is None
    assert workplace.offizin("status")[:2] == (0, "No runs yet.\n")


def test_a_second_run_joins_the_first_and_goes_on_when_that_has_ended(workplace: Workplace, wait_step: Step) -> None:
    first_fifo, second_fifo = workplace.fifo("first"), workplace.fifo("second")
    first = workplace.start("run", workplace.book(1, "one"), wait_step(first_fifo, "S1"))
    with first_fifo.open("wb"):
        second = workplace.start("run", workplace.book(1, "two"), wait_step(second_fifo, "S1"))
        second.until("Joining the command that works on this home already")
        held = second_fifo.open("wb")
    code, told, errors = first.end()
    assert (code, "SUCCESS" in told) == (0, True), errors
    second.until("the run goes on here")
    held.close()
    with second_fifo.open("wb"):
        pass
    code, told, errors = second.end()
    assert (code, "SUCCESS" in told) == (0, True), errors
