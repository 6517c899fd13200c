"""What a processor says of itself: its entry of ocrd-tool.json (https://ocr-d.de/en/spec/ocrd_tool)."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from jsonschema.protocols import Validator

from offizin.processors.parameter_schema import compile_schema

_KEYS = frozenset(
    {
        "executable",
        "parameters",
        "steps",
        "categories",
        "input_file_grp",
        "output_file_grp",
        "input_file_grp_cardinality",
        "output_file_grp_cardinality",
    }
)
# Says in an entry of ocrd-tool.json that nobody here knows what really stands there.
UNKNOWN = "offizin_unknown"
_VERSION = re.compile(r"^Version ([^\s,]+)", re.MULTILINE)
_RESOURCE_LOCATIONS = ["data", "cwd", "system", "module"]


@dataclass(frozen=True, slots=True)
class Cardinality:
    """How many file groups a processor takes; ``maximum`` is None where there is no limit."""

    minimum: int
    maximum: int | None

    def allows(self, number: int) -> bool:
        return self.minimum <= number and (self.maximum is None or number <= self.maximum)

    def __str__(self) -> str:
        if self.minimum == self.maximum:
            return f"exactly {self.minimum}"
        if self.maximum is None:
            return f"at least {self.minimum}"
        return f"at most {self.maximum}" if self.minimum == 0 else f"{self.minimum} to {self.maximum}"


@dataclass(frozen=True)
class ToolDescription:
    """``tool`` is the entry of ocrd-tool.json as printed, with the default of ``resource_locations`` as the reference
    adds it; do not change it. ``version`` is empty as long as nobody asked for it (``Discovery.version``)."""

    name: str
    executable: Path
    tool: Mapping[str, Any] = field(hash=False)
    version: str = ""

    @property
    def description(self) -> str:
        return str(self.tool.get("description", ""))

    @property
    def steps(self) -> tuple[str, ...]:
        """Steps of OCR-D's functional model, as in ``recognition/text-recognition``."""
        return tuple(self.tool.get("steps") or ())

    @property
    def categories(self) -> tuple[str, ...]:
        return tuple(self.tool.get("categories") or ())

    @property
    def parameters(self) -> Mapping[str, Mapping[str, Any]]:
        """From each parameter's name to its schema (``required`` is a flag there)."""
        return self.tool.get("parameters") or {}

    @property
    def input_cardinality(self) -> Cardinality:
        return self._cardinality("input_file_grp")

    @property
    def output_cardinality(self) -> Cardinality:
        return self._cardinality("output_file_grp")

    @cached_property
    def validator(self) -> Validator:
        """Compiled once. Any exception means that ocrd-tool.json has no sound schema."""
        return compile_schema(self.parameters, others=bool(self.tool.get(UNKNOWN)))

    def _cardinality(self, key: str) -> Cardinality:
        """As ``Processor.verify`` of the reference counts (ocrd/processor/base.py): what is not positive is no limit.

        Without a cardinality, a list of default groups (older tools) says that there must be one at least.
        """
        given = self.tool.get(f"{key}_cardinality")
        match given:
            case [int() | float() as minimum, int() | float() as maximum]:
                return Cardinality(max(0, int(minimum)), int(maximum) if maximum > 0 else None)
            case int() | float() if given > 0:
                return Cardinality(int(given), int(given))
        return Cardinality(1 if self.tool.get(key) and given is None else 0, None)


def find_version(stdout: str, stderr: str) -> str:
    """The version in what ``--version`` printed, empty if there is none."""
    match = _VERSION.search(stdout) or _VERSION.search(stderr)
    return match[1] if match else ""


def find_tool(printed: str, name: str) -> dict[str, Any] | None:
    """The entry of ocrd-tool.json in what a program printed, log lines before and after it or not."""
    decoder = json.JSONDecoder()
    found: dict[str, Any] | None = None
    position = printed.find("{")
    while position >= 0:
        try:
            value, position = decoder.raw_decode(printed, position)
        except (ValueError, RecursionError):
            position += 1
        else:
            entry = tool_entry(value, name)
            if entry is not None and entry.get("executable") == name:
                return entry
            found = entry or found
        position = printed.find("{", position)
    return found


def tool_entry(printed: object, name: str) -> dict[str, Any] | None:
    """The entry of this processor, if that is what was printed: the entry itself, or a whole ocrd-tool.json."""
    if not isinstance(printed, dict):
        return None
    tools = printed.get("tools")
    entry = tools.get(name) if isinstance(tools, dict) else printed
    if not isinstance(entry, dict) or not _KEYS & entry.keys():
        return None
    if not isinstance(entry.get("parameters", {}), dict | None):
        return None
    return {"resource_locations": list(_RESOURCE_LOCATIONS), **entry}
