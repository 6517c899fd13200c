"""Of what pages' files were made, as the deltas of a METS tell it. Pure; the digests: offizin.messages.recipes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from offizin.messages import Delta, File, FileState
from offizin.mets.names import as_path
from offizin.store.fingerprints import Fingerprint, Place


def place_of(file_grp: str, page: str | None) -> Place:
    """Files without page have an empty one."""
    return file_grp, page or ""


def fingerprints_after(deltas: Iterable[Delta], before: Mapping[Place, Fingerprint]) -> dict[Place, Fingerprint | None]:
    """How the files were made to which deltas, in the order they came, add or from which they take out; None where
    there is nothing any more. ``before``: what was known of the places that are replaced or dropped."""
    known: dict[Place, Fingerprint | None] = {}
    for delta in deltas:
        dropped: dict[Place, Fingerprint | None] = {}
        for gone in delta.dropped:
            place = gone.file_grp, gone.page
            was = known.get(place) or before.get(place) or Fingerprint("", "", ())
            as_it_was = tuple((mimetype, digest) for mimetype, digest in gone.outputs)
            dropped[place] = replace(was, outputs=as_it_was, dropped=True)
        known |= {place_of(group, page): None for group, page in delta.empties} | dropped
        made = {each.page: each for each in delta.made}
        replaced = {place_of(group, page) for group, page in delta.replaced}
        outputs: dict[Place, list[File]] = {}
        for file in delta.files:
            outputs.setdefault(place_of(file.file_grp, file.page_id), []).append(file)
        for place, files in outputs.items():
            how = made.get(place[1])
            as_made = tuple((file.mimetype, file.digest or "") for file in files)
            recipe, inputs = (
                ("", "") if how is None or not all(file.digest for file in files) else (how.recipe, how.inputs)
            )
            earlier = known.get(place) or before.get(place)
            of_others = place in replaced and not (
                earlier is not None and earlier.run == delta.run and not earlier.replaced
            )
            known[place] = Fingerprint(recipe, inputs, as_made, run=delta.run, replaced=of_others)
    return known


def looks_back(deltas: Iterable[Delta]) -> set[str]:
    """The file groups of which must be known what was known before."""
    found: set[str] = set()
    for delta in deltas:
        found.update(group for group, _ in delta.replaced)
        found.update(gone.file_grp for gone in delta.dropped)
    return found


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
