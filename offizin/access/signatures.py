"""How servers that share a database know each other, and how they know the workers that they have started."""

from __future__ import annotations

import hashlib
import hmac
from urllib.parse import quote, unquote

from offizin.access.random_text import url_safe
from offizin.access.scopes import Scope
from offizin.access.tokens import PREFIX, Holder
from offizin.clock import Clock
from offizin.errors import TokenNeeded

# What the secret is called in table ``secrets``.
SECRET = "servers"
# The scheme of the header Authorization.
SCHEME = "Offizin-Server"
# So far, in seconds, may the clocks of two servers be apart, with the time that a request is on its way.
TIME_APART = 300.0

WORKERS = Holder("workers", Scope.WORKER)


class Signatures:
    """Requests that one server sends on to another: method, target, time and who has asked are signed with a ``secret``
    that only servers on the database know. The other server believes that the asker was let in."""

    def __init__(self, secret: str, clock: Clock) -> None:
        self._secret = secret.encode()
        self._clock = clock

    @property
    def worker_token(self) -> str:
        """Of the workers that servers start on hosts. It is the same on all servers, and stands in no table."""
        return PREFIX + self._digest("worker token")

    def sign(self, method: str, target: str, asker: str) -> str:
        """The value of the header Authorization. ``target`` is path and query as they are sent."""
        at, name = f"{self._clock.now():.3f}", quote(asker, safe="")
        return f"{SCHEME} {at}:{name}:{self._digest('request', method, target, at, name)}"

    def asker(self, method: str, target: str, authorization: str) -> Holder:
        """Who has asked the other server. Raises TokenNeeded for what no server has signed now."""
        try:
            at, name, signature = authorization.removeprefix(SCHEME).strip().split(":")
            age = abs(self._clock.now() - float(at))
        except ValueError:
            raise TokenNeeded("the signature is none") from None
        expected = self._digest("request", method, target, at, name)
        if not hmac.compare_digest(expected.encode(), signature.encode(errors="replace")):
            raise TokenNeeded("the signature is not that of a server on this database")
        if not age <= TIME_APART:
            raise TokenNeeded(
                "the signature is of another time", advice="Do the clocks of the servers agree? They should run NTP."
            )
        return Holder(unquote(name), Scope.ADMIN)

    def _digest(self, *said: str) -> str:
        return url_safe(hmac.digest(self._secret, "\0".join(said).encode(), hashlib.sha256))
