"""Numbers, times and names as people read them. Pure."""

from __future__ import annotations

from datetime import datetime


def duration(seconds: float | None) -> str:
    """``0.4 s``, ``12 s``, ``3:07 min``, ``2:03 h``; empty for None."""
    if seconds is None:
        return ""
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60}:{whole % 60:02} min"
    return f"{whole // 3600}:{whole % 3600 // 60:02} h"


def rate(per_second: float | None, thing: str = "") -> str:
    """``12.3/s``, or ``4.0/min`` for slow ones; empty for None."""
    if per_second is None:
        return ""
    number, unit = (per_second, "s") if per_second >= 1 else (per_second * 60, "min")
    return f"{number:.0f}{thing}/{unit}" if number >= 100 else f"{number:.1f}{thing}/{unit}"


def count(number: int, singular: str, plural: str = "") -> str:
    """``1 page``, ``2,000 pages``."""
    return f"{number:,} {singular if number == 1 else plural or singular + 's'}"


def moment(at: float | None) -> str:
    """Local time to the second, as in ``2024-11-24 08:37:12``."""
    return "" if at is None else datetime.fromtimestamp(at).astimezone().strftime("%Y-%m-%d %H:%M:%S")


def memory(size: int) -> str:
    """``734 MB``, ``1.2 GB``."""
    return f"{size / 1e6:.0f} MB" if size < 1e9 else f"{size / 1e9:.1f} GB"


def some(names: list[str], limit: int = 5) -> str:
    """``a, b, c and 4 more``."""
    return ", ".join(names[:limit]) + (f" and {len(names) - limit} more" if len(names) > limit else "")


def safe(text: str) -> str:
    """Without control characters: logs of processors must not steer the reader's terminal."""
    return "".join(c if c.isprintable() or c in "\n\t" else "\ufffd" for c in text)
