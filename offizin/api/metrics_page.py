"""GET /metrics: the server in numbers, in Prometheus's text format."""

from __future__ import annotations

import asyncio
from collections import Counter

from offizin import __version__
from offizin.brokers.broker import queue_of, results_of
from offizin.errors import Unavailable
from offizin.metrics import Exposition, tell_pieces, tell_process
from offizin.offizin import Offizin
from offizin.store.backlog import Backlog, backlog

# A broker that does not answer at once is not waited for, in seconds.
PATIENCE = 2.0
# Counting what is open takes as long as there is much of it: at most this share of the time is spent with that.
SHARE = 0.01


class MetricsPage:
    """One for each server, because counts are kept for a while."""

    def __init__(self, offizin: Offizin) -> None:
        self._offizin = offizin
        self._backlog: Backlog | None = None
        self._good_until = 0.0
        self._counting = asyncio.Lock()

    async def text(self) -> bytes:
        """What cannot be looked up now is left out."""
        offizin, told = self._offizin, Exposition()
        counted, depths = await asyncio.gather(self._counted(), self._depths())
        tell_process(told, __version__, offizin.workforce.loaded())
        if counted is not None:
            _tell_backlog(told, counted)
        self._tell_work(told)
        for queue, depth in depths.items():
            told.tell("offizin_queue_depth", depth, queue)
        self._tell_workers(told)
        self._tell_parts(told)
        return told.text()

    async def _counted(self) -> Backlog | None:
        clock = self._offizin.clock
        async with self._counting:
            if clock.monotonic() >= self._good_until:
                begin, now, server = clock.monotonic(), clock.now(), self._offizin.server.seq
                try:
                    self._backlog = await self._offizin.database.read(lambda tx: backlog(tx, server, now))
                except Unavailable:
                    return None
                end = clock.monotonic()
                self._good_until = end + (end - begin) / SHARE
            return self._backlog

    async def _depths(self) -> dict[str, int]:
        broker = self._offizin.broker
        queues = [results_of(self._offizin.workforce.sender.name)]
        queues += [queue_of(processor) for processor in self._offizin.dispatcher.windows()]
        try:
            async with asyncio.timeout(PATIENCE):
                return dict(zip(queues, await asyncio.gather(*map(broker.depth, queues)), strict=True))
        except (Unavailable, TimeoutError):
            return {}

    def _tell_work(self, told: Exposition) -> None:
        offizin, tallies = self._offizin, self._offizin.tallies
        tell_pieces(told, tallies)
        for processor, count in sorted(tallies.submitted.items()):
            told.tell("offizin_jobs_submitted_total", count, processor)
        counted = {
            "offizin_jobs_ended_total": tallies.ended,
            "offizin_pieces_ended_total": tallies.pieces,
            "offizin_pages_failed_total": tallies.pages_failed,
        }
        for name, counts in counted.items():
            for labels, count in sorted(counts.items()):
                told.tell(name, count, *labels)
        for processor, (out, window) in sorted(offizin.dispatcher.windows().items()):
            told.tell("offizin_pieces_in_flight", out, processor)
            told.tell("offizin_window", window, processor)

    def _tell_workers(self, told: Exposition) -> None:
        offizin, workers = self._offizin, self._offizin.workforce.workers()
        for host, count in sorted(Counter(worker.host for worker in workers).items()):
            told.tell("offizin_workers", count, host)
        for processor in sorted({name for worker in workers for name in worker.processors}):
            told.tell("offizin_slots", offizin.workforce.slots(processor), processor)
        for pause in offizin.pauses.rows:
            told.tell("offizin_paused", 1, pause.kind, pause.name)

    def _tell_parts(self, told: Exposition) -> None:
        offizin = self._offizin
        told.tell("offizin_workspaces_open", offizin.lanes.how_many)
        parts = offizin.timings.table()
        saves = [(count, seconds) for part, count, seconds in parts if part == "METS save"]
        told.tell("offizin_mets_saves_total", sum(count for count, _ in saves))
        told.tell("offizin_mets_save_seconds_total", sum(seconds for _, seconds in saves))
        for kind, durations in sorted(offizin.tallies.transactions.items()):
            told.tell_durations("offizin_database_transaction_seconds", durations, kind)
        for part, count, seconds in parts:
            told.tell("offizin_part_seconds_total", seconds, part)
            told.tell("offizin_part_total", count, part)


def _tell_backlog(told: Exposition, counted: Backlog) -> None:
    told.tell("offizin_runs_live", counted.runs)
    told.tell("offizin_jobs_open", counted.open_jobs)
    for (processor, state), count in sorted(counted.jobs.items()):
        told.tell("offizin_jobs", count, processor, state)
    told.tell("offizin_callbacks", counted.due, "due")
    told.tell("offizin_callbacks", counted.put_off, "put off")
