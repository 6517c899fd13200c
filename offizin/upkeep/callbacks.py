"""Calling back: results are POSTed where users asked for it, with retries that outlive a restart."""

from __future__ import annotations

import asyncio
import logging

import httpx

from offizin.clock import Clock
from offizin.errors import UrlForbidden
from offizin.faults import reach
from offizin.store import callbacks
from offizin.store.callbacks import Callback
from offizin.store.transaction import Database
from offizin.trust.addresses import Addressees, CheckedTransport
from offizin.trust.shown_url import shown_url
from offizin.upkeep.service import Periodic

log = logging.getLogger(__name__)

AT_ONCE = 16
TIME_LIMIT = 30.0
# Seconds before each further try; about a day in all.
PAUSES = (1.0, 5.0, 30.0, 120.0, 600.0, 1800.0, 3600.0, 7200.0, 14400.0, 28800.0, 28800.0)


class Callbacks(Periodic):
    """Those of this ``server``. Redirects are not followed; an answer of 400 or more, or none, is tried again.

    Only ``addressees`` are called, whatever a name means by then; a ``transport`` takes what is called as it is.
    """

    def __init__(
        self,
        database: Database,
        clock: Clock,
        server: int,
        addressees: Addressees,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        super().__init__(clock)
        self._addressees = addressees
        self._database = database
        self._server = server
        self._transport = transport

    async def work(self) -> float | None:
        now = self._clock.now()
        due = await self._database.read(lambda tx: callbacks.due(tx, now, AT_ONCE, self._server))
        if due:
            transport = self._transport or CheckedTransport(self._addressees)
            async with httpx.AsyncClient(timeout=TIME_LIMIT, transport=transport) as client:
                await asyncio.gather(*(self._call(client, callback) for callback in due))
            return 0.0
        at = await self._database.read(lambda tx: callbacks.next_due(tx, self._server))
        return None if at is None else max(0.0, at - self._clock.now())

    async def _call(self, client: httpx.AsyncClient, callback: Callback) -> None:
        forbidden = False
        try:
            answer = await client.post(
                callback.url, content=callback.body, headers={"Content-Type": "application/json"}
            )
            trouble = f"it answered {answer.status_code}" if answer.status_code >= 400 else ""
        except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
            trouble = f"{type(error).__name__}: {error}"
        except UrlForbidden as error:
            trouble, forbidden = error.message, True
        if not trouble:
            reach("callback: delivered")
            await self._database.write(lambda tx: callbacks.delivered(tx, callback.seq))
        elif forbidden or callback.tries >= len(PAUSES):
            log.error(
                "callback to %s is given up after %d tries: %s", shown_url(callback.url), callback.tries + 1, trouble
            )
            await self._database.write(lambda tx: callbacks.delivered(tx, callback.seq))
        else:
            pause = PAUSES[callback.tries]
            log.warning("callback to %s failed (%s); once more in %g s", shown_url(callback.url), trouble, pause)
            at = self._clock.now() + pause
            await self._database.write(lambda tx: callbacks.put_off(tx, callback.seq, at))
