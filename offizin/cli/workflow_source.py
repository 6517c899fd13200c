"""A workflow as a user gives it: a file, standard input, or steps on the command line."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from offizin.errors import InvalidRequest, NotFound
from offizin.workflows import parameters_of_options, parse_workflow, resolve_parameter_files, workflow_from_steps


def read_workflow(file: Path | None, steps: Sequence[str]) -> str:
    """The workflow's text, with the content of parameter files (``-p FILE``) in it. Blocking.

    Parameter files are looked for in the current directory, then beside the workflow file. Raises WorkflowInvalid with
    the line; InvalidRequest unless there is exactly one of ``file`` and ``steps``; NotFound for a file that is missing.
    """
    if file is not None and steps:
        raise InvalidRequest("a workflow file and steps are given", advice="Give -w FILE, or steps, not both.")
    if file is None and not steps:
        raise InvalidRequest(
            "no workflow is given",
            advice='Give -w FILE, or steps such as "tesserocr-segment -I OCR-D-IMG -O OCR-D-SEG".',
        )
    if file is None:
        return workflow_from_steps(
            [resolve_parameter_files(step, _reader(Path()), number) for number, step in enumerate(steps, 1)]
        ).text
    text = resolve_parameter_files(_read(file), _reader(file.parent))
    parse_workflow(text)
    return text


def read_parameters(options: Sequence[str]) -> dict[str, Any]:
    """Of ``-p`` and ``-P`` and what follows them, word by word; files are read. Blocking. Raises WorkflowInvalid."""
    return parameters_of_options(options, _reader(Path()))


def _read(file: Path) -> str:
    try:
        if str(file) == "-":
            return sys.stdin.read()
        return file.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise InvalidRequest(f"the workflow file {file} is no text in UTF-8: {error}") from error
    except OSError as error:
        raise NotFound(
            f"the workflow file {file} cannot be read: {error.strerror}",
            advice="-w wants a text file with one step in each line.",
        ) from error


def _reader(directory: Path) -> Callable[[str], str]:
    """Reads a parameter file: as it is named, or else in ``directory``."""

    def read(name: str) -> str:
        beside = directory / name
        return (beside if not Path(name).exists() and beside.exists() else Path(name)).read_text(encoding="utf-8")

    return read
