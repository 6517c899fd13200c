"""Text that nobody can guess."""

from __future__ import annotations

import base64
import hashlib

from offizin.clock import Clock


def random_text(clock: Clock) -> str:
    """43 url-safe characters, which hold the 244 random bits of two ids."""
    return url_safe(hashlib.sha256(f"{clock.new_id()} {clock.new_id()}".encode()).digest())


def url_safe(digest: bytes) -> str:
    """Base64 without padding (RFC 4648, section 5)."""
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
