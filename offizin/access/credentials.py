"""The header Authorization of RFC 9110, section 11.6.2. Pure."""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass, field

from offizin.access.tokens import ADVICE
from offizin.errors import TokenNeeded

# What may be answered to 401; browsers ask for name and secret when they see Basic.
CHALLENGES = ('Basic realm="Offizin", charset="UTF-8"', 'Bearer realm="Offizin"')


@dataclass(frozen=True, slots=True)
class Credentials:
    """``name`` is None where only a secret came."""

    name: str | None
    secret: str = field(repr=False)


def read_credentials(authorization: str) -> Credentials:
    """From ``Bearer SECRET`` (RFC 6750) or ``Basic …`` (RFC 7617). Raises TokenNeeded, and never repeats what came."""
    scheme, _, rest = authorization.strip().partition(" ")
    rest = rest.strip()
    match scheme.lower():
        case "":
            raise TokenNeeded("a token is needed", advice=ADVICE)
        case "bearer" if rest:
            return Credentials(None, rest)
        case "basic":
            try:
                name, colon, secret = base64.b64decode(rest, validate=True).decode().partition(":")
            except (binascii.Error, UnicodeDecodeError, ValueError):
                colon = ""
            if colon:
                return Credentials(name, secret)
    raise TokenNeeded("the header Authorization cannot be read", advice=ADVICE)
