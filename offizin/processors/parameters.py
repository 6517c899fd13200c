"""Does a call fit the processor? Parameters are checked and completed, file groups counted."""

from __future__ import annotations

import copy
import difflib
import json
import math
from collections.abc import Mapping, Sequence
from typing import Any

from jsonschema import ValidationError

from offizin.errors import InvalidRequest, ParameterInvalid
from offizin.processors.tool_description import Cardinality, ToolDescription
from offizin.workflows import unusable_output_group

_SHOWN = 5
_MOST = 1000
_DEEPEST = 100


def complete(description: ToolDescription, parameters: Mapping[str, Any]) -> dict[str, Any]:
    """A copy of the parameters with defaults filled in.

    Raises ParameterInvalid that names the processor, each wrong parameter, its value and what is allowed. Verdict and
    result are those of the reference's ParameterValidator (ocrd_validators/parameter_validator.py), but for NaN and
    infinite numbers, which are no JSON.
    """
    check_size(parameters)
    completed = copy.deepcopy(dict(parameters))
    faults: list[ValidationError] = []
    try:
        # twice, as the reference: the first look may have filled in what the second needs
        if not description.validator.is_valid(completed):
            faults = list(description.validator.iter_errors(completed))
    except Exception as error:  # whatever a schema that is none does to the validator
        raise ParameterInvalid(
            f"the ocrd-tool.json of {description.name} has no sound schema of its parameters: {error}",
            advice=f"Look at what `{description.executable} --dump-json` prints, and tell the processor's authors.",
        ) from error
    if not faults:
        _refuse_what_is_no_json(description, completed)
        return completed
    said = [_explain(description, fault) for fault in faults]
    more = f"; and {len(said) - _SHOWN} more" if len(said) > _SHOWN else ""
    raise ParameterInvalid(
        f"{description.name}: " + "; ".join(message for message, _ in said[:_SHOWN]) + more,
        advice=" ".join(dict.fromkeys(advice for _, advice in said[:_SHOWN])),
    )


def _is_deep(parameters: Mapping[str, Any]) -> bool:
    """Looked at level by level: what is too deep is too deep for recursion, too."""
    level: list[Any] = [parameters]
    for _ in range(_DEEPEST):
        level = [
            inner
            for value in level
            if isinstance(value, Mapping | list)
            for inner in (value.values() if isinstance(value, Mapping) else value)
        ]
        if not level:
            return False
    return True


def check_size(parameters: Mapping[str, Any]) -> None:
    """Raises ParameterInvalid for so many, or values so deep in each other, that looking at them would take long."""
    if len(parameters) > _MOST or _is_deep(parameters):
        raise ParameterInvalid(
            f"there are more than {_MOST} parameters, or more than {_DEEPEST} values in each other",
            advice="No processor has so many; GET /processor/info/NAME shows which it has.",
        )


def _refuse_what_is_no_json(description: ToolDescription, completed: dict[str, Any]) -> None:
    for name, value in completed.items():
        if not _is_finite(value):
            raise ParameterInvalid(
                f"{description.name}: the parameter {name} cannot be {_shown(value)}",
                advice="NaN and infinite numbers are no JSON: give a number.",
            )


def _is_finite(value: Any) -> bool:
    match value:
        case float():
            return math.isfinite(value)
        case list():
            return all(_is_finite(item) for item in value)
        case dict():
            return all(_is_finite(item) for item in value.values())
    return True


def check_cardinality(description: ToolDescription, inputs: Sequence[str], outputs: Sequence[str]) -> None:
    """Raises InvalidRequest when the processor takes another number of file groups, or a name cannot be used."""
    for what, option, groups, allowed in (
        ("input", "-I", inputs, description.input_cardinality),
        ("output", "-O", outputs, description.output_cardinality),
    ):
        if not allowed.allows(len(groups)):
            raise InvalidRequest(
                f"{description.name} takes {allowed} {what} file {_groups(allowed)}, "
                f"but {len(groups)} {'is' if len(groups) == 1 else 'are'} given: {_named(groups)}",
                advice=f"Name them separated by commas, as in {option} OCR-D-A,OCR-D-B."
                if len(groups) < allowed.minimum
                else "Leave some out.",
            )
        if not all(groups) or (len(set(groups)) < len(groups) and what == "output"):
            raise InvalidRequest(
                f"{description.name}: an {what} file group is empty or named twice: {_named(groups)}",
                advice="Give each a name of its own.",
            )
    for group in outputs:
        if fault := unusable_output_group(group):
            raise InvalidRequest(f"{description.name}: {fault.message}", advice=fault.advice)


def _named(groups: Sequence[str]) -> str:
    more = f" and {len(groups) - _SHOWN} more" if len(groups) > _SHOWN else ""
    return (", ".join(group[:200] for group in groups[:_SHOWN]) or "none") + more


def _groups(cardinality: Cardinality) -> str:
    return "group" if (cardinality.maximum or cardinality.minimum) == 1 else "groups"


def _explain(description: ToolDescription, fault: ValidationError) -> tuple[str, str]:
    """What is wrong, and what would be right."""
    path = [str(part) for part in fault.absolute_path]
    if fault.validator == "additionalProperties" and not path:
        return _unknown(description, fault)
    if fault.validator == "required" and not path:
        name = next(n for n in description.parameters if fault.message.startswith(f"{n!r} "))
        about = description.parameters[name]
        return f"the parameter {name} must be given", f"Give {name} ({allowed_values(about)})."
    name, schema = ".".join(path), fault.schema if isinstance(fault.schema, Mapping) else {}
    if fault.validator == "deprecated":
        return f"the parameter {name} is deprecated", f"Leave {name} out: {schema.get('description', '')}".rstrip(": ")
    if fault.validator in ("type", "enum", "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"):
        rule = allowed_values(schema)
        return f"the parameter {name} cannot be {_shown(fault.instance)}", f"Allowed for {name}: {rule}."
    return f"the parameter {name}: {_shortened(fault.message, 200)}", f"Allowed for {name}: {allowed_values(schema)}."


def _unknown(description: ToolDescription, fault: ValidationError) -> tuple[str, str]:
    known = list(description.parameters)
    given = fault.instance if isinstance(fault.instance, Mapping) else {}
    unknown = [str(name) for name in given if name not in description.parameters]
    close = [match for name in unknown for match in difflib.get_close_matches(name, known, n=2, cutoff=0.6)]
    message = f"there is no parameter {', '.join(unknown)}"
    if close:
        return message, f"Did you mean {' or '.join(dict.fromkeys(close))}?"
    return message, f"There are: {', '.join(known)}." if known else "It takes no parameters."


def allowed_values(schema: Mapping[str, Any]) -> str:
    """One phrase for what a parameter's schema allows, as in ``number, at least 0, default 5``."""
    if "enum" in schema:
        parts = ["one of " + ", ".join(_shown(value) for value in schema["enum"])]
    else:
        kind = schema.get("type", "any value")
        parts = [" or ".join(kind) if isinstance(kind, list) else str(kind)]
        if schema.get("format") in ("integer", "float"):
            parts[0] += f" ({schema['format']})"
    for key, words in (
        ("minimum", "at least"),
        ("exclusiveMinimum", "more than"),
        ("maximum", "at most"),
        ("exclusiveMaximum", "less than"),
        ("multipleOf", "a multiple of"),
        ("pattern", "in the form of"),
        ("default", "default"),
    ):
        if key in schema:
            parts.append(f"{words} {_shown(schema[key])}")
    return ", ".join(parts)


def _shown(value: Any) -> str:
    try:
        return _shortened(json.dumps(value, ensure_ascii=False), 60)
    except (TypeError, ValueError):
        return _shortened(repr(value), 60)


def _shortened(text: str, limit: int) -> str:
    return text if len(text) <= limit else text[: limit - 1] + "…"
