"""What runners said of their processors."""

from __future__ import annotations

from dataclasses import asdict, dataclass

from sqlalchemy import select

from offizin.store import dialects
from offizin.store.tables import processors
from offizin.store.transaction import Transaction


@dataclass(frozen=True, slots=True)
class Learned:
    """``fingerprint`` names the program this was learned of; ``full_mets``: a slice does not suffice for it; ``plain``:
    no runner begins in it, it is called for each piece."""

    name: str
    fingerprint: str
    version: str
    step: str
    independent_pages: bool
    full_mets: bool
    plain: bool = False


def put(tx: Transaction, learned: Learned) -> None:
    tx.execute(dialects.insert_or_replace(tx.dialect.name, processors, ["name"]).values(**asdict(learned)))


def all_learned(tx: Transaction) -> dict[str, Learned]:
    return {row.name: Learned(*row) for row in tx.execute(select(processors))}
