"""Results that come together travel in one message, each as it was."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from offizin.messages import Result, decode_results, encode, results_together
from offizin.messages.work import MOST_TOGETHER

RESULTS = st.lists(
    st.builds(Result, job=st.text(), attempt=st.integers(0, 9), piece=st.integers(0, 9), message=st.text())
)


@given(RESULTS)
def test_what_goes_in_comes_out_in_its_order(results: list[Result]) -> None:
    bodies = results_together([encode(result) for result in results])
    assert [result for body in bodies for result in decode_results(body)] == results
    assert len(bodies) == (1 if results else 0)


@given(st.lists(st.integers(1, MOST_TOGETHER + 10), max_size=8))
def test_no_message_of_several_is_too_long(lengths: list[int]) -> None:
    bodies = results_together([b"x" * length for length in lengths])
    assert [len(line) for body in bodies for line in body.split(b"\n")] == lengths
    assert all(len(body.replace(b"\n", b"")) <= MOST_TOGETHER or b"\n" not in body for body in bodies)


def test_a_line_that_is_no_result_is_told() -> None:
    with pytest.raises(msgspec.DecodeError):
        decode_results(encode(Result("job", 1, 0)) + b"\n{}")
