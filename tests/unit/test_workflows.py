"""What a workflow's text may say, and what is said of one that is wrong."""

from __future__ import annotations

import contextlib
import json
import shlex
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from offizin.errors import WorkflowInvalid
from offizin.workflows import (
    Step,
    parameters_text,
    parse_workflow,
    resolve_parameter_files,
    workflow_from_steps,
)
from offizin.workflows.words import split_words

ProcessorTask = pytest.importorskip("ocrd.task_sequence").ProcessorTask


def only_step(text: str) -> Step:
    (step,) = parse_workflow(text).steps
    return step


def fault(text: str) -> WorkflowInvalid:
    with pytest.raises(WorkflowInvalid) as caught:
        parse_workflow(text)
    return caught.value


def test_a_line_becomes_a_step() -> None:
    step = only_step("tesserocr-recognize -I OCR-D-SEG,OCR-D-BIN -O OCR-D-OCR -P model frk -P padding 5")
    assert step.processor == "ocrd-tesserocr-recognize"
    assert step.input_file_grps == ("OCR-D-SEG", "OCR-D-BIN")
    assert step.output_file_grps == ("OCR-D-OCR",)
    assert step.parameters == {"model": "frk", "padding": 5}


def test_comments_blank_lines_and_the_prefix_are_allowed() -> None:
    text = "\n# segment\n  ocrd-dummy -I A -O B # and on\n\n   # recognise\ndummy -I B -O C -P x a#b -P y '# c'\n"
    first, second = parse_workflow(text).steps
    assert (first.line, first.processor) == (3, "ocrd-dummy")
    assert (second.line, second.processor) == (6, "ocrd-dummy")
    assert second.parameters == {"x": "a#b", "y": "# c"}
    assert parse_workflow(text).text == text


def test_a_backslash_goes_on_with_the_next_line() -> None:
    first, second = parse_workflow("dummy \\\n  -I A \\ \r\n -O B -P k \\\n5\ndummy -I B -O C").steps
    assert first.parameters == {"k": 5}
    assert (first.line, second.line) == (1, 5)


def test_quoted_json_may_go_over_several_lines_and_hold_comments() -> None:
    text = 'dummy -I A -O B -p \'{\n  # which\n  "model": "frk"\n}\'\ndummy -I B -O C'
    first, second = parse_workflow(text).steps
    assert first.parameters == {"model": "frk"}
    assert second.line == 5


def test_later_parameters_win() -> None:
    step = only_step("""dummy -I A -O B -p '{"a": 1, "b": 2}' -P a 3 -p '{"b": 4}'""")
    assert step.parameters == {"a": 3, "b": 4}


@pytest.mark.parametrize(
    "value", ["true", "1.5", "null", '"x"', "[1, 2]", '{"a": "b"}', "frk", "Fraktur+Latin", "", "-1"]
)
def test_a_value_is_json_or_else_a_plain_string(value: str) -> None:
    line = f"dummy -I A -O B -P k {shlex.quote(value)}"
    assert only_step(line).parameters == ProcessorTask.parse(line).parameters


def test_what_json_does_not_know_stays_a_string() -> None:
    deep = "[" * 100_000
    step = only_step(
        f"""dummy -I A -O B -P a NaN -P b Infinity -P c 1e999 -P d {deep} -P e '"\\ud800"' -P f '"\\u00e4"'"""
    )
    assert step.parameters == {"a": "NaN", "b": "Infinity", "c": "1e999", "d": deep, "e": '"\\ud800"', "f": "ä"}


@pytest.mark.parametrize("empty", ["", "\n\n", "# nothing\n", "\ufeff"])
def test_an_empty_workflow_is_refused(empty: str) -> None:
    assert fault(empty).line is None
    with pytest.raises(WorkflowInvalid):
        workflow_from_steps([empty])


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("dummy -I A -O B -g PHYS_1", "-g is an option of the run"),
        ("dummy -I A -O B --page-id=PHYS_1", "--page-id is an option of the run"),
        ("dummy -I A -m mets.xml", "-m is an option of the run"),
        ("dummy -I A -U sock", "-U is an option of the run"),
        ("dummy -I A --input-file-grp B", "--input-file-grp is not known in a workflow"),
        ("dummy -I=A -O B", "'-I=A' is no option"),
        ("dummy -IA -O B", "'-IA' is no option"),
        ("dummy –I A -O B", "typographic dash"),
        ("dummy -I A -x B", "-x is no option"),
        ("dummy -I A, B -O C", "an empty file group in 'A,'"),
        ("dummy -I A,,B -O C", "an empty file group in 'A,,B'"),
        ("dummy -I '' -O C", "the file group is empty"),
        ("dummy -I 'A B' -O C -- D", "-- is no option"),
        ("dummy -I A B -O C", "'B' belongs to no option"),
        ("dummy -I -O B", "-I has no input file group"),
        ("dummy -I A -O", "-O has no output file group"),
        ("dummy -I A -P model", "-P has no key and value"),
        ("dummy -I A -P model -O B", "-P has no key and value"),
        ("dummy -O B", "dummy has no input file group"),
        ("dummy -I A -O B,B", "the output file group B is named twice"),
        ("dummy -I A -O ../../etc", "becomes a directory"),
        ("dummy -I A -O ..", "becomes a directory"),
        ("dummy -I A -O -B", "looks like an option"),
        ("dummy -I A -O B -P it's", "the quote ' before 's' is not closed"),
        ('dummy -I "A -O B', 'the quote " before'),
        ("dummy -I A -p '{model: 1}'", "this is no JSON"),
        ("dummy -I A -p '[1]'", "JSON, but no object"),
        ("""dummy -I A -p '{"a": NaN}'""", "NaN is no JSON number"),
        ("dummy -I A -p params.json", "no files are read here"),
        ("dummy -I A -P model=frk", "-P has no key and value"),
        ("dummy -I A -O B; dummy -I B", "becomes a directory"),
        ("dummy -I A -O B && dummy -I B", "'&&' belongs to no option"),
        ("dummy -I “A” -O B", "typographic quotes"),
        ("-I A -O B", "begins with '-I'"),
        ("ocrd process 'dummy -I A'", "'ocrd' is no processor"),
        ("'dummy -I A -O B'", "is no processor's name"),
        ("/usr/bin/ocrd-dummy -I A", "is no processor's name"),
        ("ocrd- -I A", "is no processor's name"),
        ("dummy\u00a0-I A -O B", "is no processor's name"),
    ],
)
def test_a_wrong_line_is_named_with_what_is_wrong_and_what_would_be_right(line: str, said: str) -> None:
    error = fault(f"# first\ndummy -I A -O OK\n\n{line}\ndummy -I A -O OK2")
    assert error.line == 4
    assert error.message.startswith("line 4: ")
    assert said in error.message
    assert error.advice


def test_an_unclosed_quote_is_found_where_it_opens() -> None:
    error = fault("dummy -I A -O B -P x it's\ndummy -I B -O C\ndummy -I C -O D -P y 'z'")
    assert error.line == 1


def test_an_unclosed_json_is_found_where_it_opens() -> None:
    error = fault("dummy -I A -O B -p '{\"a\": 1}\ndummy -I B -O C -p '{}'")
    assert error.line == 1
    assert "closing quote" in error.advice


def test_the_error_of_steps_given_one_by_one_names_the_step() -> None:
    workflow = workflow_from_steps(["ocrd-dummy -I A -O B", "dummy -I B -O C -P k 'v w'"])
    assert [step.line for step in workflow.steps] == [1, 2]
    assert workflow.text == "dummy -I A -O B\ndummy -I B -O C -P k 'v w'\n"
    assert parse_workflow(workflow.text) == workflow
    for wrong in ("dummy -O C", "dummy -I B -O C -P k it's"):
        with pytest.raises(WorkflowInvalid) as caught:
            workflow_from_steps(["dummy -I A -O B", wrong])
        assert caught.value.line == 2


# --- what agrees with the reference -------------------------------------------------------------------------------

group_names = st.from_regex(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,12}", fullmatch=True)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)
tricky_texts = st.sampled_from(
    ["-I", "-P", "NaN", "Infinity", "1e999", "5", "'", '"', "\\", "#", " # x", "a\nb", "\u2028", ""]
)
names = st.from_regex(r"[a-z][a-z0-9-]{0,12}", fullmatch=True).filter(
    lambda name: name not in ("ocrd", "process", "ocrd-", "policy", "fallback", "finish")
)
steps = st.builds(
    lambda name, inputs, outputs, parameters: Step(
        1, f"ocrd-{name}", tuple(inputs), tuple(outputs), parameters_text(parameters)
    ),
    names,
    st.lists(group_names, min_size=1, max_size=3),
    st.lists(group_names, max_size=3, unique=True),
    st.dictionaries(st.text() | tricky_texts, json_values | tricky_texts, max_size=4),
)


@given(steps)
def test_a_step_survives_its_plain_form(step: Step) -> None:
    assert parse_workflow(step.to_line()).steps == (step,)


@given(steps)
def test_the_reference_reads_the_plain_form_alike(step: Step) -> None:
    line = step.to_line()
    assert line.splitlines() == [line]
    task = ProcessorTask.parse(line)
    assert task.executable == step.processor
    assert tuple(task.input_file_grps) == step.input_file_grps
    assert tuple(task.output_file_grps) == step.output_file_grps
    assert task.parameters == step.parameters


@given(st.text(alphabet="ab,-#'\" \\\t\r=é", max_size=40))
def test_words_are_those_of_the_shell(line: str) -> None:
    """Without comments and without a backslash at the end, which shlex does not know."""
    try:
        expected = shlex.split(line)
    except ValueError:
        expected = None
    if any(word.startswith("#") for word in line.split()) or line.rstrip(" \t\r").endswith("\\"):
        return
    try:
        words = [word.text for words in split_words(line) for word in words]
    except WorkflowInvalid:
        assert expected is None
    else:
        assert words == expected or "#" in line


@given(st.text(max_size=60))
def test_any_text_is_a_workflow_or_invalid(text: str) -> None:
    with contextlib.suppress(WorkflowInvalid):
        assert parse_workflow("dummy -I A -O B " + text).steps


# --- parameter files ----------------------------------------------------------------------------------------------


def test_parameter_files_are_put_in_their_place() -> None:
    files = {"frk.json": '# Fraktur\n{"model": "frk", "label": "it\'s ä"}', "two.json": "{}"}
    text = "# keep\ndummy -I A -O B -p frk.json -P k -1 # and this\ndummy -I B -O C -p 'two.json' -p '{\"a\": 1}'\n"
    resolved = resolve_parameter_files(text, files.__getitem__)
    assert resolved.startswith("# keep\ndummy -I A -O B -p '{")
    assert resolved.endswith(" -P k -1 # and this\ndummy -I B -O C -p '{}' -p '{\"a\": 1}'\n")
    first, second = parse_workflow(resolved).steps
    assert first.parameters == {"model": "frk", "label": "it's ä", "k": -1}
    assert second.parameters == {"a": 1}


def unreadable(name: str) -> str:
    raise FileNotFoundError(2, "No such file or directory", name)


def no_json(name: str) -> str:
    return "model: frk"


def test_a_text_without_files_stays_as_it_is() -> None:
    text = "dummy -I A -O B -P x -1 -p '{}' # -p file\n"
    assert resolve_parameter_files(text, unreadable) == text


@pytest.mark.parametrize(("read", "said"), [(unreadable, "No such file"), (no_json, "this is no JSON")])
def test_a_parameter_file_that_cannot_be_used_is_named(read: Any, said: str) -> None:
    with pytest.raises(WorkflowInvalid) as caught:
        resolve_parameter_files("dummy -I A -O B\ndummy -I B -p frk.json", read)
    assert caught.value.line == 2
    with pytest.raises(WorkflowInvalid, match="line 5: "):
        resolve_parameter_files("dummy -I B -p frk.json", read, first_line=5)
    assert "frk.json" in caught.value.message
    assert said in caught.value.message


def test_parameters_keep_the_order_in_which_they_are_given() -> None:
    step = only_step("""dummy -I A -P z 1 -p '{"y": 2, "a": 3}' -P b 4""")
    assert list(step.parameters) == ["z", "y", "a", "b"]


def test_parameters_are_a_copy() -> None:
    step = only_step("dummy -I A -P k '[1]'")
    step.parameters["k"].append(2)
    assert step.parameters == {"k": [1]}
    assert json.loads(step.parameters_json) == {"k": [1]}
