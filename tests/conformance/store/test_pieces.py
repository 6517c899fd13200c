"""Jobs of many pages: their pages, and the pieces they are cut into."""

from __future__ import annotations

from dataclasses import replace

from offizin.jobs import State
from offizin.store import jobs, pieces
from offizin.store.pieces import PageEnding, PieceRow
from offizin.store.transaction import Database, Transaction
from tests.conformance.store.submitted import PROCESSOR, new_book_job, new_run


async def book(database: Database, pages: int = 6, cuts: list[list[int]] | None = None) -> int:
    """The number of a job of many pages, cut as asked for."""

    def write(tx: Transaction) -> int:
        seq = new_book_job(tx, new_run(tx), pages, tag=10)
        if cuts is not None:
            pieces.cut(tx, seq, PROCESSOR, 0, 10, 0, cuts)
            jobs.queue(tx, [seq], 1.0)
        return seq

    return await database.write(write)


async def names(database: Database, job: int, piece: int) -> list[str]:
    return [page.page for page in await database.read(lambda tx: pieces.pages_of_piece(tx, job, piece))]


async def test_pages_keep_their_order_and_wait(database: Database) -> None:
    job = await book(database, 3)
    found = await database.read(lambda tx: pieces.pages(tx, job))
    assert [(page.number, page.page, page.piece, page.state) for page in found] == [
        (0, "p1", None, State.CACHED), (1, "p2", None, State.CACHED), (2, "p3", None, State.CACHED),
    ]  # fmt: skip
    assert await database.read(lambda tx: pieces.page_names(tx, [job])) == {job: ["p1", "p2", "p3"]}
    assert await database.read(lambda tx: pieces.page_counts(tx, job)) == {State.CACHED: 3}


async def test_a_job_is_cut_and_each_piece_stands_behind_the_pages_before_it(database: Database) -> None:
    job = await book(database, 6, [[0, 1], [2, 3, 4], [5]])
    ready = await database.read(lambda tx: pieces.ready(tx, PROCESSOR, 10))
    assert [(piece.seq, piece.number, piece.tag, piece.attempt) for piece in ready] == [
        (job, 0, 10, 0), (job, 1, 12, 0), (job, 2, 15, 0),
    ]  # fmt: skip
    assert await names(database, job, 1) == ["p3", "p4", "p5"]
    assert await database.read(pieces.ready_processors) == {PROCESSOR}


async def test_a_piece_in_the_window_has_a_new_attempt_and_is_not_ready(database: Database) -> None:
    job = await book(database, 2, [[0], [1]])
    await database.write(lambda tx: pieces.queue(tx, [(job, 0)]))
    assert [piece.number for piece in await database.read(lambda tx: pieces.ready(tx, PROCESSOR, 10))] == [1]
    assert await database.read(pieces.in_flight) == [PieceRow(job, 0, State.QUEUED, 1, 0, 0)]
    await database.write(lambda tx: pieces.mark_running(tx, [(job, 0, 9)]))
    assert (await database.read(lambda tx: pieces.row(tx, job, 0))) == PieceRow(job, 0, State.QUEUED, 1, 0, 0)
    await database.write(lambda tx: pieces.mark_running(tx, [(job, 0, 1), (job, 1, 0)]))
    states = [piece.state for piece in await database.read(lambda tx: pieces.open_pieces(tx, job))]
    assert states == [State.RUNNING, State.CACHED]


async def test_pages_end_one_by_one(database: Database) -> None:
    job = await book(database, 3, [[0, 1, 2]])
    await database.write(
        lambda tx: pieces.end_pages(
            tx,
            [
                PageEnding(job, "p1", State.SUCCESS, None, ""),
                PageEnding(job, "p3", State.FAILED, "EXCEPTION", "boom"),
            ],
        )
    )
    assert await names(database, job, 0) == ["p2"]
    (failed,) = await database.read(lambda tx: pieces.pages(tx, job, {State.FAILED}))
    assert (failed.page, failed.cause, failed.message) == ("p3", "EXCEPTION", "boom")


async def test_what_is_left_of_a_piece_becomes_pieces_of_a_page_each(database: Database) -> None:
    job = await book(database, 5, [[0, 1, 2], [3, 4]])
    await database.write(lambda tx: pieces.queue(tx, [(job, 0)]))
    await database.write(lambda tx: pieces.end_pages(tx, [PageEnding(job, "p1", State.SUCCESS, None, "")]))

    def again(tx: Transaction) -> None:
        row = pieces.row(tx, job, 0)
        assert row is not None
        pieces.set_states(tx, [(row, State.SUCCESS)])
        pieces.cut_again(tx, job, 0, ["p2", "p3"])

    await database.write(again)
    open_pieces = await database.read(lambda tx: pieces.open_pieces(tx, job))
    assert [(piece.number, piece.attempt) for piece in open_pieces] == [(1, 0), (2, 1), (3, 1)]
    assert await names(database, job, 2) == ["p2"]
    assert await names(database, job, 3) == ["p3"]
    tags = {piece.number: piece.tag for piece in await database.read(lambda tx: pieces.ready(tx, PROCESSOR, 9))}
    assert (tags[2], tags[3]) == (10, 11)


async def test_a_piece_keeps_its_tries_and_losses(database: Database) -> None:
    job = await book(database, 1, [[0]])
    row = PieceRow(job, 0, State.CACHED, 0, tries=2, losses=1)
    await database.write(lambda tx: pieces.set_states(tx, [(row, State.CACHED)]))
    await database.write(lambda tx: pieces.set_states(tx, []))
    assert await database.read(lambda tx: pieces.row(tx, job, 0)) == row
    assert await database.read(lambda tx: pieces.row(tx, job, 1)) is None


async def test_dropping_what_waits_leaves_what_is_in_flight(database: Database) -> None:
    job = await book(database, 3, [[0], [1], [2]])
    await database.write(lambda tx: pieces.queue(tx, [(job, 1)]))
    await database.write(lambda tx: pieces.drop_waiting(tx, job))
    assert [piece.number for piece in await database.read(lambda tx: pieces.open_pieces(tx, job))] == [1]


async def test_reviving_keeps_the_other_pages_and_counts_attempts_on(database: Database) -> None:
    job = await book(database, 3, [[0, 1, 2]])
    for _ in range(4):
        await database.write(lambda tx: pieces.queue(tx, [(job, 0)]))
    await database.write(
        lambda tx: pieces.end_pages(
            tx,
            [
                PageEnding(job, "p1", State.SUCCESS, None, ""),
                PageEnding(job, "p2", State.FAILED, "EXIT", "no"),
                PageEnding(job, "p3", State.CANCELLED, None, ""),
            ],
        )
    )
    await database.write(lambda tx: pieces.revive_pages(tx, job, [1, 2]))
    found = await database.read(lambda tx: pieces.pages(tx, job))
    assert [(page.state, page.cause, page.piece) for page in found] == [
        (State.SUCCESS, None, 0), (State.CACHED, None, None), (State.CACHED, None, None),
    ]  # fmt: skip
    assert await database.read(lambda tx: pieces.open_pieces(tx, job)) == []
    row = (await database.read(lambda tx: jobs.rows(tx, [job])))[job]
    assert row.attempt == 4


async def test_reviving_a_job_that_was_never_cut_leaves_its_attempts(database: Database) -> None:
    job = await book(database, 2)
    await database.write(lambda tx: pieces.revive_pages(tx, job, [0]))
    row = (await database.read(lambda tx: jobs.rows(tx, [job])))[job]
    assert replace(row, attempt=0) == row


async def test_a_job_may_have_as_many_pages_as_a_newspaper(database: Database) -> None:
    job = await book(database, 12_000, [list(range(at, at + 50)) for at in range(0, 12_000, 50)])
    assert len((await database.read(lambda tx: pieces.page_names(tx, [job])))[job]) == 12_000
    assert len(await database.read(lambda tx: pieces.open_pieces(tx, job))) == 240
