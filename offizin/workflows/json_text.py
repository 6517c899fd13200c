"""JSON as text: read strictly, written plainly. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

# no \s, which goes over ends of lines: it would look at a long blank text from each of its lines
_COMMENT_LINE = re.compile(r"^[^\S\n]*#.*$", re.MULTILINE)


def without_comment_lines(text: str) -> str:
    """As ocrd_utils.parse_json_string_with_comments: lines that begin with ``#`` are emptied."""
    return _COMMENT_LINE.sub("", text)


def strict_json(text: str) -> Any:
    """Like ``json.loads``, but ValueError also for NaN, infinite numbers, lone surrogates, too deep nesting."""
    try:
        value = json.loads(text, parse_constant=_refuse_constant, parse_float=_finite)
        if "\\u" in text:
            json.dumps(value, ensure_ascii=False).encode()
    except RecursionError:
        raise ValueError("it is nested too deep") from None
    except UnicodeEncodeError:
        raise ValueError("half of a surrogate pair stands alone in it") from None
    return value


def reads_as_json(text: str) -> bool:
    """Whether ``json.loads`` takes this text, NaN and its like included."""
    try:
        json.loads(text)
    except RecursionError:
        return True
    except ValueError:
        return False
    return True


def parameters_text(parameters: Mapping[str, Any]) -> str:
    """ASCII, in the order given: processors write parameters into their results, and ``ocrd process`` keeps it.

    Raises ValueError for NaN and infinite numbers.
    """
    return json.dumps(parameters, allow_nan=False)


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"{name} is no JSON number")


def _finite(text: str) -> float:
    number = float(text)
    if number in (float("inf"), float("-inf")):
        raise ValueError(f"{text} is too large for a number")
    return number
