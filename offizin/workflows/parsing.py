"""From text to steps. Faults name their line and say what would be right.

The source of the syntax is ``ProcessorTask.parse`` of the reference (ocrd/task_sequence.py): ``-I`` and ``-O`` take
file groups separated by commas, ``-p`` a JSON object, ``-P`` a key and a value (JSON, or else a plain string).
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import takewhile
from typing import Any

from offizin.errors import WorkflowInvalid
from offizin.workflows.json_text import parameters_text, strict_json
from offizin.workflows.options import OPTIONS, no_file_group, no_option, no_processor, unusable_output_group
from offizin.workflows.parameter_files import is_file_name, read_object
from offizin.workflows.words import Word, split_words
from offizin.workflows.workflow import Step, Workflow

_EXAMPLE = "For example: tesserocr-recognize -I OCR-D-IMG -O OCR-D-OCR -P model frk"


def parse_workflow(text: str) -> Workflow:
    """Raises WorkflowInvalid, with the line, at the first fault. Reads no file: see ``resolve_parameter_files``."""
    steps = tuple(_parse_step(words) for words in split_words(text))
    if not steps:
        raise WorkflowInvalid("the workflow is empty", advice=f"Write one step a line. {_EXAMPLE}")
    return Workflow(steps, text)


def workflow_from_steps(lines: Sequence[str]) -> Workflow:
    """A workflow of steps given one by one, as on a command line; the line of an error is the step's number."""
    steps: list[Step] = []
    for number, line in enumerate(lines, start=1):
        for words in split_words(line, first_line=number):
            steps.append(_parse_step([Word(word.text, number, word.start, word.end) for word in words]))
    if not steps:
        raise WorkflowInvalid("the workflow is empty", advice=f"Give each step as one word, in quotes. {_EXAMPLE}")
    plain = [
        Step(n, s.processor, s.input_file_grps, s.output_file_grps, s.parameters_json) for n, s in enumerate(steps, 1)
    ]
    return Workflow(tuple(plain), "".join(step.to_line() + "\n" for step in plain))


def _parse_step(words: Sequence[Word]) -> Step:
    head, rest = words[0], list(words[1:])
    if fault := no_processor(head.text):
        raise WorkflowInvalid(fault.message, line=head.line, advice=fault.advice)
    inputs: list[str] = []
    outputs: list[str] = []
    parameters: dict[str, Any] = {}
    while rest:
        option = rest.pop(0)
        if option.text not in OPTIONS:
            fault = no_option(option.text)
            raise WorkflowInvalid(fault.message, line=option.line, advice=fault.advice)
        values = _take_values(option, rest)
        if option.text == "-I":
            inputs += _file_groups(option, values[0])
        elif option.text == "-O":
            outputs += _file_groups(option, values[0])
            _check_output_groups(option, outputs)
        elif option.text == "-p":
            parameters |= _inline_parameters(values[0])
        else:
            parameters[values[0].text] = _override(values[1].text)
    if not inputs:
        message = f"{head.text} has no input file group"
        raise WorkflowInvalid(message, line=head.line, advice="Name what it reads, as in: -I OCR-D-IMG")
    return Step(
        head.line, "ocrd-" + head.text.removeprefix("ocrd-"), tuple(inputs), tuple(outputs), parameters_text(parameters)
    )


def _take_values(option: Word, rest: list[Word]) -> list[Word]:
    """The words that belong to an option: two to -P, one to each other."""
    number = 2 if option.text == "-P" else 1
    values = list(takewhile(lambda word: word.text not in OPTIONS, rest[:number]))
    if len(values) < number:
        known = OPTIONS[option.text]
        advice = f"Write it as in: {known.example}"
        if values and "=" in values[0].text:
            advice = f"Write a blank for the equals sign: -P {values[0].text.replace('=', ' ', 1)}"
        raise WorkflowInvalid(f"{option.text} has no {known.value}", line=option.line, advice=advice)
    del rest[:number]
    return values


def _file_groups(option: Word, value: Word) -> list[str]:
    groups = value.text.split(",")
    for group in groups:
        if fault := no_file_group(group, value.text):
            raise WorkflowInvalid(f"{option.text}: {fault.message}", line=value.line, advice=fault.advice)
    return groups


def _check_output_groups(option: Word, outputs: list[str]) -> None:
    for number, group in enumerate(outputs):
        if group in outputs[:number]:
            message = f"the output file group {group} is named twice"
            advice = "Give each output of a step a file group of its own."
            raise WorkflowInvalid(message, line=option.line, advice=advice)
        if fault := unusable_output_group(group):
            raise WorkflowInvalid(fault.message, line=option.line, advice=fault.advice)


def _inline_parameters(value: Word) -> dict[str, Any]:
    if not value.text.strip():
        return {}
    if is_file_name(value.text):
        raise WorkflowInvalid(
            f"-p {value.text!r} is no JSON object, and no files are read here",
            line=value.line,
            advice="""Write the parameters themselves, as in -p '{"model": "frk"}' or -P model frk. """
            "If it is the name of a file: `offizin run` reads it on your machine and sends what is in it.",
        )
    return read_object(value.text, value, "-p")


def _override(text: str) -> Any:
    """The value of ``-P key value`` as ocrd_utils.set_json_key_value_overrides, but NaN and Infinity are strings."""
    try:
        return strict_json(text)
    except ValueError:
        return text
