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
