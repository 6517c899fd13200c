"""Exceptions as causes (offizin/messages.py Cause) with a message of one line."""

from __future__ import annotations

import errno
import re

_MESSAGE_CHARACTERS = 1000

# ocrd-tesserocr: "configured model frk is not installed"
_NO_MODEL = re.compile(r"\bmodels?\b.*\bnot (installed|found|available)\b", re.IGNORECASE | re.DOTALL)

# by the class's name, so that neither PIL nor a certain ocrd must be there
_BY_NAME = {
    "ResourceNotFoundError": "MODEL_MISSING",
    "MissingInputFile": "NO_INPUT",
    "NonUniqueInputFile": "NO_INPUT",
    "UnidentifiedImageError": "BAD_IMAGE",
    "DecompressionBombError": "BAD_IMAGE",
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
    for class_ in type(error).__mro__:
        if class_.__name__ in _BY_NAME:
            return _BY_NAME[class_.__name__]
    if isinstance(error, MemoryError):
        return "OUT_OF_MEMORY"
    if isinstance(error, TimeoutError) or type(error).__name__ == "TimeoutError":
        return "TIMEOUT"
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        return "DISK_FULL"
    return "EXCEPTION"
