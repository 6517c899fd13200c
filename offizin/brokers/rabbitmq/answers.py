"""Answers to deliveries, gathered into as few frames as order allows. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import Enum, auto


class Answer(Enum):
    ACKNOWLEDGE = auto()
    HAND_BACK = auto()
    REFUSE = auto()


@dataclass(frozen=True, slots=True)
class Frame:
    """``tag`` is a delivery's number on its channel; ``multiple``: the answer holds for all open ones up to it."""

    tag: int
    answer: Answer
    multiple: bool = False


def frames(given: Mapping[int, Answer], oldest_open: int | None) -> Iterator[Frame]:
    """``oldest_open`` is the lowest number that still has no answer, if there is one: no frame may hold for it."""
    acknowledged: list[int] = []
    for tag, answer in given.items():
        if answer is Answer.ACKNOWLEDGE:
            acknowledged.append(tag)
        else:
            yield Frame(tag, answer)
    together = [tag for tag in acknowledged if oldest_open is None or tag < oldest_open]
    if together:
        yield Frame(max(together), Answer.ACKNOWLEDGE, multiple=len(together) > 1)
    for tag in acknowledged:
        if oldest_open is not None and tag > oldest_open:
            yield Frame(tag, Answer.ACKNOWLEDGE)
