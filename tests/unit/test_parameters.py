"""Parameters are checked and completed as the reference does it, with messages that help."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from offizin.errors import InvalidRequest, ParameterInvalid
from offizin.processors.parameters import check_cardinality, complete
from offizin.processors.tool_description import ToolDescription, tool_entry

ParameterValidator = pytest.importorskip("ocrd_validators").ParameterValidator

PARAMETERS: dict[str, Any] = {
    "model": {"type": "string", "description": "which model", "required": True},
    "dpi": {"type": "number", "format": "float", "description": "pixels per inch", "default": 0, "minimum": 0},
    "level": {"type": "string", "enum": ["region", "line", "word"], "default": "word", "description": "how deep"},
    "parts": {"type": "array", "items": {"type": "number"}, "default": [1], "description": "numbers"},
    "tuning": {
        "type": "object",
        "description": "how it is tuned",
        "default": {},
        "properties": {"speed": {"type": "number", "default": 3, "maximum": 9}, "deep": {"type": "boolean"}},
        "additionalProperties": False,
    },
    "strict": {"type": "boolean", "default": False, "description": "or not"},
    "old": {"type": "string", "deprecated": True, "description": "use model"},
}


def described(parameters: dict[str, Any] = PARAMETERS, **more: Any) -> ToolDescription:
    tool = {"executable": "ocrd-test", "parameters": copy.deepcopy(parameters), **more}
    return ToolDescription("ocrd-test", Path("/opt/bin/ocrd-test"), tool)


def fault(parameters: dict[str, Any]) -> ParameterInvalid:
    with pytest.raises(ParameterInvalid) as caught:
        complete(described(), parameters)
    return caught.value


def test_defaults_are_filled_in() -> None:
    assert complete(described(), {"model": "frk", "dpi": 300}) == {
        "model": "frk",
        "dpi": 300,
        "level": "word",
        "parts": [1],
        "tuning": {"speed": 3},
        "strict": False,
    }


def test_nothing_that_was_given_is_changed_or_shared() -> None:
    description = described()
    given_tool, parameters = copy.deepcopy(dict(description.tool)), {"model": "frk", "tuning": {}}
    first = complete(description, parameters)
    first["parts"].append(2)
    first["tuning"]["speed"] = 7
    assert parameters == {"model": "frk", "tuning": {}}
    assert description.tool == given_tool
    assert complete(description, parameters)["parts"] == [1]


def test_the_validator_is_compiled_once() -> None:
    description = described()
    assert description.validator is description.validator


@pytest.mark.parametrize(
    ("parameters", "message", "advice"),
    [
        ({}, "the parameter model must be given", "Give model (string)."),
        ({"modl": "x", "model": "y"}, "there is no parameter modl", "Did you mean model?"),
        ({"xyz": 1, "model": "y"}, "there is no parameter xyz", "There are: model, dpi"),
        ({"model": 5}, "the parameter model cannot be 5", "Allowed for model: string."),
        ({"model": "x", "dpi": "300"}, 'dpi cannot be "300"', "dpi: number (float), at least 0, default 0."),
        ({"model": "x", "dpi": -1}, "dpi cannot be -1", "at least 0"),
        ({"model": "x", "level": "page"}, 'level cannot be "page"', 'level: one of "region", "line", "word"'),
        ({"model": "x", "parts": [1, "b"]}, 'parts.1 cannot be "b"', "parts.1: number"),
        ({"model": "x", "tuning": {"speed": 10}}, "tuning.speed cannot be 10", "at most 9"),
        ({"model": "x", "tuning": 4}, "tuning cannot be 4", "object"),
        ({"model": "x", "tuning": {"slow": 1}}, "the parameter tuning:", "object"),
        ({"model": "x", "old": "y"}, "the parameter old is deprecated", "use model"),
    ],
)
def test_a_wrong_parameter_is_named_with_what_is_allowed(parameters: dict[str, Any], message: str, advice: str) -> None:
    error = fault(parameters)
    assert error.message.startswith("ocrd-test: ")
    assert message in error.message
    assert advice in error.advice


def test_what_is_missing_within_a_parameter_is_told_with_its_place() -> None:
    description = described({"a": {"type": "object", "properties": {"b": {"type": "object", "required": ["c"]}}}})
    with pytest.raises(ParameterInvalid, match=r"the parameter a\.b: 'c' is a required property"):
        complete(description, {"a": {"b": {}}})


def test_all_faults_are_told_at_once() -> None:
    error = fault({"dpi": "a", "level": "b", "nix": 1})
    for name in ("model", "dpi", "level", "nix"):
        assert name in error.message


def test_a_huge_value_is_shortened() -> None:
    assert len(fault({"model": ["x" * 10_000]}).message) < 200


@pytest.mark.parametrize("schema", [{"type": "float"}, {"type": "string", "pattern": "("}, {"enum": 5}])
def test_an_unsound_tool_description_is_said_to_be_one(schema: dict[str, Any]) -> None:
    with pytest.raises(ParameterInvalid, match="no sound schema"):
        complete(described({"a": schema}), {"a": "x"})


@pytest.mark.parametrize("value", [float("nan"), [{"a": float("inf")}]])
def test_what_is_no_json_is_refused(value: Any) -> None:
    description = described({"number": {}})
    assert complete(description, {"number": [{"a": 1.5}]}) == {"number": [{"a": 1.5}]}
    with pytest.raises(ParameterInvalid, match="the parameter number cannot be"):
        complete(description, {"number": value})


def test_a_processor_without_parameters_takes_none() -> None:
    description = ToolDescription("ocrd-test", Path("/x"), {"executable": "ocrd-test"})
    assert complete(description, {}) == {}
    with pytest.raises(ParameterInvalid) as caught:
        complete(description, {"a": 1})
    assert caught.value.advice == "It takes no parameters."


# --- the reference as the oracle ----------------------------------------------------------------------------------

SCHEMAS = st.sampled_from(
    [
        PARAMETERS,
        {},
        {"a": {"type": "number", "required": True, "default": 5}},
        {"a": {"type": "string", "default": 7}, "b": {"type": ["string", "null"]}},
        {"a": {"type": "object", "properties": {"b": {"default": 1}}, "required": ["b"], "default": {}}},
        {"a": {"type": "object", "required": ["b"], "properties": {"b": {"default": 1}}, "default": {}}},
        {"a": {"type": "object", "additionalProperties": {"type": "number"}, "minProperties": 1}},
        {"a": {"anyOf": [{"type": "number"}, {"properties": {"b": {"default": 1}}, "required": ["b"]}]}},
        {"a": {"type": "boolean", "deprecated": True, "default": True}},
        {"a": {"type": "array", "items": {"type": "object", "properties": {"b": {"default": [1]}}}}},
    ]
)
NAMES = st.sampled_from([*PARAMETERS, "a", "b", "speed", "deep", "other"])
LEAVES = st.sampled_from(["frk", "line", "", 0, 1, 5.5, -1, 300, True, False, None])
VALUES = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=2) | st.dictionaries(NAMES, inner, max_size=3), max_leaves=5
)
FITTING = st.fixed_dictionaries(
    {"model": st.just("frk")},
    optional={"dpi": st.floats(0, 600), "tuning": st.dictionaries(NAMES, LEAVES, max_size=2), "old": st.just("")},
)


@given(SCHEMAS, st.dictionaries(NAMES, VALUES, max_size=4) | FITTING)
def test_verdict_and_completed_parameters_are_those_of_the_reference(
    schema: dict[str, Any], parameters: dict[str, Any]
) -> None:
    theirs = copy.deepcopy(parameters)
    try:
        valid = ParameterValidator({"parameters": copy.deepcopy(schema)}).validate(theirs).is_valid
    except (AttributeError, TypeError):  # a property of what is no object: it falls over, which is a refusal
        valid = False
    if valid:
        assert json.dumps(complete(described(schema), parameters)) == json.dumps(theirs)
    else:
        with pytest.raises(ParameterInvalid):
            complete(described(schema), parameters)


# --- file groups --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("cardinality", "number", "fits"),
    [
        (1, 1, True),
        (1, 2, False),
        (2, 1, False),
        (0, 3, True),
        (-1, 3, True),
        (1.0, 1, True),
        ([1, 2], 2, True),
        ([1, 2], 3, False),
        ([1, 2], 0, False),
        ([2, -1], 9, True),
        ([2, -1], 1, False),
        ([0, 1], 0, True),
    ],
)
def test_the_number_of_file_groups_must_fit(cardinality: Any, number: int, fits: bool) -> None:
    groups = [f"G{n}" for n in range(number)]
    description = described(input_file_grp_cardinality=cardinality, output_file_grp_cardinality=1)
    if fits:
        check_cardinality(description, groups, ["OUT"])
    else:
        with pytest.raises(InvalidRequest, match="input file group") as caught:
            check_cardinality(description, groups, ["OUT"])
        assert caught.value.advice


def test_an_older_tool_lists_its_groups_instead() -> None:
    description = described(input_file_grp=["OCR-D-A", "OCR-D-B"], output_file_grp=[])
    check_cardinality(description, ["X"], [])
    with pytest.raises(InvalidRequest, match="at least 1 input file group"):
        check_cardinality(description, [], [])


@pytest.mark.parametrize("outputs", [["A", "A"], [""], ["../A"], ["A/B"], ["A B"]])
def test_output_groups_must_be_usable_as_directories(outputs: list[str]) -> None:
    with pytest.raises(InvalidRequest) as caught:
        check_cardinality(described(), ["IN"], outputs)
    assert caught.value.advice


@pytest.mark.parametrize("printed", [None, [], "x", {}, {"level": "info"}, {"executable": "x", "parameters": []}])
def test_what_is_no_entry_of_ocrd_tool_json_is_refused(printed: object) -> None:
    assert tool_entry(printed, "ocrd-test") is None


def test_a_whole_ocrd_tool_json_is_taken_apart() -> None:
    entry = tool_entry({"version": "1.0.0", "tools": {"ocrd-test": {"executable": "ocrd-test"}}}, "ocrd-test")
    assert entry == {"executable": "ocrd-test", "resource_locations": ["data", "cwd", "system", "module"]}
