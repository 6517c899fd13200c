"""Text of others in one line of a log or a message."""

from __future__ import annotations

import re

# C0, DEL, C1, the separators that some readers take for an end of line, and what turns the direction of writing
_CONTROLS = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


def one_line(text: str, longest: int = 2000) -> str:
    """``text`` with control characters written as in Python (``\\n``, ``\\x1b``), cut to ``longest`` characters."""
    shown = text if len(text) <= longest else text[:longest] + "…"
    return _CONTROLS.sub(lambda match: match[0].encode("unicode_escape", "surrogatepass").decode(), shown)
