"""Task lines: a processor, its file groups and its parameters."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Sequence
from itertools import takewhile
from typing import Any

from offizin.errors import WorkflowInvalid
from offizin.workflows.json_text import parameters_text, strict_json
from offizin.workflows.options import OPTIONS, no_file_group, no_option, no_processor, unusable_output_group
from offizin.workflows.parameter_files import is_file_name, read_object, resolve_parameter_files
from offizin.workflows.words import Word, split_words
from offizin.workflows.workflow import Step


def parse_task(words: Sequence[Word]) -> Step:
    """Raises WorkflowInvalid."""
    head, rest = words[0], list(words[1:])
    processor = processor_name(head)
    inputs: list[str] = []
    outputs: list[str] = []
    parameters: dict[str, Any] = {}
    while rest:
        option, values = take_option(rest)
        if option.text == "-I":
            inputs += _file_groups(option, values[0])
        elif option.text == "-O":
            outputs += _file_groups(option, values[0])
            _check_output_groups(option, outputs)
        else:
            add_parameters(parameters, option, values)
    if not inputs:
        message = f"{head.text} has no input file group"
        raise WorkflowInvalid(message, line=head.line, advice="Name what it reads, as in: -I OCR-D-IMG")
    return Step(head.line, processor, tuple(inputs), tuple(outputs), parameters_text(parameters))


def processor_name(word: Word) -> str:
    """With ``ocrd-``. Raises WorkflowInvalid for what is none."""
    if fault := no_processor(word.text):
        raise WorkflowInvalid(fault.message, line=word.line, advice=fault.advice)
    return "ocrd-" + word.text.removeprefix("ocrd-")


def take_option(rest: list[Word]) -> tuple[Word, list[Word]]:
    """Take an option and the words that belong to it off: two to -P, one to each other."""
    option = rest.pop(0)
    if option.text not in OPTIONS:
        fault = no_option(option.text)
        raise WorkflowInvalid(fault.message, line=option.line, advice=fault.advice)
    number = 2 if option.text == "-P" else 1
    values = list(takewhile(lambda word: word.text not in OPTIONS, rest[:number]))
    if len(values) < number:
        known = OPTIONS[option.text]
        advice = f"Write it as in: {known.example}"
        if values and "=" in values[0].text:
            advice = f"Write a blank for the equals sign: -P {values[0].text.replace('=', ' ', 1)}"
        raise WorkflowInvalid(f"{option.text} has no {known.value}", line=option.line, advice=advice)
    del rest[:number]
    return option, values


def add_parameters(parameters: dict[str, Any], option: Word, values: Sequence[Word]) -> None:
    """What ``-p`` or ``-P`` says; the later wins."""
    if option.text == "-p":
        parameters |= _inline_parameters(values[0])
    else:
        parameters[values[0].text] = override(values[1].text)


def parameters_of_options(options: Sequence[str], read: Callable[[str], str]) -> dict[str, Any]:
    """What ``-p`` and ``-P``, given one word after the other, say; ``read`` as in ``resolve_parameter_files``."""
    parameters: dict[str, Any] = {}
    for words in split_words(resolve_parameter_files(shlex.join(options), read)):
        rest = list(words)
        while rest:
            add_parameters(parameters, *take_option(rest))
    return parameters


def override(text: str) -> Any:
    """The value of ``-P key value`` as ocrd_utils.set_json_key_value_overrides, but NaN and Infinity are strings."""
    try:
        return strict_json(text)
    except ValueError:
        return text


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
