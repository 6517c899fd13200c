"""What the doctor has looked at, and how it is."""

from __future__ import annotations

from enum import StrEnum

import msgspec


class Level(StrEnum):
    WELL = "well"
    NOTE = "note"
    PROBLEM = "problem"


class Finding(msgspec.Struct, frozen=True):
    """``what`` was looked at, ``seen`` is how it is; ``mend`` is a command or a sentence that makes it well."""

    level: Level
    what: str
    seen: str
    mend: str = ""


def well(what: str, seen: str) -> Finding:
    return Finding(Level.WELL, what, seen)


def note(what: str, seen: str, mend: str) -> Finding:
    return Finding(Level.NOTE, what, seen, mend)


def problem(what: str, seen: str, mend: str) -> Finding:
    return Finding(Level.PROBLEM, what, seen, mend)
