"""Servers that kill themselves at each of the named points, with work in flight."""

from __future__ import annotations

from random import Random

import pytest

from offizin.faults import POINTS
from tests.chaos.conftest import KillTest
from tests.chaos.kills import Kill
from tests.chaos.ordeal import Ordeal

# How often a point is passed at most before the kill.
_SOON = {"submission": 8, "dispatch": 8, "completion": 15, "ending": 1, "save": 1, "callback": 1}
_LATER = {"submission": 8, "dispatch": 30, "completion": 40, "ending": 4, "save": 3, "callback": 4}
# A point that a server does not reach in this time, in seconds, it does not reach any more.
_PATIENCE = 20.0
_ATTEMPTS = 5


@pytest.mark.timeout(300)
def test_everything_ends_as_undisturbed_after_kills_at_each_point(kill_test: KillTest) -> None:
    ordeal, random = kill_test.ordeal(), Random(1)
    for point in POINTS:
        _hit(kill_test, ordeal, point, random, _SOON)
    kill_test.end(ordeal)


@pytest.mark.long
@pytest.mark.timeout(3600)
def test_everything_ends_as_undisturbed_after_ten_kills_at_each_point(kill_test: KillTest) -> None:
    random = Random(2)
    for number in range(10):
        ordeal = kill_test.ordeal(save_interval=(10.0, 0.2)[number % 2])
        for point in random.sample(POINTS, len(POINTS)):
            _hit(kill_test, ordeal, point, random, _LATER)
        kill_test.end(ordeal)


def _hit(kill_test: KillTest, ordeal: Ordeal, point: str, random: Random, most: dict[str, int]) -> None:
    """Kill servers at this point until one had work in flight."""
    kind = point.partition(":")[0]
    for _ in range(_ATTEMPTS):
        if kind == "submission":
            ordeal.new_batch()
        else:
            ordeal.need_work()
        if _dies_at(ordeal, point, random.randint(1, most[kind])):
            in_flight = ordeal.in_flight()
            kill_test.kills.append(Kill(point, in_flight))
            if in_flight:
                return
    pytest.fail(f"no server was killed at '{point}' with work in flight")


def _dies_at(ordeal: Ordeal, point: str, number: int) -> bool:
    with ordeal.server(f"{point}:{number}") as server:
        if server.listens():
            ordeal.submit_what_is_left(server)
        return server.dies(_PATIENCE)
