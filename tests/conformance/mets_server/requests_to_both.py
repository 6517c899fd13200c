"""The same requests, one after the other, to the reference's METS server and to ours."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx
from ocrd import Resolver


def make_book(directory: Path) -> Path:
    directory.mkdir(parents=True)
    workspace = Resolver().workspace_from_nothing(str(directory))
    workspace.mets.unique_identifier = "urn:example:1"
    for page in ("P1", "P2", "P3", "X"):
        for group, mimetype, suffix in (("IMG", "image/png", "png"), ("SEG", "text/xml", "xml")):
            if (page, group) != ("P3", "SEG"):
                workspace.add_file(
                    group, file_id=f"{group}_{page}", page_id=page, mimetype=mimetype,
                    local_filename=f"{group}/{page}.{suffix}",
                )  # fmt: skip
    workspace.add_file("IMG", file_id="COVER", page_id=None, mimetype="image/jpeg", url="https://example.org/c.jpg")
    workspace.save_mets()
    return directory / "mets.xml"


def form(**fields: Any) -> dict[str, Any]:
    return {"file_grp": "NEW", "file_id": "NEW_P1", "page_id": "P1", "mimetype": "text/xml", **fields}


REQUESTS: list[tuple[str, str, dict[str, Any]]] = [
    ("GET", "/unique_identifier", {}),
    ("GET", "/physical_pages", {}),
    ("GET", "/file_groups", {}),
    *(
        ("GET", "/file", {"params": query})
        for query in (
            {},
            {"file_grp": "IMG"},
            {"file_grp": "//.*G"},
            {"file_grp": "NONE"},
            {"file_id": "IMG_P2"},
            {"file_id": "//.*P[12]"},
            {"file_id": "IMG_P2", "file_grp": "SEG"},
            {"page_id": "P1"},
            {"page_id": "P1,P3"},
            {"page_id": "P1..P3", "file_grp": "IMG"},
            {"page_id": "//P.*", "mimetype": "text/xml"},
            {"page_id": "~P1", "file_grp": "IMG"},
            {"mimetype": "//image/.*"},
            {"url": "https://example.org/c.jpg"},
            {"local_filename": "IMG/P1.png"},
            {"file_grp": "//("},
            {"unknown": "1", "file_grp": "IMG", "page_id": "X"},
        )
    ),
    ("POST", "/file", {"data": form(local_filename="NEW/P1.xml")}),
    ("POST", "/file", {"data": form(local_filename="NEW/other.xml", force="True")}),
    ("GET", "/file", {"params": {"file_grp": "NEW"}}),
    ("POST", "/file", {"data": form(file_id="NEW_U", url="https://example.org/u", page_id="P9", force=False)}),
    ("GET", "/file", {"params": {"page_id": "P9"}}),
    ("GET", "/physical_pages", {}),
    ("POST", "/file", {"data": {"file_grp": "NEW"}}),
    ("POST", "/file", {"data": form(file_id="")}),
    ("POST", "/file", {"data": form(force="perhaps")}),
    ("PUT", "/", {}),
    ("PUT", "", {}),
    ("GET", "/nothing", {}),
    ("DELETE", "/file", {}),
    ("POST", "/agent", {"json": {"name": "me", "type": "OTHER", "role": "OTHER", "otherrole": None,
                                 "othertype": "SOFTWARE", "notes": [[{"option": "page-id"}, "P1"]]}}),
    ("POST", "/agent", {"json": {"name": "me"}}),
]  # fmt: skip


async def answers_are_the_same(theirs: str, *ours: httpx.AsyncClient) -> None:
    """Each of ``ours`` has a copy of the book of its own."""
    async with httpx.AsyncClient(base_url=theirs, timeout=60) as reference:
        for method, path, content in REQUESTS:
            expected = await reference.request(method, path, **content)
            for client in ours:
                _compare(expected, await client.request(method, path, **content), (method, path, content))


def _compare(expected: httpx.Response, got: httpx.Response, asked: object) -> None:
    assert got.status_code == expected.status_code, (asked, got.text, expected.text)
    assert got.headers["content-type"] == expected.headers["content-type"]
    if expected.status_code == 422:
        # the first thing that is wrong; of an agent, only that something is
        place = slice(0, 2 if expected.url.path == "/file" else 1)
        assert got.json()["detail"][0]["loc"][place] == expected.json()["detail"][0]["loc"][place]
    elif expected.headers["content-type"] == "application/json":
        assert got.json() == expected.json(), asked
    else:
        assert got.text == expected.text
