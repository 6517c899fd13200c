"""Parameters as ``-p`` takes them: JSON with comments, and files of it, which only the client reads."""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable
from itertools import pairwise
from typing import Any

from offizin.errors import WorkflowInvalid
from offizin.workflows.json_text import strict_json, without_comment_lines
from offizin.workflows.words import Word, split_words


def resolve_parameter_files(text: str, read: Callable[[str], str], first_line: int = 1) -> str:
    """Put the content of each ``-p FILE`` in its place, as JSON on one line; all else stays as it is.

    ``read`` gets the name as written and returns the file's text; its OSError becomes a WorkflowInvalid. Errors count
    lines from ``first_line``: the number of the step where steps are given one by one.
    """
    parts: list[str] = []
    done = 0
    for words in split_words(text, first_line):
        for option, value in pairwise(words):
            if option.text != "-p" or not is_file_name(value.text):
                continue
            try:
                content = read(value.text)
            except (OSError, UnicodeDecodeError) as error:
                raise WorkflowInvalid(
                    f"the parameter file {value.text!r} cannot be read: {getattr(error, 'strerror', None) or error}",
                    line=value.line,
                    advice="Name a readable file of JSON, relative to the directory you are in.",
                ) from error
            parameters = read_object(content, value, f"the parameter file {value.text!r}")
            parts += [text[done : value.start], shlex.quote(json.dumps(parameters, ensure_ascii=False))]
            done = value.end
    return "".join([*parts, text[done:]])


def is_file_name(value: str) -> bool:
    content = without_comment_lines(value).strip()
    return bool(content) and content[0] not in "{["


def read_object(text: str, value: Word, where: str) -> dict[str, Any]:
    """JSON with ``#`` comments on lines of their own (ocrd_utils.parse_json_string_with_comments)."""
    try:
        content = strict_json(without_comment_lines(text))
    except ValueError as error:
        raise WorkflowInvalid(
            f"{where}: this is no JSON: {error}",
            line=value.line,
            advice="""JSON needs double quotes around names and texts, and single quotes around the whole: """
            """-p '{"model": "frk"}'.""",
        ) from error
    if not isinstance(content, dict):
        raise WorkflowInvalid(
            f"{where}: JSON, but no object: {text.strip()[:60]}",
            line=value.line,
            advice="""Write names and values in braces: -p '{"model": "frk"}'.""",
        )
    return content
