"""Servers and runners that are killed from outside, at moments counted by the events that have been seen."""

from __future__ import annotations

from random import Random

import httpx
import psutil
import pytest

from tests.chaos.conftest import KillTest
from tests.chaos.in_flight import InFlight, look
from tests.chaos.kills import Kill
from tests.chaos.ordeal import Ordeal
from tests.chaos.server import Server

_ATTEMPTS = 5
SERVER = "the server, at a random moment"
EVERYTHING = "the server and its runners"
STARTING = "the server while it starts"
RUNNER = "a runner"


@pytest.mark.timeout(300)
def test_everything_ends_as_undisturbed_after_kills_at_random_moments(kill_test: KillTest) -> None:
    ordeal, random = kill_test.ordeal(save_interval=0.2), Random(3)
    for what in (SERVER, EVERYTHING, RUNNER, STARTING, SERVER):
        _hit(kill_test, ordeal, what, random)
    kill_test.end(ordeal)


@pytest.mark.long
@pytest.mark.timeout(3600)
def test_everything_ends_as_undisturbed_after_a_hundred_kills_at_random_moments(kill_test: KillTest) -> None:
    random = Random(4)
    for number in range(10):
        ordeal = kill_test.ordeal(save_interval=(10.0, 0.2)[number % 2])
        for what in random.choices((SERVER, EVERYTHING, RUNNER, STARTING), (5, 3, 2, 1), k=11):
            _hit(kill_test, ordeal, what, random)
        kill_test.end(ordeal)


def _hit(kill_test: KillTest, ordeal: Ordeal, what: str, random: Random) -> None:
    """Kill until there was work in flight."""
    if what == STARTING and not ordeal.in_flight().open_jobs:
        _hit(kill_test, ordeal, SERVER, random)
    for _ in range(_ATTEMPTS):
        ordeal.need_work()
        with ordeal.server() as server:
            found = _kill(ordeal, server, what, random)
        if found is not None:
            kill_test.kills.append(Kill(what, found))
            if found:
                return
    pytest.fail(f"there was never work in flight when {what} was killed")


def _kill(ordeal: Ordeal, server: Server, what: str, random: Random) -> InFlight | None:
    """What was in flight; None when the moment did not come."""
    if what == STARTING:
        server.says("an earlier server had left", "after a crash", "listens")
        server.kill()
        return ordeal.in_flight()
    assert server.listens(), server.said
    assert ordeal.submit_what_is_left(server)
    if not _pass(ordeal, server, random.randint(0, 60)):
        return None
    if what == RUNNER:
        with httpx.Client(base_url=server.url, timeout=30) as client:
            busy = [runner for runner in client.get("/healthz").json()["runners"] if runner["busy"]]
        if not busy:
            return None
        found = look(ordeal.home)
        psutil.Process(random.choice(busy)["pid"]).kill()
        _pass(ordeal, server, random.randint(5, 20))
        server.kill()
        return found
    if what == EVERYTHING:
        server.kill_everything()
    else:
        server.kill()
    return ordeal.in_flight()


def _pass(ordeal: Ordeal, server: Server, events: int) -> bool:
    """Wait for so many more changes of state. False when there are no more."""
    if not look(ordeal.home).open_jobs:
        return False
    return ordeal.until(server, lambda changes: len(changes) >= events)
