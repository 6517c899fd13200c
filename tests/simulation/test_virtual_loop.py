"""The loop that the simulation runs on: time jumps, threads take their time, and the dead do nothing."""

from __future__ import annotations

import asyncio

import pytest

from tests.simulation.virtual_loop import Life, NothingHappens, TooManySteps, VirtualLoop


def new_loop(before: float = 0.5, after: float = 0.25, most_steps: int = 10_000) -> VirtualLoop:
    return VirtualLoop(lambda: (before, after), most_steps)


def test_a_day_passes_in_a_moment() -> None:
    loop = new_loop()
    loop.run_until_complete(asyncio.sleep(86_400.0))
    assert loop.time() == pytest.approx(86_400.0)
    loop.bury()


def test_a_thread_takes_its_time_and_works_at_one_instant_of_it() -> None:
    loop = new_loop()
    worked_at: list[float] = []

    async def story() -> str:
        return await asyncio.to_thread(lambda: worked_at.append(loop.time()) or "done")

    assert loop.run_until_complete(story()) == "done"
    assert worked_at == [pytest.approx(0.5)]
    assert loop.time() == pytest.approx(0.75)
    loop.bury()


def test_what_a_thread_raises_arrives() -> None:
    loop = new_loop()
    with pytest.raises(ZeroDivisionError):
        loop.run_until_complete(asyncio.to_thread(lambda: 1 // 0))
    loop.bury()


def test_nothing_of_a_life_outlasts_it() -> None:
    """Neither its tasks, nor their clean-up, nor what they gave to threads or timers."""
    loop = new_loop()
    done: list[str] = []

    async def server() -> None:
        loop.call_later(2.0, done.append, "a timer")
        asyncio.create_task(asyncio.to_thread(lambda: done.append("a thread")))  # noqa: RUF006
        try:
            done.append("begun")
            await asyncio.sleep(2.0)
            done.append("went on")
        finally:
            done.append("cleaned up")

    async def story() -> None:
        life = Life(1)
        loop.live(life, server())
        await asyncio.sleep(0.1)
        loop.end(life)
        await asyncio.sleep(10.0)

    loop.run_until_complete(story())
    assert done == ["begun"]
    loop.bury()


def test_others_live_on() -> None:
    loop = new_loop()
    done: list[int] = []

    async def server(number: int) -> None:
        await asyncio.sleep(1.0)
        done.append(number)

    async def story() -> None:
        one, two = Life(1), Life(2)
        loop.live(one, server(1))
        loop.live(two, server(2))
        await asyncio.sleep(0.5)
        loop.end(one)
        await asyncio.sleep(1.0)

    loop.run_until_complete(story())
    assert done == [2]
    loop.bury()


def test_standstill_and_endless_rounds_are_seen() -> None:
    loop = new_loop(most_steps=100)
    with pytest.raises(NothingHappens):
        loop.run_until_complete(asyncio.Event().wait())

    def round_and_round() -> None:
        loop.call_soon(round_and_round)

    loop.call_soon(round_and_round)
    with pytest.raises(TooManySteps):
        loop.run_until_complete(asyncio.sleep(1.0))
    loop.bury()
