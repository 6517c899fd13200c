"""Requests that a web page has a browser make are refused, whoever sits before it.

The header Host must be a name that only this server can be meant by, so that no page reaches it under a name of its own
(DNS rebinding); Origin, where a browser sends it, must be the server itself (Fetch standard, "origin header"); and what
a browser calls cross-site (Fetch Metadata) may only be a link that was followed.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable, Sequence
from urllib.parse import urlsplit

from offizin.errors import NotAllowed

# RFC 9110, section 7.2, without what no host is called
_HOST = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(?::[0-9]*)?")

_MOST_REMEMBERED = 100


class Hosts:
    """``names``: hosts that this server is known by (``*.example.org``: and all below); ``origins``: of web pages that
    may ask, as in ``https://ocr.example.org``."""

    def __init__(self, names: Iterable[str], origins: Iterable[str] = ()) -> None:
        self._names = {_plain(name) for name in names}
        self._known: set[str] = set()  # that were looked at already
        self._origins = {origin.lower().rstrip("/") for origin in origins}

    def add(self, name: str) -> None:
        self._names.add(_plain(name))

    def add_of(self, url: str) -> None:
        """The host of a URL."""
        try:
            self.add(urlsplit(url).hostname or "")
        except ValueError:
            pass

    def check(
        self, method: str, hosts: Sequence[str], origins: Sequence[str], fetch_site: str, fetch_mode: str
    ) -> None:
        """The headers Host, Origin, Sec-Fetch-Site and -Mode of a request ("" where there is none). Raises NotAllowed.

        No browser leaves Host out, so that may be missing.
        """
        if len(hosts) > 1 or len(origins) > 1:
            raise NotAllowed("the request has a header Host or Origin twice", advice="Send each once.")
        host = hosts[0] if hosts else ""
        if hosts and not self._is_known(host):
            raise NotAllowed(
                f"the server is not known by the name {_shown(host)}",
                advice="Use its IP address; or add the name to the setting allowed_hosts (OFFIZIN_ALLOWED_HOSTS).",
            )
        if origins and not self._is_own(origins[0], host):
            raise NotAllowed(
                f"web pages of {_shown(origins[0])} may not ask this server",
                advice="If they shall, add that to the setting allowed_origins (OFFIZIN_ALLOWED_ORIGINS).",
            )
        followed = method == "GET" and fetch_mode == "navigate"
        if fetch_site == "cross-site" and not origins and not followed:
            raise NotAllowed(
                "the request was made by a web page of somebody else",
                advice="Open the address itself, or ask with a program.",
            )

    def _is_known(self, host: str) -> bool:
        if host in self._known:
            return True
        known = self._may_be_meant(host)
        if known and len(self._known) < _MOST_REMEMBERED:
            self._known.add(host)
        return known

    def _may_be_meant(self, host: str) -> bool:
        name = _name_in(host)
        if name is None:
            return False
        if is_address(name) or "." not in name or name in self._names or "*" in self._names:
            return True
        _, *above = name.split(".")
        return any(f"*.{'.'.join(above[i:])}" in self._names for i in range(len(above)))

    def _is_own(self, origin: str, host: str) -> bool:
        """The scheme is not compared: a proxy may have taken the encryption away."""
        if origin.lower() in self._origins:
            return True
        try:
            parts = urlsplit(origin)
        except ValueError:
            return False
        return parts.scheme in ("http", "https") and parts.netloc.lower() == host.lower()


def is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host.strip("[]"))
    except ValueError:
        return False
    return True


def _name_in(host: str) -> str | None:
    """Of ``name:port``; None where that is no host at all."""
    match = _HOST.fullmatch(host)
    return None if match is None else _plain(match[1])


def _plain(name: str) -> str:
    return name.lower().strip("[]").removesuffix(".")


def _shown(text: str) -> str:
    return ascii(text[:200])
