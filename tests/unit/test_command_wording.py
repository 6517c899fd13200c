"""How the commands write numbers, times and names, and how fast and long things go."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from offizin.cli.pace import Pace
from offizin.cli.wording import count, duration, rate, safe, some


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(None, ""), (0.04, "0.0 s"), (9.94, "9.9 s"), (9.96, "10 s"), (59.4, "59 s"), (59.6, "1:00 min"),
     (187, "3:07 min"), (3599.7, "1:00 h"), (7384, "2:03 h")],
)  # fmt: skip
def test_a_duration_is_told_in_the_unit_that_fits(seconds: float | None, words: str) -> None:
    assert duration(seconds) == words


@pytest.mark.parametrize(("per_second", "words"), [(None, ""), (0.05, "3.0/min"), (1.24, "1.2/s"), (1234.5, "1234/s")])
def test_a_slow_rate_is_told_by_the_minute(per_second: float | None, words: str) -> None:
    assert rate(per_second) == words


def test_numbers_and_lists_read_well() -> None:
    assert [count(1, "page"), count(2000, "page"), count(2, "entry", "entries")] == [
        "1 page",
        "2,000 pages",
        "2 entries",
    ]
    assert some(["a", "b", "c"], 2) == "a, b and 1 more"
    assert some(["a", "b"], 2) == "a, b"


def test_what_a_processor_printed_cannot_steer_the_terminal() -> None:
    assert safe("ſchön\n\t\x1b[2Jgone\x07") == "ſchön\n\t\ufffd[2Jgone\ufffd"


@given(st.text())
def test_safe_text_has_no_control_character_but_tab_and_newline(text: str) -> None:
    assert all(c.isprintable() or c in "\n\t" for c in safe(text))


def test_nobody_knows_the_rate_before_something_is_over() -> None:
    pace = Pace()
    assert pace.rate is None
    pace.seen(0.0, 0)
    pace.seen(5.0, 0)
    assert (pace.rate, pace.time_left(10)) == (None, None)


def test_the_time_left_follows_from_the_rate() -> None:
    pace = Pace()
    pace.seen(0.0, 0)
    pace.seen(10.0, 5)
    assert pace.rate == pytest.approx(0.5)
    assert pace.time_left(20) == pytest.approx(30.0)
    assert pace.time_left(5) == 0


def test_the_rate_is_that_of_late_when_much_has_happened() -> None:
    pace = Pace()
    for second in range(100):
        pace.seen(second, second)
    for second in range(100, 200):
        pace.seen(second, 100 + (second - 100) * 10)
    assert pace.rate == pytest.approx(10.0, rel=0.05)


def test_a_slow_start_is_not_forgotten_as_long_as_little_has_happened() -> None:
    pace = Pace()
    pace.seen(0.0, 0)
    for page in range(1, 6):
        pace.seen(page * 60.0, page)
    assert pace.rate == pytest.approx(1 / 60)
