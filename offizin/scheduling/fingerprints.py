"""Of what a page's files were made, as digests. Pure; the counterpart of offizin/runner/inputs.py.

A page of a step is made again only when its *recipe* (processor, version, parameters) or its *inputs* (the files of
its input groups: group, mimetype, content) are others than those its files were made of. A file that lies nowhere on
disk is known by its URL.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence
from typing import Any

from offizin.messages import Delta, File, FileState
from offizin.mets.names import as_path
from offizin.store.fingerprints import Fingerprint

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


def fingerprints_in(deltas: Iterable[Delta]) -> tuple[dict[tuple[str, str], Fingerprint], set[tuple[str, str]]]:
    """What deltas, in the order they came, say of the (file group, page) pairs they add to: how they were made, and
    those of which nobody knows."""
    known: dict[tuple[str, str], Fingerprint] = {}
    unknown: set[tuple[str, str]] = set()
    for delta in deltas:
        made = {each.page: each for each in delta.made}
        for place in delta.empties:
            known.pop(place, None)
            unknown.add(place)
        outputs: dict[tuple[str, str], list[File]] = {}
        for file in delta.files:
            if file.page_id is not None:
                outputs.setdefault((file.file_grp, file.page_id), []).append(file)
        for key, files in outputs.items():
            how = made.get(key[1])
            if how is None or any(file.digest is None for file in files):
                known.pop(key, None)
                unknown.add(key)
            else:
                unknown.discard(key)
                outcome = [(file.mimetype, file.digest or "") for file in files]
                known[key] = Fingerprint(how.recipe, how.inputs, tuple(outcome))
    return known, unknown


def states_in(deltas: Iterable[Delta]) -> dict[str, FileState]:
    """What deltas, in the order they came, say of files that were read or written, by path."""
    found: dict[str, FileState] = {}
    for delta in deltas:
        for made in delta.made:
            found.update({state.path: state for state in made.reads})
        for file in delta.files:
            if file.local_filename and file.size is not None and file.digest and file.changed_at and file.inode:
                path = as_path(file.local_filename)
                found[path] = FileState(path, file.size, file.changed_at, file.inode, file.digest)
    return found


def _digest(value: Any) -> str:
    return hashlib.blake2b(_text(value).encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()
