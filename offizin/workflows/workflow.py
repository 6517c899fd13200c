"""A workflow and its steps, as values."""

from __future__ import annotations

import json
import shlex
from dataclasses import dataclass, field
from typing import Any

from offizin.workflows.json_text import reads_as_json
from offizin.workflows.options import OPTIONS


@dataclass(frozen=True, slots=True)
class Step:
    """One line of a workflow. Two steps are equal when they say the same, wherever they stand.

    ``processor`` is the program's name with ``ocrd-``. ``parameters_json`` is a JSON object as given, in that order
    and without defaults, in ASCII.
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
        for key, value in self.parameters.items():
            if key.isprintable() and key not in OPTIONS:
                words += ["-P", key, _value_word(value)]
            else:
                words += ["-p", json.dumps({key: value})]
        return shlex.join(words)


@dataclass(frozen=True, slots=True)
class Workflow:
    """``text`` is what was given, comments and all."""

    steps: tuple[Step, ...]
    text: str


def _value_word(value: Any) -> str:
    """What ``-P`` reads back as this value, in the reference, too."""
    if isinstance(value, str) and value.isprintable() and value not in OPTIONS and not reads_as_json(value):
        return value
    return json.dumps(value, ensure_ascii=not isinstance(value, str) or not value.isprintable())
