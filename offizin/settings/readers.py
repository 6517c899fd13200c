"""Readers take a value from a configuration and return it checked, or say what would be right there."""

from __future__ import annotations

import difflib
import math
import os
import re
from collections.abc import Callable, Collection
from enum import StrEnum
from pathlib import Path
from typing import TypeVar

from offizin.settings.configuration_file import Value, parse_yaml

T = TypeVar("T")
E = TypeVar("E", bound=StrEnum)
Reader = Callable[[Value], T]

PROCESSOR_NAME = re.compile(r"^ocrd-.*$")


def text(value: Value) -> str:
    """Any text but the empty one."""
    content = plain_text(value)
    if not content:
        raise value.invalid("it is empty", "Write a value, or leave the line out.")
    return content


def plain_text(value: Value) -> str:
    """Any text."""
    if isinstance(value.content, str):
        return value.content
    hint = "" if isinstance(value.content, list | dict | None) else f' Put it in quotes: "{value.content}".'
    raise value.invalid(f"{shown(value)} is not a text", f"A text must stand here.{hint}")


def whole_number(minimum: int, maximum: int | None = None) -> Reader[int]:
    allowed = f"A whole number {_range(minimum, maximum)} must stand here."

    def read(value: Value) -> int:
        number = _number(value, allowed)
        if number != int(number) or number < minimum or (maximum is not None and number > maximum):
            raise value.invalid(f"{shown(value)} is not allowed", allowed)
        return int(number)

    return read


def seconds(minimum: float = 0.0) -> Reader[float]:
    allowed = f"A number of seconds {_range(minimum, None)} must stand here."

    def read(value: Value) -> float:
        number = _number(value, allowed)
        if number < minimum:
            raise value.invalid(f"{shown(value)} is not allowed", allowed)
        return float(number)

    return read


def flag(value: Value) -> bool:
    if isinstance(value.content, bool):
        return value.content
    if not value.typed and str(value.content).lower() in ("true", "false"):
        return str(value.content).lower() == "true"
    raise value.invalid(f"{shown(value)} is not allowed", "true or false must stand here.")


def one_of(choices: type[E], *, exactly: bool = False) -> Reader[E]:
    """A member of the enumeration; unless ``exactly``, in upper or lower case."""

    def read(value: Value) -> E:
        for choice in choices:
            if value.content == choice.value:
                return choice
            if not exactly and isinstance(value.content, str) and value.content.lower() == choice.value.lower():
                return choice
        allowed = ", ".join(choice.value for choice in choices)
        quotes = " (in quotes, else YAML takes it for true or false)" if isinstance(value.content, bool) else ""
        raise value.invalid(f"{shown(value)} is not allowed", f"One of {allowed} must stand here{quotes}.")

    return read


def path(value: Value) -> Path:
    """Absolute; ``~`` is the user's home, a relative one starts at the configuration file or the current directory."""
    content = os.fspath(value.content) if isinstance(value.content, Path) else text(value)
    try:
        return value.base / Path(content).expanduser()
    except RuntimeError as error:
        raise value.invalid(f"{shown(value)}: {error}", "Write the path out.") from error


def paths(value: Value) -> tuple[Path, ...]:
    """A list of paths, or a text in which they are separated as in PATH; a single one in a file counts as a list."""
    if isinstance(value.content, str) and not value.typed:
        parts = [part for part in value.content.split(os.pathsep) if part]
        return tuple(path(Value(part, value.place, value.base)) for part in parts)
    if isinstance(value.content, str):
        return (path(value),)
    return tuple(path(item) for item in items(value))


def texts(value: Value) -> tuple[str, ...]:
    """A list of texts, or one text in which they are separated by commas; a single one in a file counts as a list."""
    if isinstance(value.content, str):
        return tuple(part.strip() for part in value.content.split(",") if part.strip())
    return tuple(text(item) for item in items(value))


def items(value: Value) -> list[Value]:
    if isinstance(value.content, list | tuple):
        return [item if isinstance(item, Value) else Value(item, value.place, value.base) for item in value.content]
    raise value.invalid(f"{shown(value)} is not a list", "Write one item a line, each behind a hyphen: `- item`.")


def mapping(value: Value, known: Collection[str] | None = None, required: Collection[str] = ()) -> dict[str, Value]:
    """Keys and values; all keys must be ``known`` (if that is given), and all that are ``required`` there."""
    if isinstance(value.content, str) and not value.typed:
        value = parse_yaml(value.content, value.place, value.base)
    if not isinstance(value.content, dict):
        raise value.invalid(f"{shown(value)} is no mapping", "Write `key: value`, one a line and indented.")
    content = {
        key: item if isinstance(item, Value) else Value(item, value.place, value.base)
        for key, item in value.content.items()
    }
    for key, item in content.items():
        if known is not None and key not in known:
            raise item.invalid("there is no such key", did_you_mean(key, known))
    for key in required:
        if key not in content:
            raise value.invalid(f"{key} is missing", f"Add a line `{key}: …` there.")
    return content


def by_processor(reader: Reader[T], *, also: Collection[str] = ()) -> Reader[dict[str, T]]:
    """A mapping from names of processors (or one of ``also``) to what ``reader`` reads."""

    def read(value: Value) -> dict[str, T]:
        content = mapping(value)
        for key, item in content.items():
            if key not in also and not PROCESSOR_NAME.search(key):
                others = f", or {' or '.join(also)}," if also else ""
                raise item.invalid(f"{key} is no processor", f"The name of a program ocrd-…{others} must stand here.")
        return {key: reader(item) for key, item in content.items()}

    return read


def did_you_mean(key: str, known: Collection[str]) -> str:
    close = difflib.get_close_matches(key, known, n=1, cutoff=0.6)
    return f"Did you mean {close[0]}?" if close else f"Known are: {', '.join(sorted(known))}."


def shown(value: Value) -> str:
    content = value.content
    if content is None:
        return "nothing"
    if isinstance(content, dict):
        return "a mapping"
    if isinstance(content, list):
        return "a list"
    return str(content).lower() if isinstance(content, bool) else repr(content)


def _number(value: Value, allowed: str) -> float:
    content = value.content
    if not value.typed and isinstance(content, str):
        try:
            content = float(content) if "." in content else int(content)
        except ValueError:
            raise value.invalid(f"{shown(value)} is no number", allowed) from None
    if isinstance(content, bool) or not isinstance(content, int | float) or not math.isfinite(content):
        raise value.invalid(f"{shown(value)} is no number", allowed)
    return content


def _range(minimum: float, maximum: float | None) -> str:
    return f"of at least {minimum:g}" if maximum is None else f"from {minimum:g} to {maximum:g}"
