"""A workflow, its steps, and what else its lines say, as values."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from offizin.workflows.json_text import reads_as_json
from offizin.workflows.options import OPTIONS
from offizin.workflows.policies import Policies


class Keyword(StrEnum):
    """What a line that is no task begins with. A processor of that name is written with ``ocrd-``."""

    POLICY = "policy"
    FALLBACK = "fallback"
    FINISH = "finish"


@dataclass(frozen=True, slots=True)
class Fallback:
    """Another way to do a step, for pages that fail it: same file groups, own processor and parameters."""

    line: int = field(compare=False)
    processor: str
    parameters_json: str = "{}"

    @property
    def parameters(self) -> dict[str, Any]:
        """A fresh copy of the parameters as given."""
        parameters: dict[str, Any] = json.loads(self.parameters_json)
        return parameters

    def to_line(self) -> str:
        return shlex.join([Keyword.FALLBACK, _own_name(self.processor), *_parameter_words(self.parameters)])


@dataclass(frozen=True, slots=True)
class Step:
    """One task of a workflow, with what is said of it. Two steps are equal when they say the same, wherever they stand.

    ``processor`` is the program's name with ``ocrd-``. ``parameters_json`` is a JSON object as given, in that order
    and without defaults, in ASCII. ``policies``: those that its own lines set; ``fallbacks`` are tried in this order.
    """

    line: int = field(compare=False)
    processor: str
    input_file_grps: tuple[str, ...]
    output_file_grps: tuple[str, ...]
    parameters_json: str = "{}"
    policies: Policies = field(default_factory=Policies)
    fallbacks: tuple[Fallback, ...] = ()

    @property
    def parameters(self) -> dict[str, Any]:
        """A fresh copy of the parameters as given."""
        parameters: dict[str, Any] = json.loads(self.parameters_json)
        return parameters

    def to_line(self) -> str:
        """The plain form, on one line, that the reference reads as well: the task alone."""
        return self._line(self.processor.removeprefix("ocrd-"))

    def own_lines(self) -> Iterator[str]:
        """All that is said of the step, in our syntax."""
        yield self._line(_own_name(self.processor))
        yield from _policy_lines(self.policies)
        yield from (fallback.to_line() for fallback in self.fallbacks)

    def _line(self, name: str) -> str:
        words = [name, "-I", ",".join(self.input_file_grps)]
        if self.output_file_grps:
            words += ["-O", ",".join(self.output_file_grps)]
        return shlex.join([*words, *_parameter_words(self.parameters)])


class FinishAction(StrEnum):
    KEEP = "keep"
    DROP = "drop"
    RENAME = "rename"


@dataclass(frozen=True, slots=True)
class Finish:
    """What becomes of file groups when a run has ended. ``groups``: one or more; of RENAME the old and the new name."""

    line: int = field(compare=False)
    action: FinishAction
    groups: tuple[str, ...]

    def to_line(self) -> str:
        return shlex.join([Keyword.FINISH, self.action, *self.groups])


@dataclass(frozen=True, slots=True)
class Workflow:
    """``text`` is what was given, comments and all. ``policies``: those for all steps, from the lines at its head."""

    steps: tuple[Step, ...]
    text: str
    policies: Policies = field(default_factory=Policies)
    finish: tuple[Finish, ...] = ()

    def to_text(self) -> str:
        """All that it says, without comments."""
        lines = [*_policy_lines(self.policies)]
        for step in self.steps:
            lines += step.own_lines()
        lines += [line.to_line() for line in self.finish]
        return "".join(line + "\n" for line in lines)

    def to_tasks(self) -> str:
        """The tasks alone, one a line: what the reference reads."""
        return "".join(step.to_line() + "\n" for step in self.steps)


def _own_name(processor: str) -> str:
    name = processor.removeprefix("ocrd-")
    return processor if name in {*Keyword, "ocrd", "process"} or name.startswith("ocrd-") else name


def _policy_lines(policies: Policies) -> Iterator[str]:
    if policies:
        pairs = policies.to_json().items()
        yield shlex.join([Keyword.POLICY, *(f"{name}={_policy_word(value)}" for name, value in pairs)])


def _policy_word(value: Any) -> str:
    return str(int(value) if isinstance(value, float) and value.is_integer() else value)


def _parameter_words(parameters: dict[str, Any]) -> list[str]:
    words: list[str] = []
    for key, value in parameters.items():
        if key.isprintable() and key not in OPTIONS:
            words += ["-P", key, _value_word(value)]
        else:
            words += ["-p", json.dumps({key: value})]
    return words


def _value_word(value: Any) -> str:
    """What ``-P`` reads back as this value, in the reference, too."""
    if isinstance(value, str) and value.isprintable() and value not in OPTIONS and not reads_as_json(value):
        return value
    return json.dumps(value, ensure_ascii=not isinstance(value, str) or not value.isprintable())
