"""Exceptions as causes (offizin/messages.py Cause) with a message of one line."""

from __future__ import annotations

import errno
import re
from typing import Iterator

_MESSAGE_CHARACTERS = 1000
_LONGEST_CHAIN = 20

# ocrd-tesserocr: "configured model frk is not installed"
_NO_MODEL = re.compile(r"\bmodels?\b.*\bnot (installed|found|available)\b", re.IGNORECASE | re.DOTALL)

# What others make of an error of the system or of a library: only its words are left.
_BY_WORDS = (
    ("DISK_FULL", re.compile(r"no space left on device|disk quota exceeded", re.IGNORECASE)),
    ("OUT_OF_MEMORY", re.compile(r"\bout of memory\b|cannot allocate memory|std::bad_alloc", re.IGNORECASE)),
    (
        "BAD_IMAGE",
        re.compile(
            r"cannot identify image file|image file is truncated|truncated file read|broken PNG file"
            r"|data stream when reading image file",
            re.IGNORECASE,
        ),
    ),
    ("MODEL_MISSING", re.compile(r"\bmodels?\b[^\n]{0,200}\bnot (installed|found|available)\b", re.IGNORECASE)),
)

# What says so much that it counts, too, where another exception came of it by accident.
_TELLING = frozenset(("OUT_OF_MEMORY", "DISK_FULL", "BAD_IMAGE", "MODEL_MISSING", "RUNNER_LOST"))

_BY_NUMBER = {errno.ENOSPC: "DISK_FULL", errno.EDQUOT: "DISK_FULL", errno.ENOMEM: "OUT_OF_MEMORY"}

# by the class's name, so that neither PIL nor a certain ocrd must be there
_BY_NAME = {
    "ResourceNotFoundError": "MODEL_MISSING",
    "MissingInputFile": "NO_INPUT",
    "NonUniqueInputFile": "NO_INPUT",
    "UnidentifiedImageError": "BAD_IMAGE",
    "DecompressionBombError": "BAD_IMAGE",
    "OutOfMemoryError": "OUT_OF_MEMORY",  # torch
    "ResourceExhaustedError": "OUT_OF_MEMORY",  # TensorFlow
    "DeadlinePassed": "RUNNER_LOST",
}


def cause_of(error: BaseException) -> tuple[str, str]:
    """The cause, and the class's name with the error's own text."""
    if isinstance(error, SystemExit):
        code = 0 if error.code is None else error.code
        return "EXIT", f"the processor ended itself: exit {code}"
    if isinstance(error, KeyboardInterrupt):
        return "EXIT", "the processor ended itself: KeyboardInterrupt"
    message = type(error).__name__
    text = str(error).strip()
    if text:
        message = f"{message}: {text}"
    return _cause(error), message[:_MESSAGE_CHARACTERS]


def cause_of_loading(error: BaseException) -> tuple[str, str]:
    """Why a processor could not be set up for a set of parameters."""
    cause, message = cause_of(error)
    if isinstance(error, FileNotFoundError) or _NO_MODEL.search(str(error)):
        cause = "MODEL_MISSING"
    elif str(error).startswith("Invalid parameters"):  # ocrd.Processor.parameter says so in 2.x and 3.x
        cause = "BAD_PARAMETER"
    return cause, message


def _cause(error: BaseException) -> str:
    """That of the error itself, or of what it was raised from, or, if that is telling, of what it was raised over."""
    for one, by_accident in _chain(error):
        cause = _own_cause(one)
        if cause and (not by_accident or cause in _TELLING):
            return cause
    return "EXCEPTION"


def _chain(error: BaseException) -> Iterator[tuple[BaseException, bool]]:
    """The error and those behind it, the last one first; whether each was only being handled when the next came."""
    one: BaseException | None = error
    by_accident = False
    for _ in range(_LONGEST_CHAIN):
        if one is None:
            return
        yield one, by_accident
        if one.__cause__ is not None:
            one = one.__cause__
        else:
            by_accident = True
            one = None if one.__suppress_context__ else one.__context__


def _own_cause(error: BaseException) -> str:
    """Empty when it says nothing."""
    for class_ in type(error).__mro__:
        if class_.__name__ in _BY_NAME:
            return _BY_NAME[class_.__name__]
    if isinstance(error, MemoryError):
        return "OUT_OF_MEMORY"
    if isinstance(error, OSError) and error.errno in _BY_NUMBER:
        return _BY_NUMBER[error.errno]
    text = str(error)[:_MESSAGE_CHARACTERS]
    for cause, words in _BY_WORDS:
        if words.search(text):
            return cause
    if isinstance(error, TimeoutError) or type(error).__name__ == "TimeoutError":
        return "TIMEOUT"
    return ""
