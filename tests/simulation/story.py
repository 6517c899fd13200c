"""From a scenario that fails to the shortest one that still does, and its story."""

from __future__ import annotations

import time
from collections.abc import Callable

from tests.simulation.scenario import Scenario
from tests.simulation.world import World, outcome

# How much of the end of a story is told, in lines.
LINES = 60


def shortest(scenario: Scenario, seconds: float, clock: Callable[[], float] = time.monotonic) -> Scenario:
    """Leave out, one after the other, whatever is not needed for it to fail; for so many seconds at most."""
    until = clock() + seconds
    found = True
    while found and clock() < until:
        found = False
        for simpler in scenario.simpler():
            if clock() >= until:
                break
            if outcome(simpler)[1]:
                scenario, found = simpler, True
                break
    return scenario


def story(scenario: Scenario) -> str:
    world, wrong = outcome(scenario, with_logs=True)
    return tell(world, wrong)


def tell(world: World, wrong: str) -> str:
    lines = world.telling.lines
    left_out = [f"... {len(lines) - LINES} lines before"] if len(lines) > LINES else []
    happened = [f"happened {count} times: {trouble}" for trouble, count in world.chances.happened.items() if count]
    return "\n".join([f"VIOLATED: {wrong}", str(world.scenario), *happened, *left_out, *lines[-LINES:]])
