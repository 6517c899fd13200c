"""What a worker tells of pieces survives a broker that comes back empty between two reports on one of them."""

from __future__ import annotations

import asyncio
from pathlib import Path

from offizin.brokers.broker import Delivery, Kind, Message, results_of
from offizin.brokers.in_process import InProcessBroker
from offizin.clock import SystemClock
from offizin.messages import PageOutcome, PieceTicket, Result, decode_results, encode
from offizin.workers.membership import Held
from offizin.workers.reports import Report, Reports


class _Taken:
    """A delivery from a server in the network."""

    redelivered = lost = acknowledged = False
    message = Message(Kind.PIECE, b"", sender="server")

    def acknowledge(self) -> None:
        self.acknowledged = True

    def hand_back(self) -> None:
        raise AssertionError

    refuse = hand_back


async def test_the_end_of_a_piece_tells_once_more_what_was_told_of_its_pages(tmp_path: Path) -> None:
    broker, delivery = InProcessBroker(), _Taken()
    arrived: asyncio.Queue[Delivery] = asyncio.Queue()

    def deliver(deliveries: list[Delivery]) -> None:
        for each in deliveries:
            arrived.put_nowait(each)

    await broker.consume(results_of("server"), 10, deliver)
    reports = Reports(broker, SystemClock(), "session", tmp_path, None)
    held = Held(delivery, PieceTicket("job", 1, 0, "ocrd-dummy", "log", 2), "session")
    first = Result("job", 1, 0, [PageOutcome("P1")], end=False)
    await reports.pass_on([Report(held, encode(first), end=False)])
    assert not delivery.acknowledged
    await reports.pass_on([Report(held, encode(Result("job", 1, 0, [PageOutcome("P2")])), end=True)])
    bodies = [(await arrived.get()).message.body for _ in range(2)]
    assert [[outcome.page for result in decode_results(body) for outcome in result.pages] for body in bodies] == [
        ["P1"], ["P1", "P2"],
    ]  # fmt: skip
    assert [result.end for result in decode_results(bodies[-1])] == [False, True]
    assert delivery.acknowledged
