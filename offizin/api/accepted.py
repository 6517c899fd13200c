"""Which of several representations a client wants (the header Accept: RFC 9110, section 12.5.1)."""

from __future__ import annotations

from collections.abc import Sequence


def accepted(header: str, offers: Sequence[str]) -> str:
    """The offer that is wanted most; the first of those that are wanted alike, or where none is."""
    wanted = [_range(part) for part in header.split(",") if part.strip()]

    def quality(offer: str) -> float:
        """Of the range that fits most closely."""
        kind = offer.partition("/")[0]
        by_range = dict(wanted)
        return next((by_range[each] for each in (offer, f"{kind}/*", "*/*") if each in by_range), 0.0)

    return max(offers, key=quality)


def _range(part: str) -> tuple[str, float]:
    media_type, *parameters = (piece.strip().lower() for piece in part.split(";"))
    for parameter in parameters:
        key, _, value = parameter.partition("=")
        if key.strip() == "q":
            try:
                return media_type, min(1.0, max(0.0, float(value)))
            except ValueError:
                return media_type, 0.0
    return media_type, 1.0
