"""URLs that are themselves the right to do one thing with one workspace: for clients that can send no headers.

What stands in the URL is signed with a secret that only the servers know, and is kept nowhere. It holds for as long as
that secret does.
"""

from __future__ import annotations

import hashlib
import hmac
from enum import StrEnum
from pathlib import Path

from offizin.access.random_text import url_safe
from offizin.errors import NotAllowed

# What the secret is called in table ``secrets``.
SECRET = "capabilities"


class Purpose(StrEnum):
    METS = "mets"
    """Read a workspace's METS, and add files and agents to it."""


class Capabilities:
    """``secret`` is the same on all servers that share a database."""

    def __init__(self, secret: str) -> None:
        self._secret = secret.encode()

    def capability(self, purpose: Purpose, workspace: Path) -> str:
        """43 url-safe characters, for the workspace in this absolute directory."""
        said = f"{purpose}\0{workspace}".encode(errors="surrogateescape")
        return url_safe(hmac.digest(self._secret, said, hashlib.sha256))

    def require(self, capability: str, purpose: Purpose, workspace: Path) -> None:
        """Raises NotAllowed unless ``capability`` is that of just this workspace and purpose."""
        expected = self.capability(purpose, workspace)
        if not hmac.compare_digest(expected.encode(), capability.encode(errors="replace")):
            raise NotAllowed(
                "this URL gives no access to that workspace",
                advice="Each workspace has a URL of its own: use the one that was given for it.",
            )
