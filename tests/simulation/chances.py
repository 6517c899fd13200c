"""All randomness of a simulated world, from its seed. Each kind of trouble has a stream of its own, so that leaving one
out changes the others as little as possible."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterable

# How likely each trouble is, each time it might happen.
TROUBLES: dict[str, float] = {
    "the server is killed": 0.004,
    "the server is killed in a transaction": 0.004,
    "a transaction fails": 0.01,
    "a look into the database fails": 0.005,
    "publishing fails": 0.01,
    "a result comes twice": 0.15,
    "a result is lost with the broker": 0.01,
    "a piece is lost with the broker": 0.01,
    "a result of a dead server comes late": 0.3,
    "saving a METS fails": 0.1,
    "a METS cannot be read": 0.05,
    "a runner does not load": 0.05,
    "a runner is killed from outside": 0.03,
    "a processor crashes": 0.03,
    "a processor hangs": 0.01,
    "a processor ends after its last page": 0.05,
    "a page fails": 0.08,
    "a page fails once": 0.08,
    "a page has bad output": 0.03,
    "a page is forgotten": 0.03,
    "a model is gone for a while": 0.4,
    "a disk is full": 0.03,
    "a piece fails before its first page": 0.05,
    "a user goes away": 0.1,
    "a callback is not answered": 0.3,
}


# And in a cluster.
CLUSTER_TROUBLES: dict[str, float] = {
    "a connection is lost": 0.01,
    "the broker comes back empty": 0.002,
    "a worker is killed": 0.004,
    "a worker is stopped": 0.004,
    "a worker sleeps": 0.004,
}


class Chances:
    """``troubles``: those that happen in this world; ``happened`` counts them."""

    def __init__(self, seed: str, troubles: Iterable[str]) -> None:
        self.troubles = frozenset(troubles)
        self.happened: Counter[str] = Counter()
        self._seed = seed
        self._streams: dict[str, random.Random] = {}

    def stream(self, name: str) -> random.Random:
        found = self._streams.get(name)
        if found is None:
            found = self._streams[name] = random.Random(f"{self._seed}/{name}")
        return found

    def happens(self, trouble: str) -> bool:
        chance = TROUBLES.get(trouble) or CLUSTER_TROUBLES[trouble]
        if trouble not in self.troubles or self.stream(trouble).random() >= chance:
            return False
        self.happened[trouble] += 1
        return True

    def is_so(self, trouble: str, of: str) -> bool:
        """The same answer for the same thing, whenever it is asked."""
        if trouble not in self.troubles:
            return False
        so = random.Random(f"{self._seed}/{trouble}/{of}").random() < TROUBLES[trouble]
        self.happened[trouble] += so
        return so

    def seconds(self, name: str, most: float) -> float:
        """Mostly short, seldom long, often none."""
        stream = self.stream(name)
        kind = stream.random()
        if kind < 0.4:
            return 0.0
        return stream.random() * (most if kind > 0.9 else most / 20)
