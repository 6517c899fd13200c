"""How well recognised text matches the truth."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class CharacterErrors:
    """``edits`` (insertions, deletions, substitutions) turn a text into the truth, which has ``characters``."""

    edits: int
    characters: int

    @property
    def rate(self) -> float:
        """0 is perfect; more than 1 is possible. An empty truth gives 0 for an empty text, else 1."""
        if not self.characters:
            return 1.0 if self.edits else 0.0
        return self.edits / self.characters

    def __add__(self, other: CharacterErrors) -> CharacterErrors:
        return CharacterErrors(self.edits + other.edits, self.characters + other.characters)


def character_errors(truth: str, text: str) -> CharacterErrors:
    """Both are compared in Unicode NFC, every run of white space as one space."""
    wanted, found = normalised(truth), normalised(text)
    return CharacterErrors(edit_distance(wanted, found), len(wanted))


def character_error_rate(truth: str, text: str) -> float:
    """``character_errors`` as a rate."""
    return character_errors(truth, text).rate


def normalised(text: str) -> str:
    return unicodedata.normalize("NFC", " ".join(text.split()))


def edit_distance(a: Sequence[str], b: Sequence[str]) -> int:
    """Levenshtein's distance between two strings or lists of words.

    Bit-parallel (Myers 1999, in the form of Hyyrö 2003): one column of the matrix is a pair of Python integers with a
    bit for each item of ``a``, so that a page of 3,000 characters takes milliseconds.
    """
    if len(a) == 0:
        return len(b)
    positions: dict[str, int] = {}
    for index, item in enumerate(a):
        positions[item] = positions.get(item, 0) | 1 << index
    every, last = (1 << len(a)) - 1, 1 << len(a) - 1
    rising, falling = every, 0  # bits of rows where the distance grows, or shrinks, against the row above
    distance = len(a)
    for item in b:
        equal = positions.get(item, 0)
        diagonal = (((equal & rising) + rising) ^ rising) | equal | falling
        right_rising = falling | (every & ~(diagonal | rising))
        right_falling = rising & diagonal
        if right_rising & last:
            distance += 1
        elif right_falling & last:
            distance -= 1
        right_rising = right_rising << 1 | 1
        right_falling <<= 1
        rising = every & (right_falling | ~(diagonal | right_rising))
        falling = right_rising & diagonal & every
    return distance
