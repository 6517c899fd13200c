"""Cases made from good examples by changing them at random places. The same seed makes the same cases."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence

_NUMBERS = (b"0", b"-1", b"1e999", b"99999999999999999999", b"4294967296", b"NaN")
_BYTES = (b"\x00", b"\xff", b"\xfe\xff", b"\xef\xbb\xbf", b"\r", b"\n", b"\t", b"\x1b", b"\xc3", b"\xed\xa0\x80")
_LONG = 2000
_MOST = 100_000  # bytes of a case


def cases(seeds: Sequence[bytes], words: Sequence[bytes], seed: int) -> Iterator[bytes]:
    """Without end: each is one of ``seeds`` with one to eight changes. ``words`` are what the language is made of."""
    chance = random.Random(seed)
    while True:
        case = bytearray(chance.choice(seeds))
        for _ in range(chance.choice((1, 1, 1, 2, 2, 3, 5, 8))):
            _change(case, seeds, words, chance)
        yield bytes(case[:_MOST])


def _change(case: bytearray, seeds: Sequence[bytes], words: Sequence[bytes], chance: random.Random) -> None:
    at = chance.randint(0, len(case))
    until = min(len(case), at + chance.choice((1, 1, 4, 20, 200, _LONG)))
    match chance.randrange(11):
        case 0:  # one bit
            if at < len(case):
                case[at] ^= 1 << chance.randrange(8)
        case 1:
            del case[at:until]
        case 2:  # twice
            case[at:at] = case[at:until]
        case 3:
            case[at:at] = chance.choice(words)
        case 4:  # in place of another word
            _put_for_another(case, words, chance)
        case 5:
            case[at:until] = chance.choice((*_NUMBERS, *_BYTES))
        case 6:  # many times
            case[at:at] = chance.choice((*words, *_BYTES)) * chance.choice((2, 10, 300, _LONG))
        case 7:  # the rest of another
            other = chance.choice(seeds)
            case[at:] = other[chance.randint(0, len(other)) :]
        case 8:  # to the end
            del case[at:]
        case _:  # where a word ends, so that more of the cases can be read
            end = min(
                (found for mark in (b">", b" ", b",", b"\n") if (found := case.find(mark, at)) >= 0), default=at - 1
            )
            case[end + 1 : end + 1] = chance.choice(words)


def _put_for_another(case: bytearray, words: Sequence[bytes], chance: random.Random) -> None:
    there = [word for word in words if word in case]
    if there:
        old = chance.choice(there)
        found = [at for at in range(len(case)) if case.startswith(old, at)] if len(case) < 5000 else [case.find(old)]
        at = chance.choice(found)
        case[at : at + len(old)] = chance.choice(words)
