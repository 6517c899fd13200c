"""The bodies of the routes of workspaces."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field


class Workspace(BaseModel):
    """As ``Workspace`` of the OCR-D Web API (a resource: ``@id`` is its URL), and what is ours in addition.

    ``path_to_mets`` as the server sees it. ``managed``: its files lie with the server, and go when it is deleted.
    ``pages`` (how many) and ``file_grps`` are those of its METS; in lists they are None where that is not open.
    """

    model_config = ConfigDict(populate_by_name=True)

    url: str = Field(alias="@id")
    description: str
    workspace_id: str
    path_to_mets: str
    managed: bool
    added_at: float
    pages: int | None
    file_grps: list[str] | None


class WorkspaceFile(BaseModel):
    """A file of a METS. ``path`` is relative to the workspace, and ``url`` where it is else; ``page_id`` is None for a
    file of no page. ``@id`` is where its content can be had, None if it is not with the server."""

    model_config = ConfigDict(populate_by_name=True)

    address: str | None = Field(alias="@id")
    file_id: str
    file_grp: str
    page_id: str | None
    mimetype: str
    path: str | None
    url: str | None


class WorkspaceFiles(BaseModel):
    """``next`` is what to give as ``offset`` for the files after these."""

    files: list[WorkspaceFile]
    next: int | None


class FromUrl(BaseModel):
    """A workspace that is to be fetched. ``file_grps``: the groups whose files are fetched as well, none if the list is
    empty; not given, the images of its pages (OCR-D-IMG, MAX or DEFAULT, the first that is there). Other files keep
    their URLs."""

    model_config = ConfigDict(extra="forbid")

    mets_url: str
    file_grps: list[str] | None = Field(default=None, max_length=1000)
    description: str = ""
