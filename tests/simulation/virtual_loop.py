"""An event loop without a clock, threads or sockets: time jumps to the next timer, so a day passes in a moment and the
same seed gives the same story. And the lives of servers, which end between any two of its turns.
"""

from __future__ import annotations

import asyncio
import contextvars
import random
from collections.abc import Callable, Coroutine
from typing import Any

# So much later is later, in seconds.
INSTANT = 1e-6


class Killed(BaseException):
    """The server that runs this has been killed: its call stack unwinds, and nothing it does reaches anybody."""


class Life:
    """From the start of a server to its end. What was begun in a life does not outlast it."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.ended = False
        self.asleep = False  # stopped by a signal: it does not notice that time passes
        self.missed: list[asyncio.Handle] = []
        self.context = contextvars.copy_context()
        self.context.run(_life.set, self)


_life: contextvars.ContextVar[Life | None] = contextvars.ContextVar("life", default=None)


def current_life() -> Life | None:
    return _life.get()


class NothingHappens(Exception):
    """Nobody waits for any time to pass: everything stands still for ever."""


class TooManySteps(Exception):
    """Something goes round without end."""


class VirtualLoop(asyncio.BaseEventLoop):
    """``threads`` says how long what is given to a thread takes (seconds before its work is done, and after)."""

    def __init__(self, threads: Callable[[], tuple[float, float]], most_steps: int) -> None:
        super().__init__()
        self.steps = 0
        self._threads = threads
        self._most_steps = most_steps
        self._passed = 0.0
        self._clock_resolution = 1e-9
        self._selector = self
        self._dead: list[asyncio.Task[Any]] = []
        self._alive: dict[Life, list[asyncio.Task[Any]]] = {}
        self.set_exception_handler(lambda _loop, _context: None)

    def time(self) -> float:
        return self._passed

    def select(self, timeout: float | None) -> list[Any]:
        """What a selector does while it waits."""
        self.steps += 1
        if self.steps > self._most_steps:
            raise TooManySteps
        if timeout is None:
            raise NothingHappens
        self._passed += timeout
        return []

    def call_soon(
        self, callback: Callable[..., object], *args: Any, context: contextvars.Context | None = None
    ) -> asyncio.Handle:
        life = _life_of(context)
        if life is None:
            return super().call_soon(callback, *args, context=context)  # type: ignore[arg-type]
        guard = _Guard(life, callback, args)
        guard.handle = handle = super().call_soon(guard, context=context)
        if life.ended:
            handle.cancel()
        return handle

    def call_at(
        self, when: float, callback: Callable[..., object], *args: Any, context: contextvars.Context | None = None
    ) -> asyncio.TimerHandle:
        life = _life_of(context)
        if life is None:
            return super().call_at(when, callback, *args, context=context)  # type: ignore[arg-type]
        guard = _Guard(life, callback, args)
        guard.handle = handle = super().call_at(when, guard, context=context)
        if life.ended:
            handle.cancel()
        return handle

    def run_in_executor(self, executor: Any, func: Callable[..., Any], *args: Any) -> asyncio.Future[Any]:
        """A thread that takes its time. Its work happens at one instant of that, or never if its server is killed."""
        future: asyncio.Future[Any] = self.create_future()
        before, after = self._threads()

        def work() -> None:
            try:
                result = func(*args)
            except Exception as error:
                self.call_later(after, _fail, future, error)
            else:
                self.call_later(after, _succeed, future, result)

        self.call_later(before, work)
        return future

    def live(self, life: Life, coroutine: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        """Run in a server's life. If that ends first, the task is never done."""
        return self.create_task(coroutine, context=life.context.copy())

    def end(self, life: Life) -> None:
        """Kill: from this instant on nothing of it runs."""
        life.ended = True
        life.missed.clear()
        for handle in [*self._ready, *self._scheduled]:  # type: ignore[attr-defined]
            if not handle.cancelled() and _is_dead(handle._context):
                handle.cancel()

    def wake(self, life: Life) -> None:
        """It goes on where it was stopped; all that was due meanwhile is due now."""
        life.asleep = False
        missed, life.missed = life.missed, []
        self._ready.extend(handle for handle in missed if not handle.cancelled())  # type: ignore[attr-defined]

    def bury(self) -> None:
        """Close, and throw away what was left of the dead without running any more of it."""
        for task in asyncio.all_tasks(self):
            task._log_destroy_pending = False  # type: ignore[attr-defined]
            self.call_soon = _buried  # type: ignore[method-assign]
            for _ in range(20):  # once for each wait on its way out
                try:
                    task.get_coro().close()
                    break
                except BaseException:
                    pass
        self.close()

    def _process_events(self, event_list: list[Any]) -> None:
        """There are none."""

    def _write_to_self(self) -> None:
        """Nobody sleeps."""


class _Guard:
    """A callback of a life: not called while that sleeps."""

    __slots__ = ("_args", "_callback", "_life", "handle")

    def __init__(self, life: Life, callback: Callable[..., object], args: tuple[Any, ...]) -> None:
        self.handle: asyncio.Handle | None = None
        self._life = life
        self._callback = callback
        self._args = args

    def __call__(self) -> None:
        if self._life.asleep and self.handle is not None:
            self._life.missed.append(self.handle)
        else:
            self._callback(*self._args)


def _life_of(context: contextvars.Context | None) -> Life | None:
    return _life.get() if context is None else context.get(_life)


def _is_dead(context: contextvars.Context | None) -> bool:
    life = _life_of(context)
    return life is not None and life.ended


def _fail(future: asyncio.Future[Any], error: Exception) -> None:
    if not future.done():
        future.set_exception(error)


def _succeed(future: asyncio.Future[Any], result: Any) -> None:
    if not future.done():
        future.set_result(result)


def _buried(*_args: Any, **_named: Any) -> None:
    raise Killed


class VirtualClock:
    """Time, sleep and ids, all from the loop and the seed."""

    EPOCH = 1_600_000_000.0

    def __init__(self, loop: VirtualLoop, randomness: random.Random) -> None:
        self._loop = loop
        self._randomness = randomness

    def now(self) -> float:
        return self.EPOCH + self._loop.time()

    def monotonic(self) -> float:
        return self._loop.time()

    def new_id(self) -> str:
        return f"{self._randomness.getrandbits(48):012x}"

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)
