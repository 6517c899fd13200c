"""What a METS of others names: files on this machine, and URLs that a processor would fetch."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote

from offizin.errors import InvalidRequest
from offizin.trust.addresses import Addressees, outgoing_url
from offizin.trust.paths import WorkspaceRoots

_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+:")
_WITHOUT_NAME = re.compile(r"https?://(?:[^/]*@)?(?:[0-9\[]|localhost)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class References:
    """Images outside of the workspace are usual, and allowed where they lie in a root. Only what is written is looked
    at: files that lie in the workspace by their name cost nothing, and no host is asked for."""

    roots: WorkspaceRoots
    addressees: Addressees

    @property
    def all_allowed(self) -> bool:
        return self.roots.anywhere and self.addressees.near

    def check(self, directory: Path, local_filename: str | None, url: str | None) -> None:
        """Raises PathForbidden, UrlForbidden."""
        if local_filename:
            self._check_path(directory, local_filename)
        if not url:
            return
        if url[:5].lower() == "file:" or not _SCHEME.match(url):
            self._check_path(directory, url)
        elif _WITHOUT_NAME.match(url):
            try:
                outgoing_url(url, self.addressees)
            except InvalidRequest as error:
                if error.http_status == 403:
                    raise  # what is no URL at all, nobody can fetch

    def _check_path(self, directory: Path, name: str) -> None:
        if name[:5].lower() == "file:":
            name = unquote(name[5:])
            name = name[2:] if name.startswith("//") else name
        if name.startswith("/") or ".." in name:
            self.roots.require(directory / name)
