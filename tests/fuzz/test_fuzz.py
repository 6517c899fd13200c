"""A few seconds of what ``make fuzz`` does for longer: nothing that a stranger sends breaks what reads it."""

from __future__ import annotations

import random

import pytest

from tests.fuzz.mutations import cases
from tests.fuzz.targets import TARGETS, Target
from tests.fuzz.trying import try_target

# Page ranges with regular expressions start a process each.
CASES = {"METS": 700, "PAGE": 1500, "workflow": 2000, "page range": 400, "URL": 3000, "zip": 1000}


@pytest.mark.parametrize("target", TARGETS, ids=lambda target: target.name)
def test_cases_at_random_are_refused_in_our_words_or_hold_together(target: Target) -> None:
    seed = random.randrange(1_000_000)
    tried = try_target(target, seed, lambda count: count < CASES[target.name])
    assert not tried.faults, f"seed {seed}: {tried.faults[0][0]}\n{tried.faults[0][1][:2000]!r}"
    assert tried.accepted, "nothing was accepted: the examples are not good"


def test_the_same_seed_makes_the_same_cases() -> None:
    made = [cases(TARGETS[0].seeds, TARGETS[0].words, seed=7) for _ in range(2)]
    assert [next(made[0]) for _ in range(50)] == [next(made[1]) for _ in range(50)]


def test_a_reader_that_breaks_is_found_out() -> None:
    def broken(case: bytes) -> bool:
        assert b"\xff" not in case
        return True

    tried = try_target(Target("broken", [b"abc" * 10], [b"d"], broken), 1, lambda count: count < 3000)
    assert tried.faults
