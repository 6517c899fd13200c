"""Regular expressions of strangers end in time."""

from __future__ import annotations

import pytest

from offizin.errors import PagesInvalid, WorkflowInvalid
from offizin.pages import resolve_pages
from offizin.trust.patterns import LONGEST, PatternInvalid, full_matches
from offizin.workflows import parse_workflow

PAGES = [f"PHYS_{number:04d}" for number in range(1, 101)]


def test_those_that_match_as_a_whole_are_found_in_their_order() -> None:
    assert full_matches("b?a|c", ["c", "ba", "a", "ab", "\ud800"]) == ["c", "ba", "a"]


@pytest.mark.parametrize("pattern", [
    "image/.*", "(?i)PHYS_00[13]+", "a|b.", "[^a]b?", r"x\.y\d", "", "P.*1.*2?", ".", "|", "[a-c]+", "a?a?a?aaa", "*",
    "a**", "[z-a]", "a|*", "(image/.*|[a.+]+)", "((a)|b)c", "(", ")", "()", "(a|ab)(c|bcd)?", "(?=a)a",
])  # fmt: skip
def test_a_simple_expression_means_the_same_without_a_process_of_its_own(pattern: str) -> None:
    texts = ["image/png", "phys_0013", "a", "bc", "b", "cb", "x.y1", "", "P1112", "\n", "aaa", "aaaa", "é"]
    in_a_process = ["y" * 2_000_001]  # too long for anything to be simple
    outcomes = []
    for more in ([], in_a_process):
        try:
            outcomes.append([text for text in full_matches(pattern, texts + more) if text not in in_a_process])
        except PatternInvalid as error:
            outcomes.append([str(error)])
    assert outcomes[0] == outcomes[1]


@pytest.mark.parametrize(
    "bomb",
    [
        "a*" * 4 + "b",
        "a?" * 30 + "a" * 30 + "b",
        ".*.*.*.*x",
        "(a|a)" * 30 + "b",
        "((((a))))" * 4 + "(a*)(a*)(a*)(a*)b",
    ],
)
def test_repetitions_one_after_the_other_are_no_way_around(bomb: str) -> None:
    try:
        assert full_matches(bomb, ["a" * 3000] * 10, seconds=0.5) == []
    except PatternInvalid as error:
        assert "longer than" in str(error)  # noqa: PT017


@pytest.mark.parametrize("bomb", ["(a+)+b", "(a|a)*b", "(?:a?){30}a{30}b", "(a*)*(a*)*b"])
def test_an_expression_that_takes_exponential_time_is_ended(bomb: str) -> None:
    with pytest.raises(PatternInvalid, match="longer than"):
        full_matches(bomb, ["a" * 40], seconds=0.5)


@pytest.mark.parametrize("wrong", ["[", "(?P<", "*", "a{99999999999999999999}", "(" * 500, "x" * (LONGEST + 1)])
def test_what_is_no_expression_or_too_long_is_refused(wrong: str) -> None:
    with pytest.raises(PatternInvalid):
        full_matches(wrong, ["a"])


@pytest.mark.parametrize("selector", [
    "//" + "a" * 2000, "x" * 1001, ",".join(["PHYS_0001"] * 200_000), ",".join(["//a"] * 11),
    ",".join(["PHYS_0001..PHYS_0002"] * 50_001), "//(P+)+x" + "(H+)+" * 100,
], ids=["pattern", "part", "text", "patterns", "ranges", "bomb"])  # fmt: skip
def test_a_selector_without_end_is_refused_in_a_short_sentence(selector: str) -> None:
    with pytest.raises(PagesInvalid) as refused:
        resolve_pages(selector, PAGES)
    assert len(refused.value.message) < 3000


def test_the_last_number_of_a_long_id_is_found_without_going_to_and_fro() -> None:
    long = "P" + "1a" * 200_000 + "1"
    assert resolve_pages("P1..P2", ["P1", long]) == ["P1"]


@pytest.mark.parametrize("text", [
    "dummy -I A -O B -p '{" + "\n" * 500_000 + "}'", "dummy -I A -O B -p " + "''" * 300_000 + "x",
    "dummy -I A -O B\n" * 1001, "#" * 2_000_000, "dummy -I A -O B -p '" + "[" * 500_000 + "\n'", '"' * 500_001,
    "dummy -I " + ",".join(["A"] * 300_000) + " -O B -P " + "x" * 200_000, "\\\n" * 300_000,
], ids=["blank JSON", "empty quotes", "steps", "comment", "deep", "quotes", "groups", "continued"])  # fmt: skip
def test_a_workflow_without_end_is_read_or_refused_without_going_to_and_fro(text: str) -> None:
    try:
        parse_workflow(text)
    except WorkflowInvalid as refused:
        assert len(refused.message) < 3000  # noqa: PT017
