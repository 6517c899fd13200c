"""Work that must not stop half way when whoever asked for it goes away: a client that hangs up, a user's Ctrl-C."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


async def to_the_end(work: Coroutine[Any, Any, T]) -> T:
    """Await ``work``. It goes on when the waiting is cancelled."""
    return await asyncio.shield(asyncio.ensure_future(work))
