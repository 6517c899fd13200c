"""All operations of our OpenAPI document under schemathesis: what they answer is what the document says."""

from __future__ import annotations

import pytest

from tests.api_fuzz.schemathesis_run import run


@pytest.mark.timeout(400)
def test_no_request_finds_an_answer_that_is_not_described() -> None:
    outcome = run(max_examples=3, seed=1)
    assert outcome.sound, outcome.output[-20_000:]
    assert outcome.cases > 1000
