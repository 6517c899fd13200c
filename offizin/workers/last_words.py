"""Why a program has failed, to judge by the last line that it wrote. Pure; the words are those of runner/causes.py."""

from __future__ import annotations

import re

from offizin.messages import Cause

_MODEL = r"\bmodels?\b[^\n]{0,200}\bnot (installed|found|available)\b"
_IMAGE = (
    r"cannot identify image file|image file is truncated|truncated file read|broken PNG file|data stream when reading"
)
_WORDS = [
    (Cause.DISK_FULL, re.compile(r"no space left on device|disk quota exceeded", re.IGNORECASE)),
    (Cause.OUT_OF_MEMORY, re.compile(r"\bout of memory\b|cannot allocate memory|std::bad_alloc", re.IGNORECASE)),
    (Cause.BAD_IMAGE, re.compile(_IMAGE, re.IGNORECASE)),
    (Cause.MODEL_MISSING, re.compile(_MODEL, re.IGNORECASE)),
]
# As Python writes an exception that nobody has caught, with or without its module.
_EXCEPTION = re.compile(r"(?:\w+\.)*(\w+)(?::|$)")
_BY_NAME = {
    "ResourceNotFoundError": Cause.MODEL_MISSING,
    "MissingInputFile": Cause.NO_INPUT,
    "NonUniqueInputFile": Cause.NO_INPUT,
    "UnidentifiedImageError": Cause.BAD_IMAGE,
    "DecompressionBombError": Cause.BAD_IMAGE,
    "MemoryError": Cause.OUT_OF_MEMORY,
    "OutOfMemoryError": Cause.OUT_OF_MEMORY,
    "ResourceExhaustedError": Cause.OUT_OF_MEMORY,
}


def last_line(log: str) -> str:
    """The last one that is not a part of what is above it."""
    lines = [line for line in log.splitlines() if line.strip()]
    return next((line for line in reversed(lines) if not line[0].isspace()), "").strip()


def cause_in(line: str) -> Cause | None:
    """None when it says nothing."""
    if (exception := _EXCEPTION.match(line)) and (cause := _BY_NAME.get(exception[1])):
        return cause
    return next((cause for cause, words in _WORDS if words.search(line)), None)
