"""What a client asks of workspaces. What goes up or comes down is never in memory as a whole."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from urllib.parse import quote

from offizin.client.answers import Workspace
from offizin.client.asking import STREAM_PATIENCE, Asking

OCRD_ZIP = "application/vnd.ocrd+zip"


class WorkspaceRequests(Asking):
    """Part of ``Client``."""

    async def workspaces(self, *, before: str = "", limit: int = 50) -> list[Workspace]:
        """The newest first; ``before`` is the id of the last one that is known already."""
        asked = {"limit": str(limit)} | ({"before": before} if before else {})
        return await self._ask("GET", "/workspace", list[Workspace], params=asked)

    async def workspace(self, workspace_id: str) -> Workspace:
        return await self._ask("GET", _path(workspace_id), Workspace)

    async def upload_workspace(self, content: Iterator[bytes], description: str = "") -> Workspace:
        """A zip, part by part."""
        return await self._ask(
            "POST", "/workspace", Workspace, params=_described(description), content=_in_thread(content),
            headers={"Content-Type": OCRD_ZIP}, timeout=STREAM_PATIENCE,
        )  # fmt: skip

    async def fetch_workspace(self, mets_url: str, description: str = "") -> Workspace:
        """Have the server fetch a METS, and the images of its pages."""
        body = {"mets_url": mets_url, "description": description}
        return await self._ask("POST", "/workspace", Workspace, json=body, timeout=STREAM_PATIENCE)

    async def download_workspace(self, workspace_id: str) -> AsyncGenerator[bytes]:
        """As OCRD-ZIP, part by part. Raises Unavailable when it breaks off."""
        async with self._stream(_path(workspace_id), {}, OCRD_ZIP) as response:
            async for part in response.aiter_bytes():
                yield part

    async def delete_workspace(self, workspace_id: str) -> Workspace:
        return await self._ask("DELETE", _path(workspace_id), Workspace, timeout=STREAM_PATIENCE)


def _path(workspace_id: str) -> str:
    return f"/workspace/{quote(workspace_id, safe='')}"


def _described(description: str) -> dict[str, str]:
    return {"description": description} if description else {}


async def _in_thread(parts: Iterator[bytes]) -> AsyncIterator[bytes]:
    while (part := await asyncio.to_thread(next, parts, None)) is not None:
        yield part
