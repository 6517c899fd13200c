"""Ctrl-C and SIGTERM: once ends cleanly, twice at once; nothing is lost or left behind either way."""

from __future__ import annotations

import json
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from offizin.mets.index import MetsIndex
from tests.acceptance.conftest import Workplace

Step = Callable[[Path, str], str]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_first_signal_cancels_the_run_and_waits_for_its_end(
    workplace: Workplace, wait_step: Step, number: int
) -> None:
    mets, fifo = workplace.book(3), workplace.fifo()
    command = workplace.start("run", mets, wait_step(fifo, "S1"), "--slots", "1")
    with fifo.open("wb"):  # opens when the processor has begun
        command.interrupt(number)
        command.until("Cancelling")
        code, told, _ = command.end()
    assert code == 130
    assert "CANCELLED" in told
    assert "offizin retry " in told
    assert workplace.processes_left() == []
    assert "S1" not in MetsIndex.read(mets).file_groups
    _, status, _ = workplace.offizin("status", "last", "--json")
    assert json.loads(status)["run"]["steps"][0]["counts"] == {"CANCELLED": 3}


def test_the_second_signal_leaves_at_once_and_the_run_can_go_on(workplace: Workplace, wait_step: Step) -> None:
    mets, fifo = workplace.book(1), workplace.fifo()
    command = workplace.start("run", mets, wait_step(fifo, "S1"))
    with fifo.open("wb"):
        command.interrupt(signal.SIGINT)
        command.interrupt(signal.SIGTERM)  # another one, because two of a kind may be delivered as one
        code, _, errors = command.end()
    assert code == 130
    assert "Left at once" in errors
    assert "Traceback" not in errors
    assert workplace.processes_left() == []

    again = workplace.start("retry", "last")
    with fifo.open("wb"):
        pass
    code, told, errors = again.end()
    assert (code, "SUCCESS" in told) == (0, True), errors
    assert len(MetsIndex.read(mets).files("S1", "P1")) == 1


def test_a_run_whose_process_was_killed_is_cancelled_without_a_server(workplace: Workplace, wait_step: Step) -> None:
    mets, fifo = workplace.book(2), workplace.fifo()
    command = workplace.start("run", mets, wait_step(fifo, "S1"))
    with fifo.open("wb"):
        command.interrupt(signal.SIGKILL)
        command.end()
    code, told, errors = workplace.offizin("status", "last")
    assert (code, "no server runs" in told) == (0, True), errors
    code, told, _ = workplace.offizin("cancel", "last")
    assert (code, "2 jobs cancelled" in told) == (0, True)
    code, _, errors = workplace.offizin("cancel", "last")
    assert (code, "is over already" in errors) == (4, True)
