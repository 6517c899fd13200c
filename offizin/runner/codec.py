"""Pieces, results and handshakes as JSON, with the standard library: the counterpart of offizin/messages.py.

Fields at their default are left out, as msgspec's ``omit_defaults`` does; one conformance suite runs both.
"""

from __future__ import annotations

import json
from typing import Any

_encode = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False, check_circular=False).encode
_canonical = json.JSONEncoder(separators=(",", ":"), sort_keys=True).encode


class Piece:
    """One decoded piece (fields as in offizin/messages.py). ``slice_`` stays a dict: SliceMets turns it into files."""

    __slots__ = (
        "attempt",
        "copy_input",
        "directory",
        "full_mets",
        "input_file_grps",
        "job",
        "log",
        "mets",
        "output_file_grps",
        "overwrite",
        "parameters",
        "piece",
        "processor",
        "refuse_existing",
        "slice_",
    )

    def __init__(self, body: bytes) -> None:
        fields = json.loads(body)
        self.job: str = fields["job"]
        self.attempt: int = fields["attempt"]
        self.piece: int = fields["piece"]
        self.processor: str = fields["processor"]
        self.parameters: dict[str, Any] = fields["parameters"]
        self.input_file_grps: list[str] = fields["input_file_grps"]
        self.output_file_grps: list[str] = fields["output_file_grps"]
        self.directory: str = fields["directory"]
        self.mets: str = fields["mets"]
        self.log: str = fields["log"]
        self.slice_: dict[str, Any] = fields["slice"]
        self.overwrite: bool = fields.get("overwrite", False)
        self.full_mets: bool = fields.get("full_mets", False)
        self.refuse_existing: bool = fields.get("refuse_existing", False)
        self.copy_input: bool = fields.get("copy_input", False)

    @property
    def pages(self) -> list[str]:
        pages: list[str] = self.slice_["pages"]
        return pages

    def refuse_pages(self) -> list[str]:
        """The pages that have output already are no longer of this piece, nor are their files; their names."""
        if not self.refuse_existing:
            return []
        groups, files = set(self.output_file_grps), self.slice_["files"]
        there = {file["page_id"] for file in files if file["file_grp"] in groups and "page_id" in file}
        refused = [page for page in self.pages if page in there]
        kept = [page for page in self.pages if page not in there]
        left = [file for file in files if file.get("page_id") not in there]
        self.slice_ = {**self.slice_, "pages": kept, "files": left}
        return refused


def canonical(parameters: dict[str, Any]) -> str:
    """The same text for the same parameters, whatever their order."""
    return _canonical(parameters)


def file_fields(
    file: Any, size: int | None, digest: str | None, stamp: tuple[int, int] | None = None
) -> dict[str, Any]:
    """An (Ocrd)File as the fields of messages.File. ``stamp``: mtime in nanoseconds, and inode."""
    fields: dict[str, Any] = {"id": file.ID, "file_grp": file.fileGrp}
    if file.mimetype:
        fields["mimetype"] = file.mimetype
    if file.pageId is not None:
        fields["page_id"] = file.pageId
    if file.local_filename:
        fields["local_filename"] = str(file.local_filename)
    if file.url:
        fields["url"] = file.url
    if size is not None:
        fields["size"] = size
    if digest is not None:
        fields["digest"] = digest
    if stamp is not None:
        fields["changed_at"], fields["inode"] = stamp
    return fields


def page_outcome(
    page: str,
    files: list[dict[str, Any]] | None = None,
    cause: str = "",
    message: str = "",
    existed: bool = False,
    counts: dict[str, float] | None = None,
    inputs: str = "",
    reads: list[list[Any]] | None = None,
) -> dict[str, Any]:
    fields: dict[str, Any] = {"page": page}
    if files:
        fields["files"] = files
    if cause:
        fields["cause"] = cause
    if message:
        fields["message"] = message
    if existed:
        fields["existed"] = True
    if counts:
        fields["counts"] = counts
    if inputs:
        fields["inputs"] = inputs
    if reads:
        fields["reads"] = reads
    return fields


def encode_pages_so_far(piece: Piece, pages: list[dict[str, Any]], recipe: str = "", runner: int = 0) -> bytes:
    fields: dict[str, Any] = {"job": piece.job, "attempt": piece.attempt, "piece": piece.piece, "pages": pages}
    fields["end"] = False
    if recipe:
        fields["recipe"] = recipe
    if runner:
        fields["runner"] = runner
    return _line(b"r", fields)


def encode_end(
    piece: Piece,
    pages: list[dict[str, Any]],
    files: list[dict[str, Any]],
    cause: str = "",
    message: str = "",
    seconds: float = 0.0,
    peak_memory: int = 0,
    log_tail: str = "",
    before_first_page: bool = False,
    missing_attribute: str = "",
    recipe: str = "",
    runner: int = 0,
) -> bytes:
    fields: dict[str, Any] = {"job": piece.job, "attempt": piece.attempt, "piece": piece.piece}
    if pages:
        fields["pages"] = pages
    if files:
        fields["files"] = files
    if cause:
        fields["cause"] = cause
    if message:
        fields["message"] = message
    if seconds:
        fields["seconds"] = round(seconds, 6)
    if peak_memory:
        fields["peak_memory"] = peak_memory
    if log_tail:
        fields["log_tail"] = log_tail
    if before_first_page:
        fields["before_first_page"] = True
    if missing_attribute:
        fields["missing_attribute"] = missing_attribute
    if recipe:
        fields["recipe"] = recipe
    if runner:
        fields["runner"] = runner
    return _line(b"R", fields)


def encode_handshake(
    processor: str, version: str, ocrd_version: str, independent_pages: bool, step: str, pid: int
) -> bytes:
    fields: dict[str, Any] = {"processor": processor}
    if version:
        fields["version"] = version
    if ocrd_version:
        fields["ocrd_version"] = ocrd_version
    if independent_pages:
        fields["independent_pages"] = True
    if step:
        fields["step"] = step
    if pid:
        fields["pid"] = pid
    return _line(b"H", fields)


def _line(tag: bytes, fields: dict[str, Any]) -> bytes:
    # what is no text (a file name in another encoding, in a message) must not stop the result
    return tag + _encode(fields).encode("utf-8", "replace") + b"\n"
