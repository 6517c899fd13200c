"""Which of the other servers are dead, to judge by their beats. Pure.

Hosts' clocks differ, so a server's silence is measured by the observer's own clock, from when it last saw the beat
change. And it is measured in looks, too: they come with a beat of the observer's own, in one transaction. Whatever
holds all servers up (a long transaction, a database that was away, the observer's own process stopped) lets hardly any
look happen, and so is not mistaken for somebody's death.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from offizin.store.servers import ServerRow

# Looks without a change before a server can count as dead.
LEAST_LOOKS = 3


@dataclass(slots=True)
class _Seen:
    row: ServerRow
    at: float
    silent: float = 0.0
    looks: int = 0


class Silence:
    """``lease``: how long a living server may be silent, in seconds."""

    def __init__(self, lease: float) -> None:
        self._lease = lease
        self._seen: dict[int, _Seen] = {}

    def look(self, rows: Collection[ServerRow], now: float) -> None:
        """``rows`` of the other servers, ``now`` on the observer's monotonic clock."""
        self._seen = {row.seq: self._changed(row, now) for row in rows}

    def living(self) -> list[ServerRow]:
        """Those that show life, or may yet."""
        return [seen.row for seen in self._seen.values() if not self._is_dead(seen)]

    def dead(self) -> list[ServerRow]:
        return [seen.row for seen in self._seen.values() if self._is_dead(seen)]

    def _changed(self, row: ServerRow, now: float) -> _Seen:
        seen = self._seen.get(row.seq)
        if seen is None or seen.row != row:
            return _Seen(row, now)
        seen.looks += 1
        seen.silent = now - seen.at
        return seen

    def _is_dead(self, seen: _Seen) -> bool:
        return seen.row.has_left or (seen.looks >= LEAST_LOOKS and seen.silent >= self._lease)
