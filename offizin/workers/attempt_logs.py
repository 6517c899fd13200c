"""What attempts write on a worker of its own. It lies there until their servers have it: live, when somebody follows
the job; the rest with the result, after what is too long for that."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Protocol

from offizin.brokers.broker import Broker, Kind, Message, results_of
from offizin.clock import Clock
from offizin.errors import Unavailable
from offizin.logs import named_attempt, read_end, read_part
from offizin.messages import LogPart, PieceTicket, encode
from offizin.workers.membership import Held

log = logging.getLogger(__name__)

MOST_WITH_RESULT = 64 * 1024
# Sent at once over HTTP, and through a queue (of what is followed, five times a second).
CHUNK = 256 * 1024
CHUNK_IN_QUEUE = 16 * 1024
# Of what is not sent when an attempt ends, beginning and end are sent, so many bytes of each.
MOST_OF_EACH = 8 * 1024 * 1024
# What an earlier session has left and no server takes is kept so long, in seconds.
KEEP_LEFT = 24 * 3600


class Upload(Protocol):
    async def send(self, part: LogPart) -> None:
        """Returns when the server has it. Raises Unavailable."""
        ...


class AttemptLogs:
    """``directory`` is the one that runners write in; ``upload``: None when no server's URL is known."""

    def __init__(self, directory: Path, broker: Broker, upload: Upload | None, clock: Clock) -> None:
        self._clock = clock
        self._directory = directory
        self._broker = broker
        self._upload = upload
        self._sending_left: asyncio.Task[None] | None = None

    async def ends(self, ended: Sequence[Held]) -> list[tuple[bytes, int]]:
        """For each attempt that is over: what shall go with its result, and from which byte on that is."""
        found = await asyncio.to_thread(self._ends, ended)
        for held, (_, begin) in zip(ended, found, strict=True):
            if begin > held.log_sent:
                await self._send_before(held.ticket, held.log_sent, begin)
        return found

    async def send_new(self, held: Held) -> bool:
        """Send the next part of what an attempt has written; whether there was any."""
        begin = held.log_sent
        content = await asyncio.to_thread(self._read, held.ticket.log, begin, CHUNK)
        if not content:
            return False
        try:
            await self._send_live(held, begin, content)
        except Unavailable:
            content = content[:CHUNK_IN_QUEUE]
            message = Message(Kind.LOG, encode(_part(held.ticket, begin, content)))
            await self._broker.publish(results_of(held.server), [message])
        held.log_sent = begin + len(content)
        return True

    async def delete(self, ended: Sequence[Held]) -> None:
        """Their servers will have them."""
        await asyncio.to_thread(self._delete, [held.ticket.log for held in ended])

    async def send_left(self) -> None:
        """Send in the background what was left here with an earlier session: it tells what that died of. Nothing must
        be running now."""
        if self._sending_left is not None and not self._sending_left.done():
            return
        left = await asyncio.to_thread(lambda: {path.name: path.stat() for path in self._directory.glob("*.log")})
        if left:
            self._sending_left = asyncio.create_task(self._send_left(left), name="logs of earlier sessions")

    async def close(self) -> None:
        if self._sending_left is not None:
            self._sending_left.cancel()
            await asyncio.gather(self._sending_left, return_exceptions=True)

    async def _send_left(self, left: Mapping[str, os.stat_result]) -> None:
        for name, file in left.items():
            attempt = named_attempt(name)
            is_old = self._clock.now() - file.st_mtime > KEEP_LEFT
            if attempt is None or await self._send_before(PieceTicket(*attempt, "", name), 0, file.st_size) or is_old:
                await asyncio.to_thread(self._delete, [name])

    async def _send_live(self, held: Held, begin: int, content: bytes) -> None:
        if self._upload is None:
            raise Unavailable("no server's URL is known")
        await self._upload.send(_part(held.ticket, begin, content))

    async def _send_before(self, ticket: PieceTicket, begin: int, end: int) -> bool:
        """Whether all of it arrived. What a server does not get, it notes as missing."""
        parts = [(begin, end)]
        if end - begin > 2 * MOST_OF_EACH:
            parts = [(begin, begin + MOST_OF_EACH), (end - MOST_OF_EACH, end)]
        try:
            if self._upload is None:
                raise Unavailable("this worker knows no server's URL (offizin worker --server)")
            for start, stop in parts:
                for offset in range(start, stop, CHUNK):
                    content = await asyncio.to_thread(self._read, ticket.log, offset, min(CHUNK, stop - offset))
                    if content:
                        await self._upload.send(_part(ticket, offset, content))
        except Unavailable as error:
            log.warning("%d bytes of the log of job %s are not with the server: %s", end - begin, ticket.job, error)
            return False
        return True

    def _ends(self, ended: Sequence[Held]) -> list[tuple[bytes, int]]:
        return [read_end(self._directory / held.ticket.log, held.log_sent, MOST_WITH_RESULT) for held in ended]

    def _read(self, name: str, offset: int, most: int) -> bytes:
        return read_part(self._directory / name, offset, most)

    def _delete(self, names: Sequence[str]) -> None:
        for name in names:
            try:
                (self._directory / name).unlink(missing_ok=True)
            except OSError as error:
                log.warning("%s cannot be deleted: %s", self._directory / name, error.strerror)


def _part(ticket: PieceTicket, offset: int, content: bytes) -> LogPart:
    return LogPart(ticket.job, ticket.attempt, ticket.piece, offset, content)
