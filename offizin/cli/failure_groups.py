"""Failures put together by their reasons, so that a hundred pages without a model are one entry. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from offizin.client import Failure

_NUMBER = re.compile(r"[0-9a-f]{8}-[0-9a-f-]{27}|[0-9]+")


@dataclass(frozen=True, slots=True)
class FailureGroup:
    """``example`` is the first of them; ``pages`` are those of all, in the order they came."""

    example: Failure
    pages: tuple[str, ...]
    jobs: int


def group_failures(failures: Iterable[Failure]) -> list[FailureGroup]:
    """In the order of their first: same step, cause and message, apart from numbers and the page's own name."""
    groups: dict[tuple[int, str, str], list[Failure]] = {}
    for failure in failures:
        groups.setdefault((failure.step, failure.cause, _pattern(failure)), []).append(failure)
    return [
        FailureGroup(alike[0], tuple(one.page_id for one in alike if one.page_id), len({one.job_id for one in alike}))
        for alike in groups.values()
    ]


def _pattern(failure: Failure) -> str:
    message = failure.message.replace(failure.page_id, "…") if failure.page_id else failure.message
    return _NUMBER.sub("#", message)
