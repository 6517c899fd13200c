"""Adding, listing, getting and deleting the workspaces of a server."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import msgspec
from rich.table import Table

from offizin.cli.connection import Place, clock, connect
from offizin.cli.options import mets_file
from offizin.cli.terminal import result_console
from offizin.cli.wording import count, moment, safe, some
from offizin.client import Client, Workspace
from offizin.errors import Conflict, NotFound, Unavailable
from offizin.trust.paths import plain_name
from offizin.workspaces.ocrd_zip import ocrd_zip, packing
from offizin.workspaces.unfinished_files import unfinished

_PART = 1024 * 1024  # bytes


async def list_workspaces(place: Place, limit: int, *, as_json: bool) -> int:
    async with connect(place, clock()) as connection:
        found = await connection.client.workspaces(limit=limit)
    if as_json:
        print(msgspec.json.encode(found).decode())
    elif found:
        result_console().print(_table(found))
    else:
        print("No workspaces. To add one: offizin workspace add ZIP|DIR|URL")
    return 0


async def add_workspace(place: Place, source: str, description: str, *, as_json: bool) -> int:
    """Raises WorkspaceInvalid, NotFound, Conflict, and what else the server answers."""
    async with connect(place, clock()) as connection:
        added = await _added(connection.client, source, description)
    if as_json:
        print(msgspec.json.encode(added).decode())
        return 0
    groups = f" in {some(added.file_grps)}" if added.file_grps else ""
    print(f"Workspace {added.workspace_id}: {count(added.pages or 0, 'page')}{safe(groups)}, {added.path_to_mets}")
    return 0


async def get_workspace(place: Place, workspace_id: str, output: Path) -> int:
    """Raises WorkspaceUnknown, WorkspaceDeleted, Conflict, Unavailable."""
    if output.exists():
        raise Conflict(f"{output} exists already", advice="Name another file.")
    part = unfinished(output.absolute())
    try:
        async with connect(place, clock()) as connection:
            with part.open("xb") as file:
                async for content in connection.client.download_workspace(workspace_id):
                    await asyncio.to_thread(file.write, content)
        size = part.stat().st_size
        part.rename(output)
    except OSError as error:
        raise Unavailable(f"{output} cannot be written: {error.strerror or error}") from error
    finally:
        part.unlink(missing_ok=True)
    print(f"{output}: {size:,} bytes")
    return 0


async def delete_workspace(place: Place, workspace_id: str) -> int:
    """Raises WorkspaceUnknown, WorkspaceDeleted, WorkspaceInUse."""
    async with connect(place, clock()) as connection:
        gone = await connection.client.delete_workspace(workspace_id)
    what = (
        "deleted, with its files" if gone.managed else f"forgotten; its files stay in {Path(gone.path_to_mets).parent}"
    )
    print(f"Workspace {gone.workspace_id} is {what}.")
    return 0


async def _added(client: Client, source: str, description: str) -> Workspace:
    if source.startswith(("http://", "https://")):
        return await client.fetch_workspace(source, description)
    path = Path(source)
    if not path.exists():
        raise NotFound(f"{path} does not exist", advice="Name a zip, a workspace's directory, or the URL of a METS.")
    if path.is_dir() or path.suffix == ".xml":
        what = await asyncio.to_thread(packing, mets_file(path), _wherever_links_lead)
        name = what.directory.name
        return await client.upload_workspace(ocrd_zip(what, name, "", clock().now()), description or name)
    return await client.upload_workspace(_parts(path), description)


def _wherever_links_lead(directory: Path, name: str) -> Path:
    """What its user has put there is the user's own."""
    return directory / plain_name(name)


def _parts(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while part := file.read(_PART):
            yield part


def _table(found: list[Workspace]) -> Table:
    table = Table("WORKSPACE", "ADDED", "PAGES", "DESCRIPTION", "METS", box=None, header_style="bold")
    for each in found:
        pages = "" if each.pages is None else str(each.pages)
        table.add_row(each.workspace_id, moment(each.added_at), pages, safe(each.description), safe(each.path_to_mets))
    return table
