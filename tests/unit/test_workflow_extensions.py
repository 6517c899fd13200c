"""Lines of a workflow that are ours: policies, fallbacks, and what becomes of file groups at the end."""

from __future__ import annotations

import string
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from offizin.cli.program import exit_code_of
from offizin.errors import WorkflowInvalid
from offizin.workflows import (
    Fallback,
    Finish,
    FinishAction,
    Policies,
    Step,
    Workflow,
    parameters_text,
    parse_workflow,
    resolve_parameter_files,
    workflow_from_steps,
)

ProcessorTask = pytest.importorskip("ocrd.task_sequence").ProcessorTask

WORKFLOW = """\
# a book
policy on_missing_output=skip max_missing_outputs=0.05   # for all

tesserocr-segment -I IMG -O SEG
policy page_timeout=60
tesserocr-recognize -I SEG -O OCR -P model frk
policy OCRD_MISSING_OUTPUT=ABORT
policy page_timeout=300
fallback ocrd-tesserocr-recognize -P model Fraktur -p '{"padding": 5}'
fallback kraken-recognize

finish rename OCR OCR-D-OCR
finish drop SEG,LINES REGIONS
"""


def fault(text: str) -> WorkflowInvalid:
    with pytest.raises(WorkflowInvalid) as caught:
        parse_workflow(text)
    return caught.value


def test_policies_belong_to_all_steps_before_the_first_task_and_to_the_task_before_them_after_it() -> None:
    workflow = parse_workflow(WORKFLOW)
    assert workflow.policies.to_json() == {"on_missing_output": "skip", "max_missing_outputs": 0.05}
    segment, recognize = workflow.steps
    assert segment.policies.to_json() == {"page_timeout": 60}
    assert recognize.policies.to_json() == {"on_missing_output": "fail", "page_timeout": 300}


def test_fallbacks_belong_to_the_task_before_them_in_their_order() -> None:
    segment, recognize = parse_workflow(WORKFLOW).steps
    assert segment.fallbacks == ()
    first, second = recognize.fallbacks
    assert (first.line, first.processor) == (9, "ocrd-tesserocr-recognize")
    assert first.parameters == {"model": "Fraktur", "padding": 5}
    assert (second.line, second.processor, second.parameters) == (10, "ocrd-kraken-recognize", {})


def test_finish_lines_say_what_becomes_of_file_groups() -> None:
    rename, drop = parse_workflow(WORKFLOW).finish
    assert (rename.line, rename.action, rename.groups) == (12, FinishAction.RENAME, ("OCR", "OCR-D-OCR"))
    assert (drop.action, drop.groups) == (FinishAction.DROP, ("SEG", "LINES", "REGIONS"))


def test_a_processor_with_the_name_of_a_keyword_is_written_with_its_prefix() -> None:
    workflow = parse_workflow("ocrd-finish -I A -O B\nfallback ocrd-policy")
    assert [step.processor for step in workflow.steps] == ["ocrd-finish"]
    assert parse_workflow(workflow.to_text()) == Workflow(workflow.steps, workflow.to_text())


def test_lines_given_one_by_one_may_be_ours_as_well() -> None:
    lines = ["policy page_timeout=5", "dummy -I A -O B", "fallback dummy -P x 'y z'", "finish keep B"]
    workflow = workflow_from_steps(lines)
    assert workflow == parse_workflow("\n".join(lines) + "\n")
    assert [fallback.line for fallback in workflow.steps[0].fallbacks] == [3]
    with pytest.raises(WorkflowInvalid) as caught:
        workflow_from_steps(["dummy -I A -O B", "finish keep"])
    assert caught.value.line == 2


def test_parameter_files_of_fallbacks_are_put_in_their_place() -> None:
    text = resolve_parameter_files(
        "dummy -I A -O B\nfallback dummy -p frk.json\n", {"frk.json": '{"m": 1}'}.__getitem__
    )
    assert parse_workflow(text).steps[0].fallbacks[0].parameters == {"m": 1}


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("policy", "policy has no NAME=VALUE"),
        ("policy on_missing_output", "is no NAME=VALUE"),
        ("policy on_missing_output = skip", "is no NAME=VALUE"),
        ("policy =skip", "is no NAME=VALUE"),
        ("policy on_missing_output=", "is no NAME=VALUE"),
        ("policy -I A -O B", "is no NAME=VALUE"),
        ("policy on_missing_input=copy", "there is no 'copy'"),
        ("policy on_missing=skip", "there is no policy 'on_missing'"),
        ("policy page_timeout=1 page_timeout=2", "page_timeout is said twice"),
        ("policy page_timeout=soon", "page_timeout"),
        ("fallback", "fallback names no processor"),
        ("fallback -I A -O B", "fallback names no processor"),
        ("fallback dummy -I A", "-I has no place here"),
        ("fallback dummy -O A", "-O has no place here"),
        ("fallback dummy -g P1", "-g is an option of the run"),
        ("fallback /bin/dummy", "is no processor's name"),
        ("fallback dummy -P x", "-P has no key and value"),
        ("fallback dummy model", "'model' belongs to no option"),
        ("finish", "finish says not what to do"),
        ("finish -I A -O B", "there is no '-I'"),
        ("finish delete A", "there is no 'delete'"),
        ("finish keep", "finish keep names no file group"),
        ("finish drop A, B", "an empty file group in 'A,'"),
        ("finish drop A A", "A is named twice"),
        ("finish rename A", "wants two names"),
        ("finish rename A B C", "wants two names"),
        ("finish rename A ../B", "becomes a directory"),
        ("finish rename A A", "A is named twice"),
    ],
)
def test_a_wrong_line_is_named_with_what_is_wrong_and_what_would_be_right(line: str, said: str) -> None:
    error = fault(f"# first\ndummy -I A -O B\n\n{line}\n")
    assert error.line == 4
    assert error.message.startswith("line 4: ")
    assert said in error.message
    assert error.advice


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ("fallback dummy\ndummy -I A -O B", 1, "comes before the first task"),
        ("finish keep A\ndummy -I A -O B", 1, "comes before the first task"),
        ("dummy -I A -O B\nfinish keep B\ndummy -I B -O C", 3, "comes after 'finish' of line 2"),
        ("dummy -I A -O B\nfinish keep B\nfallback dummy", 3, "comes after 'finish' of line 2"),
        ("dummy -I A -O B\nfinish keep B\npolicy page_timeout=1", 3, "comes after 'finish' of line 2"),
        ("dummy -I A -O B\nfinish keep B\nfinish drop C B", 3, "B is named in line 2 already"),
        ("dummy -I A -O B\nfinish rename B C\nfinish drop B", 3, "B is named in line 2 already"),
        ("dummy -I A -O B\nfinish rename B C\nfinish rename A C", 3, "C is named in line 2 already"),
        ("dummy -I A -O B\nfinish rename B C\nfinish rename C D", 3, "C is named in line 2 already"),
        ("policy page_timeout=1\n", None, "the workflow is empty"),
    ],
)
def test_a_line_in_the_wrong_place_is_named(text: str, line: int | None, said: str) -> None:
    error = fault(text)
    assert error.line == line
    assert said in error.message


def test_a_group_may_be_kept_and_renamed() -> None:
    assert len(parse_workflow("dummy -I A -O B\nfinish keep B\nfinish rename B C").finish) == 2


# --- what is printed ----------------------------------------------------------------------------------------------

names = st.text(string.ascii_lowercase + string.digits + "-", min_size=1, max_size=8).filter(
    lambda name: name[0].isalnum() and name not in ("ocrd", "process", "ocrd-")
)
keywords = st.sampled_from(["policy", "fallback", "finish"])
processors = st.builds("ocrd-{}".format, names | keywords)
groups = st.from_regex(r"[A-Z0-9][A-Za-z0-9_.-]{0,8}", fullmatch=True)
parameters = st.dictionaries(st.text(max_size=5), st.text(max_size=5) | st.integers() | st.none(), max_size=3).map(
    parameters_text
)
policies = st.builds(
    Policies,
    on_missing_output=st.none() | st.sampled_from(["fail", "skip", "copy"]),
    on_existing_output=st.none() | st.sampled_from(["skip", "overwrite", "fail"]),
    on_missing_input=st.none() | st.sampled_from(["fail", "skip"]),
    max_missing_outputs=st.none() | st.floats(0, 1) | st.integers(1, 10**6).map(float) | st.just(-1.0),
    page_timeout=st.none() | st.floats(0, 1e9),
).map(lambda drawn: Policies.from_json(drawn.to_json()))
steps = st.builds(
    Step,
    st.just(1),
    processors,
    st.lists(groups, min_size=1, max_size=3).map(tuple),
    st.lists(groups, max_size=2, unique=True).map(tuple),
    parameters,
    policies,
    st.lists(st.builds(Fallback, st.just(1), processors, parameters), max_size=3).map(tuple),
)
kept_or_dropped = st.lists(groups, min_size=1, max_size=4, unique=True).map(
    lambda named: (Finish(1, FinishAction.KEEP, tuple(named)),)
)
renamed = st.lists(groups, min_size=2, max_size=2, unique=True).map(
    lambda named: (Finish(1, FinishAction.RENAME, tuple(named)),)
)
workflows = st.builds(
    Workflow,
    st.lists(steps, min_size=1, max_size=4).map(tuple),
    st.just(""),
    policies,
    st.just(()) | kept_or_dropped | renamed,
)


@given(workflows)
def test_what_is_printed_parses_back(workflow: Workflow) -> None:
    text = workflow.to_text()
    again = parse_workflow(text)
    assert (again.steps, again.policies, again.finish) == (workflow.steps, workflow.policies, workflow.finish)
    assert again.to_text() == text


@given(workflows)
def test_the_tasks_alone_are_what_the_reference_reads(workflow: Workflow) -> None:
    lines = workflow.to_tasks().splitlines()
    read = [ProcessorTask.parse(line) for line in lines]
    assert [task.executable for task in read] == [step.processor for step in workflow.steps]
    assert [tuple(task.input_file_grps) for task in read] == [step.input_file_grps for step in workflow.steps]
    assert [tuple(task.output_file_grps) for task in read] == [step.output_file_grps for step in workflow.steps]
    assert [task.parameters for task in read] == [step.parameters for step in workflow.steps]


def test_the_command_exports_what_the_reference_reads(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "workflow.txt"
    file.write_text(WORKFLOW.replace("-P model frk", "-p frk.json"))
    (tmp_path / "frk.json").write_text('{"model": "frk"}')
    assert exit_code_of(["workflow", "export", str(file)]) == 0
    told = capsys.readouterr()
    assert told.out == "tesserocr-segment -I IMG -O SEG\ntesserocr-recognize -I SEG -O OCR -P model frk\n"
    assert told.err == "Left out what only Offizin knows: policy, fallback, finish.\n"
    assert [ProcessorTask.parse(line).executable for line in told.out.splitlines()] == [
        "ocrd-tesserocr-segment",
        "ocrd-tesserocr-recognize",
    ]


def test_the_command_says_where_a_workflow_is_wrong(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "workflow.txt").write_text("dummy -I A -O B\nfallback\n")
    assert exit_code_of(["workflow", "export", str(tmp_path / "workflow.txt")]) == 2
    assert capsys.readouterr().err.startswith("Error: line 2: fallback names no processor")
