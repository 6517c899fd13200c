"""Of what pages were made, and digests of files."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import bindparam, delete, select

from offizin.messages import FileState
from offizin.store import dialects
from offizin.store.prepared import Prepared
from offizin.store.tables import file_digests, fingerprints
from offizin.store.transaction import Transaction

# A page's files in a group; those without page have an empty one.
Place = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """``recipe`` and ``inputs``: digests of how and of what a page's files in one group were made; ``outputs``:
    mimetype and digest of each of these files as it was then, in the order of the METS. ``dropped``: the files were
    taken out at the end of a run, as its workflow said. ``run`` is the number of the run that made them; ``replaced``:
    over files that it had not made. Where nobody knows of what they were made, the digests are empty.
    """

    recipe: str
    inputs: str
    outputs: tuple[tuple[str, str], ...]
    dropped: bool = False
    run: int = 0
    replaced: bool = False


_key = (fingerprints.c.workspace == bindparam("of"), fingerprints.c.file_grp == bindparam("grp"))
_of_group = Prepared(
    select(
        fingerprints.c.page, fingerprints.c.recipe, fingerprints.c.inputs, fingerprints.c.outputs,
        fingerprints.c.dropped, fingerprints.c.run, fingerprints.c.replaced,
    ).where(*_key)
)  # fmt: skip
_of_run = Prepared(
    select(fingerprints.c.file_grp, fingerprints.c.page).where(
        fingerprints.c.workspace == bindparam("of"), fingerprints.c.run == bindparam("by")
    )
)
_forget = Prepared(delete(fingerprints).where(*_key, fingerprints.c.page == bindparam("on")))
_digests = Prepared(
    select(
        file_digests.c.path, file_digests.c.size, file_digests.c.changed_at, file_digests.c.inode, file_digests.c.digest
    ).where(file_digests.c.workspace == bindparam("of"))
)
_forget_digest = Prepared(
    delete(file_digests).where(file_digests.c.workspace == bindparam("of"), file_digests.c.path == bindparam("at"))
)


def _put_statement(dialect: str) -> Prepared:
    names = ("workspace", "file_grp", "page", "recipe", "inputs", "outputs", "dropped", "run", "replaced")
    statement = dialects.insert_or_replace(dialect, fingerprints, ["workspace", "file_grp", "page"])
    return Prepared(statement.values({name: bindparam(name) for name in names}))


def _put_digest_statement(dialect: str) -> Prepared:
    names = ("workspace", "path", "size", "changed_at", "inode", "digest")
    statement = dialects.insert_or_replace(dialect, file_digests, ["workspace", "path"])
    return Prepared(statement.values({name: bindparam(name) for name in names}))


_put = {dialect: _put_statement(dialect) for dialect in ("sqlite", "postgresql")}
_put_digest = {dialect: _put_digest_statement(dialect) for dialect in ("sqlite", "postgresql")}


def put(tx: Transaction, workspace: int, known: Mapping[Place, Fingerprint]) -> None:
    values = [
        {
            "workspace": workspace, "file_grp": group, "page": page, "recipe": each.recipe, "inputs": each.inputs,
            "outputs": json.dumps(each.outputs, separators=(",", ":")), "dropped": each.dropped,
            "run": each.run, "replaced": each.replaced,
        }
        for (group, page), each in known.items()
    ]  # fmt: skip
    _put[tx.dialect.name].run_many(tx, values)


def forget(tx: Transaction, workspace: int, places: Iterable[Place]) -> None:
    _forget.run_many(tx, [{"of": workspace, "grp": group, "on": page} for group, page in places])


def of_groups(tx: Transaction, workspace: int, groups: Collection[str]) -> dict[Place, Fingerprint]:
    found: dict[Place, Fingerprint] = {}
    for group in groups:
        rows: list[Any] = list(_of_group.rows(tx, {"of": workspace, "grp": group}))
        for page, recipe, inputs, outputs, dropped, run, over in rows:
            as_made = tuple((mimetype, digest) for mimetype, digest in json.loads(outputs))
            found[group, page] = Fingerprint(recipe, inputs, as_made, bool(dropped), run, bool(over))
    return found


def groups(tx: Transaction, workspace: int) -> set[str]:
    """The file groups of which anything is known."""
    query = select(fingerprints.c.file_grp).where(fingerprints.c.workspace == workspace).distinct()
    return set(tx.execute(query).scalars())


def made_by(tx: Transaction, workspace: int, run: int) -> dict[Place, Fingerprint]:
    """What is left of what a run has made."""
    places = {(row[0], row[1]) for row in _of_run.rows(tx, {"of": workspace, "by": run})}
    known = of_groups(tx, workspace, {group for group, _ in places})
    return {place: known[place] for place in places}


def put_digests(tx: Transaction, workspace: int, states: Iterable[FileState]) -> None:
    values = [
        {
            "workspace": workspace, "path": each.path, "size": each.size, "changed_at": each.changed_at,
            "inode": each.inode, "digest": each.digest,
        }
        for each in states
    ]  # fmt: skip
    _put_digest[tx.dialect.name].run_many(tx, values)


def digests(tx: Transaction, workspace: int) -> dict[str, FileState]:
    """What is known of the workspace's files, by path."""
    rows: list[Any] = list(_digests.rows(tx, {"of": workspace}))
    return {row[0]: FileState(*row) for row in rows}


def forget_digests(tx: Transaction, workspace: int, paths: Iterable[str]) -> None:
    _forget_digest.run_many(tx, [{"of": workspace, "at": path} for path in paths])


def forget_all(tx: Transaction, workspace: int) -> None:
    """Its files are others now."""
    for table in (fingerprints, file_digests):
        tx.execute(delete(table).where(table.c.workspace == workspace))
