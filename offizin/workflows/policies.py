"""What becomes of pages without output, of output that is there already, and of pages without input. Pure.

The names and words are those of the reference's environment variables (ocrd_utils/config.py: OCRD_MISSING_OUTPUT and
its like), in lower case; its spelling is understood, too. There they hold for whatever a worker's environment says,
here for one job, one step or one run.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from enum import StrEnum
from typing import Any

from offizin.errors import InvalidRequest


class OnMissingOutput(StrEnum):
    """A page that got no output: it has failed, it is left out, or its input becomes its output."""

    FAIL = "fail"
    SKIP = "skip"
    COPY = "copy"


class OnExistingOutput(StrEnum):
    """A page that has its output already: nothing is done, it is made anew, or the page fails."""

    SKIP = "skip"
    OVERWRITE = "overwrite"
    FAIL = "fail"


class OnMissingInput(StrEnum):
    """A page whose input is not there: it has failed, or it is left out."""

    FAIL = "fail"
    SKIP = "skip"


# Any number of pages may be missing.
ANY_NUMBER = -1.0


@dataclass(frozen=True, slots=True)
class Policies:
    """What was said; None for what was not.

    ``max_missing_outputs``: so many pages may be missing, as a share of the step's pages (below 1) or as a number of
    pages (1 and more), and the job is a success all the same; negative for any number. ``page_timeout``: seconds for
    each page, 0 for no limit.
    """

    on_missing_output: OnMissingOutput | None = None
    on_existing_output: OnExistingOutput | None = None
    on_missing_input: OnMissingInput | None = None
    max_missing_outputs: float | None = None
    page_timeout: float | None = None

    @classmethod
    def from_pairs(cls, pairs: Sequence[tuple[str, str]]) -> Policies:
        """From names and texts; a later pair wins. Raises InvalidRequest for what is no policy."""
        return cls.from_json(dict(pairs))

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Policies:
        """From a JSON object; null is nothing said. Raises InvalidRequest for what is no policy."""
        said: dict[str, Any] = {}
        for name, value in values.items():
            known = _known_name(name)
            said[known] = None if value is None else _READERS[known](known, value)
        return cls(**said)

    @classmethod
    def from_text(cls, text: str) -> Policies:
        """From the text of a JSON object."""
        return NOTHING_SAID if text == "{}" else cls.from_json(json.loads(text))

    def to_text(self) -> str:
        return json.dumps(self.to_json())

    def to_json(self) -> dict[str, Any]:
        """What was said, as JSON values. ``from_json`` reads it back."""
        return {name: value for name, value in asdict(self).items() if value is not None}

    def merged_over(self, base: Policies) -> Policies:
        """These, and where they say nothing, those of ``base``."""
        return replace(base, **self.to_json())

    def __bool__(self) -> bool:
        """Whether anything was said."""
        return any(getattr(self, name) is not None for name in NAMES)

    @property
    def overwrite(self) -> bool:
        return self.on_existing_output is OnExistingOutput.OVERWRITE

    def allows(self, failed: int, left_out: int, of: int) -> bool:
        """Whether it is still a success when of so many pages some have ``failed``, and others were ``left_out`` (or
        copied), as these policies say.

        Where no limit was said, none may fail, and any number be left out.
        """
        limit = self.max_missing_outputs
        if limit is None:
            return not failed
        if limit < 0:
            return True
        return failed + left_out <= (limit if limit >= 1 else limit * of + 1e-9)  # 0.29 of 100 are 29


NOTHING_SAID = Policies()
NAMES = tuple(field.name for field in fields(Policies))


def _known_name(name: str) -> str:
    plain = str(name).strip().lower().replace("-", "_")
    plain = _OF_THE_REFERENCE.get(plain, plain)
    if plain not in _READERS:
        raise InvalidRequest(f"there is no policy {name!r}", advice=f"There are: {', '.join(_READERS)}.")
    return plain


def _word(words: type[StrEnum], synonyms: Mapping[str, str], name: str, value: Any) -> StrEnum:
    text = str(value).strip().lower()
    try:
        return words(synonyms.get(text, text))
    except ValueError:
        raise InvalidRequest(
            f"policy {name}: there is no {str(value)!r}", advice=f"Say one of: {', '.join(words)}."
        ) from None


def _missing_outputs(name: str, value: Any) -> float:
    text = str(value).strip()
    percent = re.fullmatch(r"(.*?)\s*%", text)
    number = _number(percent[1] if percent else text)
    if number is not None and percent:
        number = ANY_NUMBER if number == 100 else number / 100 if 0 <= number < 100 else None
    if isinstance(value, bool) or number is None or (number > 1 and number != int(number)):
        raise InvalidRequest(
            f"policy {name}: {text!r} is neither a share nor a number of pages",
            advice="Say a share as in 0.1 or 10%, or a number of pages as in 5, or -1 for any number.",
        )
    return ANY_NUMBER if number < 0 else number


def _seconds(name: str, value: Any) -> float:
    number = _number(str(value).strip())
    if isinstance(value, bool) or number is None or number < 0:
        raise InvalidRequest(
            f"policy {name}: {str(value)!r} is no number of seconds", advice="Say seconds as in 300, or 0 for no limit."
        )
    return number


def _number(text: str) -> float | None:
    try:
        number = float(text)
    except ValueError:
        return None
    return number if math.isfinite(number) else None


_ABORT = {"abort": "fail"}
_READERS: dict[str, Any] = {
    "on_missing_output": lambda name, value: _word(OnMissingOutput, _ABORT, name, value),
    "on_existing_output": lambda name, value: _word(OnExistingOutput, _ABORT, name, value),
    "on_missing_input": lambda name, value: _word(OnMissingInput, _ABORT, name, value),
    "max_missing_outputs": _missing_outputs,
    "page_timeout": _seconds,
}
_OF_THE_REFERENCE = {
    "ocrd_missing_output": "on_missing_output",
    "ocrd_existing_output": "on_existing_output",
    "ocrd_missing_input": "on_missing_input",
    "ocrd_max_missing_outputs": "max_missing_outputs",
    "ocrd_processing_page_timeout": "page_timeout",
}
