"""Of what a page's files were made, as digests. Pure; the counterpart of offizin/runner/inputs.py.

A page of a step is made again only when its *recipe* (processor, version, parameters) or its *inputs* (the files of
its input groups: group, mimetype, content) are others than those its files were made of. A file that lies nowhere on
disk is known by its URL.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from typing import Any

# counted up when the same things get other digests
FORMAT = 1

_text = json.JSONEncoder(separators=(",", ":")).encode
_canonical = json.JSONEncoder(separators=(",", ":"), sort_keys=True).encode

Contents = Sequence[tuple[str, str, str]]


def recipe_of(processor: str, version: str, parameters: str) -> str:
    """``parameters`` is the text of a JSON object, defaults filled in."""
    return _digest([FORMAT, processor, version, _canonical(json.loads(parameters))])


def inputs_of(files: Contents) -> str:
    """Of ``(file group, mimetype, digest or URL)`` of all files, in order."""
    return _digest([list(file) for file in files])


def _digest(value: Any) -> str:
    return hashlib.blake2b(_text(value).encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()
