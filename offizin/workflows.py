"""Workflows: a text of task lines in the syntax of ``ocrd process``, parsed into steps. Pure.

    # comments and blank lines are allowed, and the prefix ocrd-
    tesserocr-segment -I OCR-D-IMG -O OCR-D-SEG
    tesserocr-recognize -I OCR-D-SEG -O OCR-D-OCR -P model frk -P textequiv_level word

The source of the syntax is ``ProcessorTask.parse`` of the reference (ocrd/task_sequence.py): ``-I`` and ``-O`` take
file groups separated by commas, ``-p`` a JSON object, ``-P`` a key and a value (JSON, or else a plain string).
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from offizin.errors import WorkflowInvalid
from offizin.json_text import canonical_json, reads_as_json, strict_json, without_comment_lines
from offizin.task_options import OPTIONS, no_file_group, no_option, no_processor, unusable_output_group
from offizin.workflow_text import Word, split_words

_EXAMPLE = "For example: tesserocr-recognize -I OCR-D-IMG -O OCR-D-OCR -P model frk"


@dataclass(frozen=True, slots=True)
class Step:
    """One line of a workflow. Two steps are equal when they do the same, wherever they stand.

    ``processor`` is the program's name with ``ocrd-``. ``parameters_json`` is a JSON object as given, without defaults,
    with sorted keys and in ASCII.
    """

    line: int = field(compare=False)
    processor: str
    input_file_grps: tuple[str, ...]
    output_file_grps: tuple[str, ...]
    parameters_json: str = "{}"

    @property
    def parameters(self) -> dict[str, Any]:
        """A fresh copy of the parameters as given."""
        parameters: dict[str, Any] = json.loads(self.parameters_json)
        return parameters

    def to_line(self) -> str:
        """The plain form, on one line, that the reference reads as well."""
        words = [self.processor.removeprefix("ocrd-"), "-I", ",".join(self.input_file_grps)]
        if self.output_file_grps:
            words += ["-O", ",".join(self.output_file_grps)]
        unprintable: dict[str, Any] = {}
        for key, value in self.parameters.items():
            if key.isprintable() and key not in OPTIONS:
                words += ["-P", key, _value_word(value)]
            else:
                unprintable[key] = value
        if unprintable:
            words += ["-p", json.dumps(unprintable)]
        return shlex.join(words)


@dataclass(frozen=True, slots=True)
class Workflow:
    """``text`` is what was given, comments and all."""

    steps: tuple[Step, ...]
    text: str


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
        for words in split_words(line):
            steps.append(_parse_step([Word(word.text, number, word.start, word.end) for word in words]))
    if not steps:
        raise WorkflowInvalid("the workflow is empty", advice=f"Give each step as one word, in quotes. {_EXAMPLE}")
    plain = [
        Step(n, s.processor, s.input_file_grps, s.output_file_grps, s.parameters_json) for n, s in enumerate(steps, 1)
    ]
    return Workflow(tuple(plain), "".join(step.to_line() + "\n" for step in plain))


def resolve_parameter_files(text: str, read: Callable[[str], str]) -> str:
    """Put the content of each ``-p FILE`` in its place, as JSON on one line; all else stays as it is.

    ``read`` gets the name as written and returns the file's text; its OSError becomes a WorkflowInvalid.
    """
    parts: list[str] = []
    done = 0
    for words in split_words(text):
        for option, value in pairwise(words):
            if option.text != "-p" or not _is_file_name(value.text):
                continue
            try:
                content = read(value.text)
            except (OSError, UnicodeDecodeError) as error:
                raise WorkflowInvalid(
                    f"the parameter file {value.text!r} cannot be read: {getattr(error, 'strerror', None) or error}",
                    line=value.line,
                    advice="Name a readable file of JSON, relative to the directory you are in.",
                ) from error
            parameters = _read_object(content, value, f"the parameter file {value.text!r}")
            parts += [text[done : value.start], shlex.quote(json.dumps(parameters, ensure_ascii=False))]
            done = value.end
    return "".join([*parts, text[done:]])


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
        values = [_take_value(option, rest) for _ in range(2 if option.text == "-P" else 1)]
        if option.text == "-I":
            inputs += _file_groups(option, values[0])
        elif option.text == "-O":
            outputs += _file_groups(option, values[0])
        elif option.text == "-p":
            parameters |= _inline_parameters(values[0])
        else:
            parameters[values[0].text] = _override(values[1].text)
    _check_groups_of_step(head, inputs, outputs)
    return Step(
        head.line, "ocrd-" + head.text.removeprefix("ocrd-"), tuple(inputs), tuple(outputs), canonical_json(parameters)
    )


def _take_value(option: Word, rest: list[Word]) -> Word:
    if rest and rest[0].text not in OPTIONS:
        return rest.pop(0)
    raise WorkflowInvalid(
        f"{option.text} has no {OPTIONS[option.text].value}",
        line=option.line,
        advice=f"Write it as in: {OPTIONS[option.text].example}",
    )


def _file_groups(option: Word, value: Word) -> list[str]:
    groups = value.text.split(",")
    for group in groups:
        if fault := no_file_group(group, value.text):
            raise WorkflowInvalid(f"{option.text}: {fault.message}", line=value.line, advice=fault.advice)
    return groups


def _check_groups_of_step(head: Word, inputs: list[str], outputs: list[str]) -> None:
    if not inputs:
        raise WorkflowInvalid(
            f"{head.text} has no input file group",
            line=head.line,
            advice="Name what it reads, as in: -I OCR-D-IMG",
        )
    for number, group in enumerate(outputs):
        if group in outputs[:number]:
            raise WorkflowInvalid(
                f"the output file group {group} is named twice",
                line=head.line,
                advice="Give each output of a step a file group of its own.",
            )
        if fault := unusable_output_group(group):
            raise WorkflowInvalid(fault.message, line=head.line, advice=fault.advice)


def _is_file_name(value: str) -> bool:
    content = without_comment_lines(value).strip()
    return bool(content) and content[0] not in "{["


def _inline_parameters(value: Word) -> dict[str, Any]:
    if not value.text.strip():
        return {}
    if _is_file_name(value.text):
        raise WorkflowInvalid(
            f"-p {value.text!r} is no JSON object, and no files are read here",
            line=value.line,
            advice="""Write the parameters themselves, as in -p '{"model": "frk"}' or -P model frk. """
            "If it is the name of a file: `offizin run` reads it on your machine and sends what is in it.",
        )
    return _read_object(value.text, value, "-p")


def _read_object(text: str, value: Word, where: str) -> dict[str, Any]:
    """JSON with ``#`` comments on lines of their own (ocrd_utils.parse_json_string_with_comments)."""
    try:
        content = strict_json(without_comment_lines(text))
    except ValueError as error:
        raise WorkflowInvalid(
            f"{where}: this is no JSON: {error}",
            line=value.line,
            advice="""JSON needs double quotes around names and texts, and single quotes around the whole: """
            """-p '{"model": "frk"}'.""",
        ) from error
    if not isinstance(content, dict):
        raise WorkflowInvalid(
            f"{where}: JSON, but no object: {text.strip()[:60]}",
            line=value.line,
            advice="""Write names and values in braces: -p '{"model": "frk"}'.""",
        )
    return content


def _override(text: str) -> Any:
    """The value of ``-P key value`` as ocrd_utils.set_json_key_value_overrides, but NaN and Infinity are strings."""
    try:
        return strict_json(text)
    except ValueError:
        return text


def _value_word(value: Any) -> str:
    """What ``-P`` reads back as this value, in the reference, too."""
    if isinstance(value, str) and value.isprintable() and value not in OPTIONS and not reads_as_json(value):
        return value
    return json.dumps(value, ensure_ascii=not isinstance(value, str) or not value.isprintable())
