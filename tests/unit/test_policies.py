"""Policies: read from pairs and JSON, laid over one another, and what they allow."""

from __future__ import annotations

import pytest

from offizin.errors import InvalidRequest
from offizin.workflows.policies import NAMES, OnExistingOutput, OnMissingInput, OnMissingOutput, Policies


def test_what_is_not_said_is_not_there() -> None:
    assert not Policies()
    assert Policies().to_json() == {}
    assert Policies(on_missing_output=OnMissingOutput.FAIL)


def test_pairs_are_read_and_a_later_one_wins() -> None:
    said = Policies.from_pairs(
        [
            ("on_missing_output", "skip"),
            ("page_timeout", "30"),
            ("on_missing_output", "copy"),
            ("on-missing-input", "skip"),
        ]
    )
    assert said == Policies(OnMissingOutput.COPY, None, OnMissingInput.SKIP, None, 30.0)


def test_the_words_of_the_reference_are_understood() -> None:
    said = Policies.from_pairs(
        [("OCRD_MISSING_OUTPUT", "ABORT"), ("OCRD_EXISTING_OUTPUT", "OVERWRITE"), ("OCRD_MAX_MISSING_OUTPUTS", "-1")]
    )
    assert said == Policies(OnMissingOutput.FAIL, OnExistingOutput.OVERWRITE, None, -1.0)


def test_json_goes_there_and_back() -> None:
    said = Policies(OnMissingOutput.COPY, OnExistingOutput.FAIL, OnMissingInput.SKIP, 0.1, 2.5)
    assert Policies.from_json(said.to_json()) == said
    assert set(said.to_json()) == set(NAMES)
    assert Policies.from_json({"on_missing_output": None}) == Policies()


def test_policies_are_laid_over_others() -> None:
    base = Policies(OnMissingOutput.SKIP, page_timeout=10)
    assert Policies(OnMissingOutput.FAIL, max_missing_outputs=0).merged_over(base) == Policies(
        OnMissingOutput.FAIL, max_missing_outputs=0, page_timeout=10
    )


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("on_missing", "skip", "there is no policy 'on_missing'"),
        ("on_missing_output", "overwrite", "on_missing_output: there is no 'overwrite'"),
        ("on_existing_output", "copy", "on_existing_output: there is no 'copy'"),
        ("max_missing_outputs", "few", "'few' is neither a share nor a number of pages"),
        ("max_missing_outputs", "1.5", "'1.5' is neither"),
        ("max_missing_outputs", "120%", "'120%' is neither"),
        ("page_timeout", "-3", "'-3' is no number of seconds"),
        ("page_timeout", "nan", "'nan' is no number of seconds"),
    ],
)
def test_what_is_no_policy_is_named(name: str, value: str, says: str) -> None:
    with pytest.raises(InvalidRequest, match=says) as raised:
        Policies.from_pairs([(name, value)])
    assert raised.value.advice


@pytest.mark.parametrize(
    ("limit", "missing", "of", "allowed"),
    [
        ("0", 0, 10, True),
        ("0", 1, 10, False),
        ("0.1", 1, 10, True),
        ("0.1", 2, 10, False),
        ("10%", 1, 10, True),
        ("0.29", 29, 100, True),
        ("1", 1, 10, True),
        ("1", 2, 10, False),
        ("100%", 10, 10, True),
    ],
)
def test_so_many_pages_may_be_missing(limit: str, missing: int, of: int, allowed: bool) -> None:
    assert Policies.from_pairs([("max_missing_outputs", limit)]).allows(missing, 0, of) is allowed


def test_without_a_limit_no_page_may_fail_and_any_number_be_left_out() -> None:
    assert not Policies().allows(1, 0, 10)
    assert Policies(OnMissingOutput.SKIP).allows(0, 10, 10)
    assert not Policies(OnMissingOutput.SKIP).allows(1, 9, 10)
    assert Policies(OnMissingOutput.SKIP, max_missing_outputs=3).allows(1, 2, 10)
    assert not Policies(OnMissingOutput.SKIP, max_missing_outputs=2).allows(1, 2, 10)


def test_text_goes_there_and_back() -> None:
    said = Policies(OnMissingOutput.COPY, page_timeout=2.5)
    assert Policies.from_text(said.to_text()) == said
    assert Policies.from_text("{}") == Policies()
    assert Policies().to_text() == "{}"
