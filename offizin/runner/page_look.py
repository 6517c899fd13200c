"""What there is to know of a file of PAGE: what is counted in it, and what is wrong with it."""

from __future__ import annotations

from .page_check import fault_in_page
from .recognised import count


def look_at(content: bytes) -> tuple[dict[str, float] | None, str]:
    """Counts and fault, as ``count`` and ``fault_in_page`` give them. Nothing is counted in what is no whole XML: the
    patterns of ``recognised`` would go to and fro in tags and comments that do not end."""
    fault = fault_in_page(content)
    return (None if fault else count(content)), fault
