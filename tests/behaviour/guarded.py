"""A server that is told what it may touch, without a socket: for attacks that need no processor to run."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx

from offizin.processing_server import ProcessingServer
from offizin.settings import Settings
from tests.behaviour.books import make_book


@asynccontextmanager
async def guarded(directory: Path, **settings: Any) -> AsyncIterator[httpx.AsyncClient]:
    """Workspaces lie in ``directory``/root; nobody on a private address is called."""
    (directory / "root").mkdir()
    given = {"workspace_roots": (directory / "root",), "callback_hosts": (), **settings}
    server = ProcessingServer(settings=Settings(home=directory / "home", slots=1, **given))
    async with (
        server.router.lifespan_context(server),
        httpx.AsyncClient(transport=httpx.ASGITransport(server), base_url="http://127.0.0.1") as client,
    ):
        yield client


def book_that_names(directory: Path, what: str, kind: str = 'LOCTYPE="OTHER" OTHERLOCTYPE="FILE"') -> Path:
    """The METS of a book whose first image is said to be at ``what``."""
    mets = make_book(directory, 2)
    written = mets.read_text()
    first = 'LOCTYPE="OTHER" OTHERLOCTYPE="FILE" xlink:href="OCR-D-IMG/IMG_1.png"'
    assert first in written
    mets.write_text(written.replace(first, f'{kind} xlink:href="{what}"'))
    return mets


def job(mets: Path | str, **more: Any) -> dict[str, Any]:
    """The body of a job of ocrd-dummy."""
    return {"path_to_mets": str(mets), "input_file_grps": ["OCR-D-IMG"], "output_file_grps": ["OCR-D-OUT"], **more}
