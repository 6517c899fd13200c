"""What is shown of workers and of what is paused. Nothing is written here."""

from __future__ import annotations

from collections.abc import Sequence

from offizin.api.models import PauseSummary, PieceInHand, WorkerList, WorkerSummary
from offizin.messages import AttemptName
from offizin.offizin import Offizin
from offizin.scheduling.workforce import WorkerSeen
from offizin.store import under_way
from offizin.store.pauses import PauseKind, PauseRow, place_of, step_name
from offizin.store.under_way import PieceUnderWay


async def worker_list(offizin: Offizin) -> WorkerList:
    """All workers that this server hears, with what they hold, and all that is paused."""
    pieces = await offizin.database.read(under_way.all_of_them)
    workers, rows = offizin.workforce.workers(), offizin.pauses.rows
    held = [[piece for piece in pieces if _has(worker, piece, offizin.server.seq)] for worker in workers]
    paused_hosts = {row.name for row in rows if row.kind is PauseKind.HOST}
    return WorkerList(
        workers=[
            WorkerSummary(
                session=worker.session, host=worker.host, pid=worker.pid, processors=worker.processors,
                heard_at=worker.heard_at, paused=worker.host in paused_hosts, resting=worker.resting,
                holds=[_shown(piece) for piece in of_worker],
            )
            for worker, of_worker in zip(workers, held, strict=True)
        ],
        pauses=[_pause(row, workers, held, pieces) for row in rows],
    )  # fmt: skip


async def pause_summary(offizin: Offizin, kind: PauseKind, name: str) -> PauseSummary | None:
    found = (await worker_list(offizin)).pauses
    return next((pause for pause in found if (pause.kind, pause.name) == (kind, name)), None)


def _has(worker: WorkerSeen, piece: PieceUnderWay, this_server: int) -> bool:
    """As the database knows it, or as the worker itself has said: no note is made of pieces that are soon over."""
    if not worker.session:
        return piece.server == this_server and piece.holder is None
    return piece.holder == worker.session or AttemptName(piece.job, piece.attempt, piece.piece) in worker.held


def _pause(
    row: PauseRow,
    workers: Sequence[WorkerSeen],
    held: Sequence[Sequence[PieceUnderWay]],
    pieces: Sequence[PieceUnderWay],
) -> PauseSummary:
    if row.kind is PauseKind.STEP:
        running, resting = sum(step_name(piece.run, piece.step) == row.name for piece in pieces), True
    elif row.kind is PauseKind.PROCESSOR:
        running, resting = sum(piece.processor == row.name for piece in pieces), True
    elif row.kind is PauseKind.HOST_AND_PROCESSOR:
        host, processor = place_of(row.name)
        there = [number for number, worker in enumerate(workers) if worker.host == host]
        running = sum(piece.processor == processor for number in there for piece in held[number])
        resting = all(workers[number].resting or processor in workers[number].rests_with for number in there)
    else:
        there = [number for number, worker in enumerate(workers) if worker.host == row.name]
        running = sum(len(held[number]) for number in there)
        resting = all(workers[number].resting for number in there)
    return PauseSummary(
        kind=row.kind, name=row.name, since=row.since, cause=row.cause, message=row.message,
        running=running, drained=resting and not running,
    )  # fmt: skip


def _shown(piece: PieceUnderWay) -> PieceInHand:
    return PieceInHand(
        job_id=piece.job, attempt=piece.attempt, piece=piece.piece, processor=piece.processor, page_id=piece.page,
        pages=piece.pages, state=piece.state, started_at=piece.started_at,
    )  # fmt: skip
