"""What workers have said of their processors."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import delete, insert, select

from offizin.store.tables import tool_descriptions
from offizin.store.transaction import Transaction


@dataclass(frozen=True, slots=True)
class Described:
    """``tool`` is the text of a JSON object, an entry of ocrd-tool.json."""

    processor: str
    fingerprint: str
    version: str
    tool: str


def put(tx: Transaction, described: Sequence[Described]) -> None:
    if not described:
        return
    names = [one.processor for one in described]
    tx.execute(delete(tool_descriptions).where(tool_descriptions.c.processor.in_(names)))
    tx.execute(
        insert(tool_descriptions),
        [
            {"processor": one.processor, "fingerprint": one.fingerprint, "version": one.version, "tool": one.tool}
            for one in described
        ],
    )


def get(tx: Transaction, processor: str) -> Described | None:
    columns = tool_descriptions.c
    query = select(columns.processor, columns.fingerprint, columns.version, columns.tool)
    row = tx.execute(query.where(columns.processor == processor)).one_or_none()
    return None if row is None else Described(*row)


def names(tx: Transaction) -> list[str]:
    """All that any worker has described."""
    return list(tx.execute(select(tool_descriptions.c.processor)).scalars())
