from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from offizin.workspaces.accuracy import (
    CharacterErrors,
    character_error_rate,
    character_errors,
    edit_distance,
    normalised,
)

texts = st.text(alphabet="abcſä ", max_size=12)


def distance_by_the_table(a: str, b: str) -> int:
    row = list(range(len(b) + 1))
    for i, x in enumerate(a, start=1):
        above, row = row, [i]
        for j, y in enumerate(b, start=1):
            row.append(min(above[j] + 1, row[-1] + 1, above[j - 1] + (x != y)))
    return row[-1]


@given(texts, texts)
def test_the_distance_is_that_of_the_plain_table(a: str, b: str) -> None:
    assert edit_distance(a, b) == distance_by_the_table(a, b)


@given(texts, texts)
def test_the_distance_is_the_same_both_ways(a: str, b: str) -> None:
    assert edit_distance(a, b) == edit_distance(b, a)


def test_the_distance_of_long_texts_needs_no_table() -> None:
    text = "Zwoͤlftes Stuͤk. " * 400
    assert edit_distance(text, text.replace("S", "s")) == 400


def test_lists_of_words_have_a_distance_too() -> None:
    assert edit_distance(["was", "ist", "Aufklärung"], ["was", "iſt", "die", "Aufklärung"]) == 2


def test_equal_texts_have_no_errors() -> None:
    assert character_error_rate("Was ist Aufklärung?", "Was ist Aufklärung?") == 0


def test_one_wrong_character_in_ten_is_a_tenth() -> None:
    assert character_error_rate("0123456789", "012345678x") == pytest.approx(0.1)


def test_line_breaks_and_runs_of_spaces_do_not_count() -> None:
    assert character_error_rate("Was ist\nAufklärung?", "  Was  ist Aufklärung?\n") == 0


def test_composed_and_decomposed_letters_are_equal() -> None:
    assert normalised("Aufkla\u0308rung") == "Aufklärung"
    assert character_error_rate("Aufklärung", "Aufkla\u0308rung") == 0


def test_text_where_there_should_be_none_is_all_wrong() -> None:
    assert character_error_rate("", "x") == 1
    assert character_error_rate("", " \n") == 0


def test_a_missing_text_is_all_wrong() -> None:
    assert character_error_rate("abc", "") == 1


def test_the_errors_of_pages_add_up_by_their_characters() -> None:
    book = character_errors("abcdefgh", "abcdefgh") + character_errors("ij", "i")
    assert book == CharacterErrors(edits=1, characters=10)
    assert book.rate == pytest.approx(0.1)
