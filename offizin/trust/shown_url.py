"""A URL as it can stand in a log or on a screen."""

from __future__ import annotations

import re

from offizin.trust.one_line import one_line

_PASSWORD = re.compile(r"^([A-Za-z][A-Za-z0-9+.-]*://[^/?#@:]*):[^/?#]*@")


def shown_url(url: str) -> str:
    """In one line, and with dots where a password stands."""
    return one_line(_PASSWORD.sub(r"\1:…@", url))
