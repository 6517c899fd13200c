"""Job logs that are put together from parts."""

from __future__ import annotations

import re
import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from offizin.logs import LogParts, attempt_log_name, job_log, named_attempt
from offizin.logs import parts as log_parts

JOB = ("run", "job")


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path


def text(home: Path) -> bytes:
    return Path(job_log(home, *JOB)).read_bytes()


def places(home: Path) -> bool:
    return Path(job_log(home, *JOB)).with_suffix(".places").exists()


def test_a_log_that_comes_whole_is_the_file(home: Path) -> None:
    parts = LogParts(home / "logs")
    parts.write(*JOB, 1, 0, 0, b"all of it\n")
    parts.write(*JOB, 1, 0, 0, b"all of it\n")
    assert text(home) == b"all of it\n"
    assert not places(home)


def test_attempts_come_one_after_the_other(home: Path) -> None:
    parts = LogParts(home / "logs")
    parts.write(*JOB, 1, 0, 0, b"first\n")
    parts.write(*JOB, 2, 0, 0, b"second\n")
    parts.write(*JOB, 2, 0, 0, b"second\n")
    parts.write(*JOB, 1, 0, 0, b"first\n")
    parts.write(*JOB, 3, 0, 0, b"third\n")
    assert text(home) == b"first\nsecond\nthird\n"


def test_a_new_process_goes_on_where_the_last_one_was(home: Path) -> None:
    LogParts(home / "logs").write(*JOB, 1, 0, 0, b"first\n")
    LogParts(home / "logs").write(*JOB, 2, 0, 0, b"sec")
    LogParts(home / "logs").write(*JOB, 2, 0, 0, b"second\n")
    assert text(home) == b"first\nsecond\n"


def test_what_is_missing_is_said_once(home: Path) -> None:
    parts = LogParts(home / "logs")
    for _ in range(2):
        parts.write(*JOB, 1, 0, 1000, b"the end\n")
    assert text(home) == b"[1000 bytes of the log are missing here]\nthe end\n"
    parts.write(*JOB, 1, 0, 0, b"too late")
    assert text(home) == b"[1000 bytes of the log are missing here]\nthe end\n"


def test_a_part_that_was_noted_and_not_written_is_written_when_it_comes_again(home: Path) -> None:
    parts = LogParts(home / "logs")
    parts.write(*JOB, 2, 0, 100, b"second\n")
    whole = text(home)
    Path(job_log(home, *JOB)).write_bytes(b"")  # as after a crash between the two
    parts.write(*JOB, 2, 0, 100, b"second\n")
    assert text(home) == whole


def test_a_log_does_not_grow_without_bound(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log_parts, "MOST_BYTES", 10)
    parts = LogParts(home / "logs")
    for attempt in range(1, 4):
        parts.write(*JOB, attempt, 0, 0, b"123456")
    assert text(home) == b"1234561234"


WRITTEN = {
    (1, 0): b"first attempt, first piece\n",
    (1, 1): b"first attempt, second piece\n",
    (2, 1): b"second attempt, second piece\n",
}


@given(
    st.lists(
        st.tuples(st.sampled_from(sorted(WRITTEN)), st.integers(0, 30), st.integers(1, 30)), min_size=1, max_size=25
    ),
    st.lists(st.booleans(), min_size=25, max_size=25),
)
def test_whatever_comes_in_whatever_order_each_byte_stands_once_and_nothing_is_made_up(
    arriving: list[tuple[tuple[int, int], int, int]], restarts: list[bool]
) -> None:
    """Parts that overlap, come again, leave gaps."""
    with tempfile.TemporaryDirectory() as directory:
        home = Path(directory)
        parts = LogParts(home / "logs")
        reach = dict.fromkeys(WRITTEN, 0)
        missing = dict.fromkeys(WRITTEN, 0)
        for (who, offset, length), restart in zip(arriving, restarts, strict=False):
            content = WRITTEN[who][offset : offset + length]
            if not content:
                continue
            if restart:
                parts = LogParts(home / "logs")
            parts.write(*JOB, *who, offset, content)
            missing[who] += max(0, offset - reach[who])
            reach[who] = max(reach[who], offset + len(content))
        found = text(home) if sum(reach.values()) else b""
        said = [int(number) for number in re.findall(rb"\[(\d+) bytes of the log are missing here\]\n", found)]
        rest = re.sub(rb"\[\d+ bytes of the log are missing here\]\n", b"", found)
        assert sum(said) == sum(missing.values())
        assert len(rest) == sum(reach.values()) - sum(missing.values())


@given(st.permutations([(who, at) for who in WRITTEN for at in range(0, 30, 6)]))
def test_parts_in_order_make_the_whole_whoever_writes_between(mixed: list[tuple[tuple[int, int], int]]) -> None:
    order = {who: iter(range(0, 30, 6)) for who in WRITTEN}
    with tempfile.TemporaryDirectory() as directory:
        parts = LogParts(Path(directory) / "logs")
        where: dict[tuple[int, int], bytes] = dict.fromkeys(WRITTEN, b"")
        before = b""
        for who, _ in mixed:
            offset = next(order[who])
            parts.write(*JOB, *who, offset, WRITTEN[who][offset : offset + 6])
            after = text(Path(directory))
            assert after.startswith(before)
            where[who] += after[len(before) :]
            before = after
        assert where == WRITTEN


@given(st.uuids().map(str), st.integers(1, 10**6), st.integers(0, 10**6))
def test_the_name_of_an_attempts_log_tells_the_attempt(job: str, attempt: int, piece: int) -> None:
    assert named_attempt(attempt_log_name(job, attempt, piece)) == (job, attempt, piece)


@pytest.mark.parametrize("name", ["a.log", "a.1.log", "a.x.0.log", "a.1.0.places", "a.1.0"])
def test_other_names_tell_none(name: str) -> None:
    assert named_attempt(name) is None
