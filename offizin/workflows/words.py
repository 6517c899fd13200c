"""The words of a workflow's text, split as a POSIX shell does, each with its place. Pure.

On one line without comments the words are those of ``shlex.split``, which the reference uses
(ocrd/task_sequence.py). Besides: ``#`` at the start of a word begins a comment, a backslash at the end of a line
goes on with the next, and a quoted JSON value may go over several lines.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from offizin.errors import WorkflowInvalid
from offizin.workflows.json_text import strict_json, without_comment_lines

_MOST_WORDS = 5000  # of one line
_BLANK = " \t\r"
_CONTINUATION = re.compile(r"\\[ \t\r]*(?:\n|\Z)")
_DOUBLE_QUOTED = re.compile(r'"((?:[^"\\]|\\.)*)"', re.DOTALL)
_ESCAPED_IN_DOUBLE_QUOTES = re.compile(r'\\(?:(["\\])|\r?\n)')
_JSON_START = re.compile(r"\s*[{\[#]")


@dataclass(frozen=True, slots=True)
class Word:
    """``text`` without its quotes; ``line`` from 1; ``start`` and ``end`` are offsets into the workflow's text."""

    text: str
    line: int
    start: int
    end: int


def split_words(text: str, first_line: int = 1) -> Iterator[tuple[Word, ...]]:
    """Yield the words of each line that has any. Raises WorkflowInvalid for a quote that is not closed."""
    position, line = (1 if text.startswith("\ufeff") else 0), first_line
    words: list[Word] = []
    while position < len(text):
        character = text[position]
        if character == "\n":
            if words:
                yield tuple(words)
                words = []
            position, line = position + 1, line + 1
        elif character in _BLANK:
            position += 1
        elif character == "#":
            end = text.find("\n", position)
            position = len(text) if end < 0 else end
        elif match := _CONTINUATION.match(text, position):
            position, line = match.end(), line + 1
        else:
            word = _read_word(text, position, line)
            words.append(word)
            if len(words) > _MOST_WORDS:
                message = f"there are more than {_MOST_WORDS} words on one line"
                raise WorkflowInvalid(message, line=line, advice="Give many parameters as one JSON object with -p.")
            line += text.count("\n", word.start, word.end)
            position = word.end
    if words:
        yield tuple(words)


def _read_word(text: str, start: int, line: int) -> Word:
    parts: list[str] = []
    position = start
    while position < len(text):
        character = text[position]
        if character in _BLANK or character == "\n":
            break
        if character in "'\"":
            part, position = _read_quoted(text, position, lambda at: line + text.count("\n", start, at))
            parts.append(part)
        elif match := _CONTINUATION.match(text, position):
            position = match.end()
        elif character == "\\":
            parts.append(text[position + 1])
            position += 2
        else:
            parts.append(character)
            position += 1
    return Word("".join(parts), line, start, position)


def _read_quoted(text: str, start: int, line_at: Callable[[int], int]) -> tuple[str, int]:
    """Return what stands between the quotes and the offset behind them. Lines are only counted where they are told."""
    quote = text[start]
    if quote == "'":
        end = text.find("'", start + 1)
        body = text[start + 1 : end] if end >= 0 else None
    else:
        match = _DOUBLE_QUOTED.match(text, start)
        end = match.end() - 1 if match else -1
        body = _ESCAPED_IN_DOUBLE_QUOTES.sub(r"\1", match[1]) if match else None
    if body is None or ("\n" in body and not _JSON_START.match(body)):
        rest = text[start + 1 :].split("\n", 1)[0].strip()
        raise WorkflowInvalid(
            f"the quote {quote} before {_shortened(rest)!r} is not closed",
            line=line_at(start),
            advice=f"Close it with another {quote} on the same line. Only quoted JSON may go over several lines.",
        )
    if "\n" in body:
        _check_json_over_several_lines(body, line_at(start))
    return body, end + 1


def _check_json_over_several_lines(body: str, line: int) -> None:
    """A forgotten quote would else be noticed only at the next one, perhaps many lines below."""
    try:
        strict_json(without_comment_lines(body))
    except ValueError as error:
        raise WorkflowInvalid(
            f"what is quoted from here over several lines is no JSON: {error}",
            line=line,
            advice="Is the closing quote missing on this line? Else mend the JSON (lines are counted within it).",
        ) from error


def _shortened(text: str, limit: int = 40) -> str:
    return text if len(text) <= limit else text[: limit - 1] + "…"
