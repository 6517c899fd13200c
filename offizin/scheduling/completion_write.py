"""The transaction that takes results in: states, deltas, the counters of what waits behind, the story of failures."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field

from offizin.jobs import SKIPPED, State
from offizin.messages import Cause, Delta, Taken
from offizin.scheduling.book_end import end_book
from offizin.scheduling.breaker import Place, Step, Trip
from offizin.scheduling.cascade import Consequences, Finished, changes, follow
from offizin.scheduling.dispatched import Dispatched
from offizin.scheduling.missing import Becomes, becomes, of_only_page
from offizin.scheduling.other_ways import OTHER_WAYS, OtherWays, VirtualTime
from offizin.scheduling.retry_policy import Limits, Next, losses_before_next, pause_before_next
from offizin.scheduling.run_steps import RunSteps
from offizin.scheduling.step_pauses import pause
from offizin.scheduling.verdicts import PageVerdict, Verdict
from offizin.store import attempts, deltas, events, held, held_files, holders, jobs, page_counts, pieces
from offizin.store.attempts import FailedAttempt
from offizin.store.events import Change
from offizin.store.held import Delay
from offizin.store.jobs import Ending, JobRow
from offizin.store.page_counts import CountsRow
from offizin.store.pieces import PageEnding
from offizin.store.transaction import Transaction

_ENDS = {
    Becomes.FAILED: State.FAILED, Becomes.SKIPPED: State.SUCCESS,
    Becomes.FALLBACK: State.CACHED, Becomes.COPY: State.CACHED,
}  # fmt: skip


@dataclass(slots=True)
class Written:
    """What was committed. ``accepted``: verdicts that were not stale, whose deltas count; ``again``: processors of
    pieces that wait once more; ``unwanted``: ids of jobs that have begun after they were cancelled; ``paused``: steps
    that were to pause, and have something left that waits; ``delayed``: some next tries come later."""

    accepted: list[Verdict] = field(default_factory=list)
    consequences: Consequences = field(default_factory=Consequences)
    again: set[str] = field(default_factory=set)
    unwanted: list[str] = field(default_factory=list)
    paused: list[Step | Place] = field(default_factory=list)
    delayed: bool = False


class CompletionWrite:
    """One group of results, written whole. Made for one transaction and thrown away."""

    def __init__(
        self,
        tx: Transaction,
        now: float,
        limits: Limits,
        host_of: Callable[[str], str],
        virtual_time: VirtualTime | None = None,
    ) -> None:
        self._tx = tx
        self._now = now
        self._limits = limits
        self._host_of = host_of
        self._delays: list[Delay] = []
        self._endings: list[Ending] = []
        self._pages: list[PageEnding] = []
        self._failed: list[FailedAttempt] = []
        self._finished: list[Finished] = []
        self._changes: list[Change] = []
        self._touched: dict[int, Dispatched] = {}  # jobs of many pages in which a piece has ended
        self._rows: dict[int, JobRow] = {}
        self._other_ways = OtherWays(tx, RunSteps(tx), virtual_time)
        self.written = Written()

    def run(
        self, verdicts: Sequence[Verdict], taken: Sequence[tuple[Dispatched, Taken]], trips: Collection[Trip] = ()
    ) -> Written:
        self._rows = jobs.rows(self._tx, {v.piece.seq for v in verdicts} | {piece.seq for piece, _ in taken})
        self._mark_running(taken)
        for verdict in verdicts:
            row = self._rows[verdict.piece.seq]
            if verdict.piece.of_many:
                self._take_piece(row, verdict)
            elif row.state in (State.QUEUED, State.RUNNING) and row.attempt == verdict.piece.attempt:
                self._take_single(row, verdict)
        jobs.end_attempts(self._tx, self._endings)
        pieces.end_pages(self._tx, self._pages)
        for piece in self._touched.values():
            self._end_if_whole(piece)
        attempts.add(self._tx, self._failed)
        page_counts.put(self._tx, self._counts())
        self._add_deltas()
        self.written.consequences = follow(self._tx, self._finished, self._now)
        self._changes.extend(changes(self._tx, self.written.consequences))
        held.delay(self._tx, self._delays)
        ended = [verdict.piece for verdict in self.written.accepted if verdict.result.end and verdict.piece.holds_files]
        held_files.drop(self._tx, [(piece.seq, piece.piece) for piece in ended])
        self.written.delayed = bool(self._delays)
        self._pause(trips)
        events.add(self._tx, self._changes, self._now)
        return self.written

    def _mark_running(self, taken: Sequence[tuple[Dispatched, Taken]]) -> None:
        live = [(p, t) for p, t in taken if t.begun and self._rows[p.seq].state is State.QUEUED]
        holders.hold(self._tx, [p.held_by(t.session) for p, t in taken if t.session])
        jobs.mark_running(self._tx, {(p.seq, self._rows[p.seq].attempt, self._now - t.ago) for p, t in live})
        pieces.mark_running(self._tx, [(p.seq, p.piece, p.attempt) for p, t in taken if t.begun and p.of_many])
        self._changes.extend(self._change(p, State.RUNNING) for p, _ in live)
        self.written.unwanted.extend(p.id for p, _ in taken if self._rows[p.seq].cancelling)

    def _take_single(self, row: JobRow, verdict: Verdict) -> None:
        self.written.accepted.append(verdict)
        result, worst = verdict.result, verdict.worst
        cause = worst.cause if worst else result.cause
        message = worst.message if worst else result.message
        context = verdict.piece.context
        again = (verdict.waits or verdict.next is not Next.OVER) and not row.cancelling
        mark, decided = "", Becomes.FAILED
        losses = row.losses
        if again:
            state = State.CACHED
            self.written.again.add(row.processor)
            losses = self._before_next(verdict, cause, row.seq, None, row.tries, losses)
        elif cause is None:
            state, mark = State.SUCCESS, context.mark
        elif cause is Cause.CANCELLED or row.cancelling:
            state = State.CANCELLED
        else:
            existed = worst is not None and worst.existed
            decided = of_only_page(_becomes(verdict, cause, existed), context.policies, context.kind)
            state, mark = _ENDS[decided], SKIPPED if decided is Becomes.SKIPPED else ""
        other_way = decided in OTHER_WAYS
        if cause is not None:
            self._tell(verdict, verdict.piece.pages[0], cause, message, again=again or decided is Becomes.FALLBACK)
        if other_way:
            self.written.again.add(self._other_ways.take(row, context.alternative, decided))
        over = state.is_final
        self._endings.append(
            Ending(
                seq=row.seq,
                state=state,
                cause=cause,
                message=message,
                started_at=self._now - result.seconds if over else None,
                ended_at=self._now if over else None,
                seconds=result.seconds,
                tries=0 if other_way else row.tries + (again and _charges(verdict)),
                losses=0 if other_way else losses,
                mark=mark,
                peak_memory=result.peak_memory,
            )
        )
        self._changes.append(self._change(verdict.piece, state, cause, message))
        if over:
            pages, nothing = frozenset(verdict.piece.pages), frozenset[str]()
            lost = pages if state is not State.SUCCESS else nothing
            skipped = pages if mark == SKIPPED else nothing
            self._finished.append(Finished(row, state, lost, wholly_lost=bool(lost), skipped=skipped))

    def _take_piece(self, row: JobRow, verdict: Verdict) -> None:
        piece, result = verdict.piece, verdict.result
        found = pieces.row(self._tx, piece.seq, piece.piece)
        in_flight = found is not None and found.state in (State.QUEUED, State.RUNNING)
        if row.state.is_final or found is None or not in_flight or found.attempt != piece.attempt:
            return
        self.written.accepted.append(verdict)
        waits = verdict.waits and not row.cancelling
        again = not waits and verdict.next in (Next.AGAIN, Next.FULL_METS) and not row.cancelling
        for page in verdict.pages:
            if page.cause is not None:
                falls_back = not row.cancelling and _becomes(verdict, page.cause, page.existed) is Becomes.FALLBACK
                self._tell(verdict, page.page, page.cause, page.message, again=again or falls_back)
            if page.cause is None:
                self._pages.append(PageEnding(piece.seq, page.page, State.SUCCESS, None, "", piece.context.mark))
            elif not again:
                self._end_page(row, verdict, page)
        for page in verdict.put_back:
            self._tell(verdict, page.page, page.cause or Cause.CANCELLED, page.message, again=True)
        if not result.end:
            return
        if result.cause is not None and verdict.open_pages:
            self._tell(verdict, None, result.cause, result.message, again=waits or verdict.next is not Next.OVER)
        self._touched[piece.seq] = piece
        if again or waits:
            self.written.again.add(piece.processor)
            cause = result.cause or verdict.cause
            losses = self._before_next(verdict, cause, found.job, found.number, found.tries, found.losses)
            tries = found.tries + int(result.charged and not waits)
            found = pieces.PieceRow(
                found.job, found.number, found.state, found.attempt, tries, losses, found.alternative
            )
            pieces.set_states(self._tx, [(found, State.CACHED)])
            self._cut_off(row, piece)
            return
        pieces.set_states(self._tx, [(found, State.SUCCESS)])
        if verdict.next is Next.PAGE_BY_PAGE and not row.cancelling:
            self.written.again.add(piece.processor)
            pieces.cut_again(self._tx, piece.seq, piece.piece, verdict.open_pages)
        else:
            cause = result.cause or Cause.CANCELLED
            for name in verdict.open_pages:
                self._end_page(row, verdict, PageVerdict(name, cause, result.message))
        self._cut_off(row, piece)

    def _end_page(self, row: JobRow, verdict: Verdict, page: PageVerdict) -> None:
        """One that got no output, and is not tried again."""
        assert page.cause is not None
        if row.cancelling or page.cause is Cause.CANCELLED:
            state, mark = State.CANCELLED, ""
        else:
            decided = _becomes(verdict, page.cause, page.existed)
            if decided in OTHER_WAYS:
                verdict.piece.other_ways[page.page] = decided
                return
            state, mark = _ENDS[decided], SKIPPED if decided is Becomes.SKIPPED else ""
        self._pages.append(PageEnding(verdict.piece.seq, page.page, state, page.cause, page.message, mark))

    def _cut_off(self, row: JobRow, piece: Dispatched) -> None:
        """Pieces of their own for the pages that are done in another way, now that nobody works on this one."""
        pages: dict[Becomes, list[str]] = {}
        for page, decided in piece.other_ways.items():
            pages.setdefault(decided, []).append(page)
        if not row.cancelling:
            self.written.again |= self._other_ways.cut_off(row, piece.piece, piece.context.alternative, pages)

    def _before_next(
        self, verdict: Verdict, cause: Cause | None, job: int, piece: int | None, tries: int, losses: int
    ) -> int:
        """What the table says of the next try: when, and, by the number of losses, whether alone."""
        if cause is None or not _charges(verdict):
            return losses
        if pause := pause_before_next(cause, tries):
            self._delays.append(Delay(job, piece, self._now + pause))
        return losses_before_next(cause, losses, self._limits)

    def _pause(self, trips: Collection[Trip]) -> None:
        """Steps in which too much has failed for one cause, unless nothing of them waits."""
        for trip in trips:
            if change := pause(self._tx, trip, self._now):
                self.written.paused.append(trip.of)
                self._changes.append(change)

    def _end_if_whole(self, piece: Dispatched) -> None:
        """A job of many pages is over when all its pieces are."""
        if pieces.open_pieces(self._tx, piece.seq):
            return
        ended = end_book(self._tx, self._rows[piece.seq], piece.context.policies, self._now)
        self._changes.append(self._change(piece, ended.state, ended.cause, ended.message))
        self._finished.append(ended)

    def _tell(self, verdict: Verdict, page: str | None, cause: Cause, message: str, *, again: bool) -> None:
        result = verdict.result
        self._failed.append(
            FailedAttempt(
                job=verdict.piece.seq,
                piece=verdict.piece.piece,
                attempt=verdict.piece.attempt,
                page=page,
                cause=cause,
                message=message,
                log_tail=result.log_tail,
                seconds=result.seconds,
                peak_memory=result.peak_memory,
                again=again,
                ended_at=self._now,
                host=self._host_of(verdict.sender),
                runner=result.runner,
            )
        )

    def _counts(self) -> list[CountsRow]:
        return [
            CountsRow(verdict.piece.seq, page.page, counts.regions, counts.lines, counts.words, counts.confidence)
            for verdict in self.written.accepted
            for page in verdict.pages
            if (counts := page.counts) is not None
        ]

    def _add_deltas(self) -> None:
        by_workspace: dict[int, list[Delta]] = {}
        for verdict in self.written.accepted:
            if verdict.delta.files:
                by_workspace.setdefault(verdict.piece.context.workspace, []).append(verdict.delta)
        deltas.add(self._tx, list(by_workspace.items()))

    @staticmethod
    def _change(piece: Dispatched, state: State, cause: str | None = None, message: str = "") -> Change:
        page = None if piece.of_many else piece.pages[0]
        return Change(piece.context.run_id, state.value, piece.id, piece.context.step, page, cause, message)


def _becomes(verdict: Verdict, cause: Cause, existed: bool) -> Becomes:
    piece = verdict.piece
    context = piece.context
    fallback = context.fallback is not None
    return becomes(context.policies, cause, existed=existed, copying=piece.copies_input, fallback=fallback)


def _charges(verdict: Verdict) -> bool:
    """Whether the next try is one try less."""
    return verdict.result.charged and not verdict.waits and verdict.next is Next.AGAIN
