"""The reference's METS server on a book, and what both are asked."""

from __future__ import annotations

import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.conformance.mets_server.requests_to_both import make_book

OCRD = Path(sys.executable).parent / "ocrd"


@pytest.fixture(scope="module")
def reference(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    """The reference's server on a copy of the book, and that copy."""
    mets = make_book(tmp_path_factory.mktemp("reference") / "book")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}"
    command = [OCRD, "workspace", "-d", mets.parent, "-U", url, "server", "start"]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    transport = httpx.HTTPTransport(retries=12)  # with growing pauses, until it listens
    with httpx.Client(transport=transport, timeout=60) as client:
        client.get(f"{url}/workspace_path")
    yield url, mets
    process.kill()
    process.wait()


@pytest.fixture
def book(tmp_path: Path) -> Path:
    return make_book(tmp_path / "book")
