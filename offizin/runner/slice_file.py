"""One ``mets:file`` of a slice: a ClientSideOcrdFile of ocrd_models, with what its OcrdFile has beyond that."""

# ruff: noqa: N803  (the reference's names)

from __future__ import annotations

from pathlib import Path
from typing import Any

from ocrd_models import ClientSideOcrdFile


class SliceFile(ClientSideOcrdFile):
    """``state`` (as ``Digests.of`` gives it) is known of files whose content went through ``Workspace.add_file``, as
    are the ``counts`` of PAGE, and the ``fault`` of what is none."""

    def __init__(
        self,
        ID: str,
        fileGrp: str,
        mimetype: str | None = None,
        pageId: str | None = None,
        local_filename: str | None = None,
        url: str | None = None,
        state: tuple[int, int, int, str] | None = None,
    ) -> None:
        # not the base's __init__: it does the same with more work
        self.ID = ID
        self.fileGrp = fileGrp
        self.mimetype = mimetype or ""
        self.pageId = pageId
        self.local_filename = local_filename
        self.url = url or ""
        self.loctype = "OTHER"
        self.state = state
        self.counts: Any = None
        self.fault = ""

    @classmethod
    def from_fields(cls, fields: dict[str, Any]) -> SliceFile:
        """From the fields of messages.File."""
        get = fields.get
        return cls(fields["id"], fields["file_grp"], get("mimetype"), get("page_id"), get("local_filename"), get("url"))

    @property
    def basename(self) -> str:
        return Path(self.local_filename).name if self.local_filename else ""

    @property
    def extension(self) -> str:
        return "".join(Path(self.local_filename).suffixes) if self.local_filename else ""

    @property
    def basename_without_extension(self) -> str:
        if not self.local_filename:
            return ""
        return Path(self.local_filename).name[: -len(self.extension) or None]

    def __str__(self) -> str:
        return "<OcrdFile fileGrp={} ID={}, mimetype={}, url={}, local_filename={}]/> ".format(
            self.fileGrp,
            self.ID or "---",
            self.mimetype or "---",
            self.url or "---",
            self.local_filename or "---",
        )
