"""Regular expressions of strangers: Python's own, in a process that has little time and memory.

An expression like ``(a+)+b`` takes exponential time, which nobody can tell by looking at it, and ``re`` cannot be
interrupted within a process. Most are simple, though: without repeated groups and with few repetitions the
time is known, and they are matched where they are.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Sequence

LONGEST = 1000  # characters of an expression
SECONDS = 2.0

# letters, escapes, sets of characters, and groups that are not repeated
_SIMPLE = re.compile(r"(?:\(\?i\))?(?:[^\\()\[\]{}]|\\[.\-/_wdsWDS\\]|\[\^?[\w.\-/ +]+\]|\((?!\?)|\)(?![*+?{]))*")
_REPETITIONS = re.compile(r"[*+?]")
_MOST_CHOICES = 4
_MOST_GROUPS = 10
_MOST_STEPS = 2_000_000  # of the matcher: some tens of milliseconds

_PROGRAM = """
import json, re, resource, sys
resource.setrlimit(resource.RLIMIT_AS, (1 << 30, 1 << 30))
resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
asked = json.load(sys.stdin)
try:
    pattern = re.compile(asked["pattern"])
    answer = {"found": [number for number, text in enumerate(asked["texts"]) if pattern.fullmatch(text)]}
except (re.error, OverflowError, RecursionError) as error:
    answer = {"fault": str(error) or type(error).__name__}
except MemoryError:
    answer = {"fault": "it needs too much memory"}
json.dump(answer, sys.stdout)
"""


class PatternInvalid(ValueError):
    """The message says what is wrong with the expression."""


def full_matches(pattern: str, texts: Sequence[str], seconds: float = SECONDS) -> list[str]:
    """Those of ``texts`` that match as a whole, in their order. Takes some 30 ms where the pattern is not simple, and
    at most ``seconds``. Blocking.

    Raises PatternInvalid for what is no regular expression of Python, is longer than ``LONGEST``, or needs too long.
    """
    if len(pattern) > LONGEST:
        raise PatternInvalid(f"it is longer than {LONGEST} characters")
    if _is_simple(pattern, texts):
        try:
            matches = re.compile(pattern).fullmatch
        except re.error as error:
            raise PatternInvalid(str(error)) from None
        return [text for text in texts if matches(text)]
    asked = json.dumps({"pattern": pattern, "texts": list(texts)})
    try:
        ended = subprocess.run(
            [sys.executable, "-I", "-S", "-c", _PROGRAM],
            input=asked, capture_output=True, text=True, timeout=seconds, check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        raise PatternInvalid(f"it takes longer than {seconds:g} seconds; repetitions within repetitions do") from None
    try:
        answer = json.loads(ended.stdout)
    except ValueError:
        raise PatternInvalid("it needs too much memory") from None
    if "fault" in answer:
        raise PatternInvalid(answer["fault"])
    return [texts[number] for number in answer["found"]]


def looks_simple(pattern: str) -> bool:
    """Whether it is matched where it is, if the texts are as short as names are."""
    return len(_REPETITIONS.findall(pattern)) <= 2 and _is_of_simple_parts(pattern)


def _is_of_simple_parts(pattern: str) -> bool:
    if pattern.count("|") > _MOST_CHOICES or pattern.count("(") > _MOST_GROUPS:
        return False
    return _SIMPLE.fullmatch(pattern) is not None


def _is_simple(pattern: str, texts: Sequence[str]) -> bool:
    """A repetition of one character can begin and end anywhere: each multiplies the steps by the length of the text.
    Each choice at most doubles them."""
    repetitions, choices = len(_REPETITIONS.findall(pattern)), pattern.count("|")
    if repetitions > 4 or not _is_of_simple_parts(pattern):
        return False
    steps = sum((len(text) + 1) ** max(1, repetitions) for text in texts)
    return bool(steps * 2**choices <= _MOST_STEPS)
