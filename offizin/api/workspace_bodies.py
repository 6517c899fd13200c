"""Zips and forms in the OpenAPI document: the routes read and write such bodies by themselves."""

from __future__ import annotations

from typing import Any

from offizin.api.workspace_models import FromUrl

_BINARY = {"type": "string", "format": "binary"}
_TEXT = {"type": "string"}
_FORM = {
    "type": "object",
    "properties": {
        "workspace": {**_BINARY, "description": "An OCRD-ZIP, or else:"},
        "images": {"type": "array", "items": _BINARY, "description": "TIFF, PNG or JPEG files, which become pages"},
        "file_grp": {**_TEXT, "description": "of the images; OCR-D-IMG if not given"},
        "identifier": {**_TEXT, "description": "of the book, with images"},
        "description": _TEXT,
    },
}
UPLOAD: dict[str, Any] = {
    "application/vnd.ocrd+zip": {"schema": _BINARY, "example": "PK…"},
    "multipart/form-data": {"schema": _FORM, "example": {"workspace": "PK…", "description": "Faust, 1808"}},
    "application/json": {
        "schema": FromUrl.model_json_schema(),
        "example": {"mets_url": "https://digital.example.org/faust/mets.xml", "file_grps": ["MAX"]},
    },
}


AS_ZIP: dict[int | str, dict[str, Any]] = {
    200: {"content": {"application/vnd.ocrd+zip": {"schema": _BINARY, "example": "PK…"}}}
}


_CONTENT = {"*/*": {"schema": _BINARY, "example": "PNG…"}}
A_FILE: dict[int | str, dict[str, Any]] = {
    200: {"content": _CONTENT, "description": "Its content"},
    206: {"content": _CONTENT, "description": "A part of it"},
    304: {"description": "It is still what the client has"},
    416: {"description": "It has no such part"},
}
RESULTS: dict[int | str, dict[str, Any]] = {
    200: {
        "content": {
            "application/zip": {"schema": _BINARY, "example": "PK…"},
            "text/plain": {"schema": {"type": "string"}, "example": "=== P1 ===\nHabe nun, ach!\n"},
        },
        "description": "The files, or the text",
    }
}


def body(content: dict[str, Any]) -> dict[str, Any]:
    return {"requestBody": {"required": True, "content": content}}
