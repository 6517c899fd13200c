"""Files that are held for live attempts."""

from __future__ import annotations

from offizin.messages import File
from offizin.store import held_files, jobs
from offizin.store.held_files import HeldFile
from offizin.store.transaction import Database, Transaction
from tests.conformance.store.submitted import new_jobs, new_run


def _held(job: int, name: str, attempt: int = 1) -> HeldFile:
    return HeldFile(1, job, 0, attempt, File(name, "OCR", "text/xml", "p1", "OCR/ſ.xml"))


async def test_they_come_back_in_order_and_go_with_their_piece(database: Database) -> None:
    new = [_held(1, "b"), _held(2, "x"), _held(1, "a", attempt=2)]
    await database.write(lambda tx: held_files.add(tx, new))
    assert await database.read(lambda tx: held_files.of_pieces(tx, [(1, 0), (3, 0)])) == [new[0], new[2]]
    assert await database.read(lambda tx: held_files.of_pieces(tx, [])) == []
    await database.write(lambda tx: held_files.drop(tx, [(1, 0)]))
    assert await database.read(lambda tx: held_files.of_pieces(tx, [(1, 0), (2, 0)])) == [new[1]]


async def test_those_of_jobs_that_are_over_are_forgotten(database: Database) -> None:
    def write(tx: Transaction) -> None:
        one, other = new_jobs(tx, new_run(tx, jobs_in_it=2), 2)
        held_files.add(tx, [_held(one, "a"), _held(other, "b"), _held(77, "c")])
        jobs.cancel_waiting(tx, [one], "CANCELLED", "", 5.0)
        held_files.forget_over(tx)

    await database.write(write)
    found = await database.read(lambda tx: held_files.of_pieces(tx, [(1, 0), (2, 0), (77, 0)]))
    assert [held.job for held in found] == [2]
