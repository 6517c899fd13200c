"""A JSON schema validator that fills in defaults, as the reference's does.

Same verdicts and same completed objects as ``ParameterValidator`` (ocrd_validators/parameter_validator.py): a default
is put in wherever ``properties`` are looked at, nested ones included, before they are checked. Other than there, the
tool description is left as it was, and no two completed objects share a default.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from typing import Any

from jsonschema import Draft201909Validator, ValidationError
from jsonschema.protocols import Validator
from jsonschema.validators import extend


def compile_schema(parameters: Mapping[str, Any], *, others: bool = False) -> Validator:
    """The validator for the ``parameters`` of one tool in ocrd-tool.json, where ``required`` is a flag of each.
    ``others`` are allowed, too, where nobody knows what there is."""
    properties = {name: dict(schema) for name, schema in parameters.items()}
    required = [name for name, schema in properties.items() if schema.pop("required", False)]
    schema = {"type": "object", "required": required, "additionalProperties": others, "properties": properties}
    validator: Validator = _DefaultingValidator(copy.deepcopy(schema))
    return validator


def _fill_in_then_check(
    validator: Any, properties: Mapping[str, Any], instance: Any, schema: Mapping[str, Any]
) -> Iterator[ValidationError]:
    if not isinstance(instance, dict):
        if any("default" in subschema or subschema.get("deprecated") for subschema in properties.values()):
            # the reference falls over it, and so would the processor
            yield ValidationError("this is no object", validator="type", instance=instance, schema=schema)
        return
    for name, subschema in properties.items():
        if "default" in subschema and name not in instance:
            instance[name] = copy.deepcopy(subschema["default"])
        if subschema.get("deprecated", False) and instance.get(name):
            yield ValidationError(
                f"{name} is deprecated", validator="deprecated", path=(name,), instance=instance[name], schema=subschema
            )
    yield from _check_properties(validator, properties, instance, schema)


_check_properties = Draft201909Validator.VALIDATORS["properties"]
_DefaultingValidator: Any = extend(  # type: ignore[no-untyped-call]
    Draft201909Validator, {"properties": _fill_in_then_check}
)
