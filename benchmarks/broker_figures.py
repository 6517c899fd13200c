"""What a broker costs: pieces out, results back, through each of ours: ``python -m benchmarks.broker_figures``.

RabbitMQ is started for it, as for the tests; without it, its row says so.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import uvloop
from rich.console import Console

from benchmarks import tables
from benchmarks.conditions import Conditions, machine
from benchmarks.figures import Figure, Group
from offizin.brokers.amqp_url import AmqpUrl
from offizin.brokers.broker import RESULTS, Broker, Delivery, Kind, Message, queue_of
from offizin.brokers.in_process import InProcessBroker
from offizin.brokers.rabbitmq import RabbitMqBroker
from offizin.clock import SystemClock
from tests.rabbitmq_server import RabbitMqServer, program

IN_FLIGHT = 16
PIECE = Message(Kind.PIECE, b"p" * 2_000)  # about what a piece of one page takes
RESULT = Message(Kind.RESULT, b"r" * 800)
QUEUE = queue_of("ocrd-benchmark")
# What the throw-away prototype of the design reached on two idle cores.
ROUND_TRIPS = 2_100
CPU_EACH = 0.43e-3


def measure(conditions: Conditions) -> Group:
    trips = 3_000 if conditions.quick else 20_000
    figures = _figures("in the process", *uvloop.run(_through_memory(trips * 5)))
    script = program("rabbitmq-server")
    if script is None:
        figures.append(Figure("RabbitMQ", "not installed"))
    else:
        server = RabbitMqServer(script)
        try:
            server.start()
            figures += _figures("RabbitMQ", *uvloop.run(_through_rabbitmq(server, trips)), targets=True)
        finally:
            server.remove()
    return Group(
        f"Brokers: a piece out and its result back, {IN_FLIGHT} in flight",
        figures,
        ["Processor time is that of both ends, server and worker, in one process here, and not RabbitMQ's own."],
    )


def _figures(name: str, trips_a_second: float, cpu_each: float, targets: bool = False) -> list[Figure]:
    return [
        Figure(
            f"{name}: round trips",
            f"{trips_a_second:,.0f} /s",
            f"≥ {ROUND_TRIPS:,} /s" if targets else "",
            trips_a_second >= ROUND_TRIPS if targets else None,
        ),
        Figure(
            f"{name}: processor time of a round trip",
            f"{cpu_each * 1e3:.3f} ms",
            f"≤ {CPU_EACH * 1e3:.2f} ms" if targets else "",
            cpu_each <= CPU_EACH if targets else None,
        ),
    ]


async def _through_memory(trips: int) -> tuple[float, float]:
    broker = InProcessBroker()
    return await _round_trips(broker, broker, trips)


async def _through_rabbitmq(server: RabbitMqServer, trips: int) -> tuple[float, float]:
    url = AmqpUrl.parse(server.url)
    async with _opened(url) as broker, _opened(url) as workers:
        await _round_trips(broker, workers, trips // 10)  # warm
        return await _round_trips(broker, workers, trips)


@asynccontextmanager
async def _opened(url: AmqpUrl) -> AsyncIterator[Broker]:
    broker = await RabbitMqBroker.open(url, SystemClock())
    yield broker
    await broker.close()


async def _round_trips(server: Broker, worker: Broker, trips: int) -> tuple[float, float]:
    """``(round trips a second, seconds of processor time for each)``. What arrives together is answered together, as
    the scheduler and the pool do."""
    sent = back = 0
    over = asyncio.Event()
    sending: set[asyncio.Task[None]] = set()

    def aside(broker: Broker, queue: str, messages: Sequence[Message], answered: Sequence[Delivery]) -> None:
        async def publish() -> None:
            await broker.publish(queue, messages)
            for delivery in answered:
                delivery.acknowledge()

        task = asyncio.get_running_loop().create_task(publish())
        sending.add(task)
        task.add_done_callback(sending.discard)

    def work(pieces: list[Delivery]) -> None:
        aside(worker, RESULTS, [RESULT] * len(pieces), pieces)

    def complete(results: list[Delivery]) -> None:
        nonlocal sent, back
        back += len(results)
        more = min(len(results), trips - sent)
        sent += more
        aside(server, QUEUE, [PIECE] * more, results)
        if back >= trips:
            over.set()

    subscriptions = [await worker.consume(QUEUE, 64, work), await server.consume(RESULTS, 1_000, complete)]
    begin, cpu = time.perf_counter(), time.process_time()
    sent = IN_FLIGHT
    await server.publish(QUEUE, [PIECE] * IN_FLIGHT)
    await over.wait()
    seconds, cpu = time.perf_counter() - begin, time.process_time() - cpu
    await asyncio.gather(*sending)
    for subscription in subscriptions:
        await subscription.cancel()
    return trips / seconds, cpu / trips


def main() -> None:
    console = Console()
    quick = "--quick" in sys.argv[1:]
    console.print(machine(quick), highlight=False)
    with tempfile.TemporaryDirectory(prefix="offizin-benchmark-") as working:
        tables.show(console, measure(Conditions(Path(working), quick)))


if __name__ == "__main__":
    main()
