"""A workspace from the URL of a METS: that is fetched, and the files of some of its groups.

Only http and https, no redirects, and only hosts that may be called (``offizin.trust.addresses``).
"""

from __future__ import annotations

import asyncio
import hashlib
import mimetypes
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO
from urllib.parse import urljoin

import httpx
from lxml import etree

from offizin.errors import WorkspaceInvalid
from offizin.mets import names
from offizin.trust.addresses import Addressees, CheckedTransport, outgoing_url
from offizin.trust.bounds import MOST_METS
from offizin.trust.documents import Unsafe, parse_xml
from offizin.trust.one_line import one_line
from offizin.trust.paths import inside
from offizin.workspaces.received import METS_NAME, Received, check_workspace

# Which groups have the images of pages, the best first.
IMAGE_GROUPS = ("OCR-D-IMG", "MAX", "DEFAULT")
_AT_ONCE = 4
_PATIENCE = httpx.Timeout(60.0, connect=10.0)
_METS = f"{{{names.METS_NAMESPACE}}}"
_HREF = f"{{{names.XLINK_NAMESPACE}}}href"
# As METS calls them (mets.xsd, CHECKSUMTYPE), and Python.
_DIGESTS = {"MD5": "md5", "SHA-1": "sha1", "SHA-256": "sha256", "SHA-384": "sha384", "SHA-512": "sha512"}


@dataclass(frozen=True, slots=True)
class _Wanted:
    """A file that is to be fetched; ``digest`` is (algorithm, hex) where the METS has one."""

    url: str
    path: Path
    digest: tuple[str, str] | None


@dataclass(slots=True)
class Budget:
    """Bytes that may still come."""

    left: int

    def spend(self, size: int, url: str) -> None:
        self.left -= size
        if self.left < 0:
            raise WorkspaceInvalid(
                f"what is fetched is larger than the server takes: {one_line(url, 200)}",
                advice="The setting upload_limit says how much; name fewer file_grps.",
            )


@dataclass(frozen=True)
class Fetching:
    """``most``: bytes, and ``count``: files of one workspace. ``inner`` stands in for the network."""

    addressees: Addressees
    most: int
    count: int
    inner: httpx.AsyncBaseTransport | None = field(default=None)

    async def workspace(self, url: str, file_grps: Sequence[str] | None, directory: Path) -> Received:
        """Into ``directory``, which is there and empty. ``file_grps``: whose files are fetched; None for the images of
        pages. Other files keep their URL. Raises WorkspaceInvalid, InvalidRequest, UrlForbidden, OSError."""
        outgoing_url(url, self.addressees)
        budget = Budget(self.most)
        transport = CheckedTransport(self.addressees, self.inner)
        mets = directory / METS_NAME
        async with httpx.AsyncClient(transport=transport, follow_redirects=False, timeout=_PATIENCE) as client:
            await _fetch(client, _Wanted(url, mets, None), Budget(min(MOST_METS, self.most)))
            wanted = await asyncio.to_thread(_with_places, mets, url, file_grps)
            if len(wanted) > self.count:
                raise WorkspaceInvalid(f"there are {len(wanted)} files to fetch, and {self.count} are allowed")
            for each in wanted:
                outgoing_url(each.url, self.addressees)
            turns = asyncio.Semaphore(_AT_ONCE)

            async def in_turn(each: _Wanted) -> None:
                async with turns:
                    await _fetch(client, each, budget)

            try:
                async with asyncio.TaskGroup() as group:
                    for each in wanted:
                        group.create_task(in_turn(each))
            except ExceptionGroup as faults:
                raise faults.exceptions[0] from faults
        await asyncio.to_thread(check_workspace, directory)
        return Received(directory)


async def _fetch(client: httpx.AsyncClient, what: _Wanted, budget: Budget) -> None:
    digest = hashlib.new(what.digest[0], usedforsecurity=False) if what.digest else None
    what.path.parent.mkdir(parents=True, exist_ok=True)
    try:
        async with client.stream("GET", what.url) as answer:
            if answer.status_code != 200:
                raise _not_had(what.url, _said(answer))
            with what.path.open("xb") as file:
                async for part in answer.aiter_bytes(1024 * 1024):
                    budget.spend(len(part), what.url)
                    if digest is not None:
                        digest.update(part)
                    await asyncio.to_thread(_write, file, part)
    except httpx.HTTPError as error:
        raise _not_had(what.url, str(error) or type(error).__name__) from error
    if digest is not None and what.digest is not None and digest.hexdigest() != what.digest[1]:
        raise _not_had(what.url, f"its {what.digest[0]} is {digest.hexdigest()} and not {what.digest[1][:128]}")


def _write(file: IO[bytes], part: bytes) -> None:
    file.write(part)


def _said(answer: httpx.Response) -> str:
    if answer.is_redirect:
        return f"it leads to {answer.headers.get('location', 'nowhere')[:500]}, and redirects are not followed"
    return f"the answer is {answer.status_code} {answer.reason_phrase}"


def _with_places(mets: Path, url: str, file_grps: Sequence[str] | None) -> list[_Wanted]:
    """What is to be fetched. The METS says where it will lie from then on, and has whole URLs for the others.
    Blocking."""
    try:
        root = parse_xml(mets.read_bytes(), MOST_METS)
    except Unsafe as fault:
        raise WorkspaceInvalid(f"what {one_line(url, 200)} gives is no METS: {fault}") from fault
    groups = {group.get("USE", ""): group for group in root.iter(f"{_METS}fileGrp")}
    chosen = _chosen(groups, file_grps)
    wanted: dict[Path, _Wanted] = {}
    for file in root.iter(f"{_METS}file"):
        group = file.getparent()
        use = group.get("USE", "") if group is not None else ""
        if (address := _address(file, url)) is None:
            continue
        for place in file.findall(f"{_METS}FLocat"):
            file.remove(place)
        etree.SubElement(file, f"{_METS}FLocat", {"LOCTYPE": "URL", _HREF: address})
        if use in chosen:
            name = f"{use}/{re.sub(r'[^A-Za-z0-9_.-]', '_', file.get('ID', ''))}{_ending(file.get('MIMETYPE', ''))}"
            path = inside(mets.parent, name)
            if path in wanted:
                raise WorkspaceInvalid(f"two files of the METS would be called {one_line(name, 200)}")
            wanted[path] = _Wanted(address, path, _digest(file))
            local = {"LOCTYPE": "OTHER", "OTHERLOCTYPE": "FILE", _HREF: name}
            etree.SubElement(file, f"{_METS}FLocat", local)
    mets.write_bytes(etree.tostring(root, xml_declaration=True, encoding="UTF-8"))
    return list(wanted.values())


def _chosen(groups: dict[str, etree._Element], file_grps: Sequence[str] | None) -> set[str]:
    if file_grps is None:
        return {next((use for use in IMAGE_GROUPS if use in groups), "")} - {""}
    if missing := [use for use in file_grps if use not in groups]:
        there = ", ".join(one_line(use, 100) for use in list(groups)[:20]) or "none"
        raise WorkspaceInvalid(
            f"the METS has no file group {one_line(missing[0], 200)!r}", advice=f"Those it has: {there}."
        )
    return set(file_grps)


def _address(file: etree._Element, mets: str) -> str | None:
    """Its URL; a path is one relative to the METS."""
    places = {place.get("LOCTYPE", ""): place.get(_HREF, "") for place in file.findall(f"{_METS}FLocat")}
    found = places.get("URL") or next((href for href in places.values() if href), "")
    try:
        return urljoin(mets, found) if found else None
    except ValueError:
        return None


def _digest(file: etree._Element) -> tuple[str, str] | None:
    algorithm = _DIGESTS.get(file.get("CHECKSUMTYPE", ""))
    value = file.get("CHECKSUM", "").strip().lower()
    return (algorithm, value) if algorithm and value else None


def _ending(mimetype: str) -> str:
    if mimetype.endswith("+xml"):
        return ".xml"
    return {"image/jpg": ".jpg", "image/tiff": ".tif"}.get(mimetype) or mimetypes.guess_extension(mimetype) or ""


def _not_had(url: str, why: str) -> WorkspaceInvalid:
    return WorkspaceInvalid(
        f"{one_line(url, 500)} cannot be had: {one_line(why, 500)}", advice="Look at it, and ask again."
    )
