"""Regular expressions of strangers: Python's own, in a process that has little time and memory.

An expression like ``(a+)+b`` takes exponential time, which nobody can tell by looking at it, and ``re`` cannot be
interrupted within a process.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence

LONGEST = 1000  # characters of an expression
SECONDS = 2.0

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
    """Those of ``texts`` that match as a whole, in their order. Takes some 30 ms, and at most ``seconds``. Blocking.

    Raises PatternInvalid for what is no regular expression of Python, is longer than ``LONGEST``, or needs too long.
    """
    if len(pattern) > LONGEST:
        raise PatternInvalid(f"it is longer than {LONGEST} characters")
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
