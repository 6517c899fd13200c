"""A form (multipart/form-data, RFC 7578) whose files go to the disk as they come."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Self

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

_MOST_PARTS = 10_000
_MOST_TEXT = 64 * 1024  # bytes of a field that is no file


@dataclass(frozen=True, slots=True)
class FormFile:
    """``filename`` is what the client calls it, whatever that is; ``path`` is where it lies."""

    name: str
    filename: str
    path: Path


@dataclass(frozen=True, slots=True)
class Form:
    fields: dict[str, str]
    files: list[FormFile]


@dataclass(slots=True)
class _Part:
    headers: dict[bytes, bytes] = field(default_factory=dict)
    name: str = ""
    filename: str | None = None
    text: bytearray = field(default_factory=bytearray)


class FormIntoFiles:
    """``take`` is given the body, part by part; blocking. Raises FormParserError (a ValueError), OSError."""

    def __init__(self, boundary: bytes, directory: Path) -> None:
        self._directory = directory
        self._form = Form({}, [])
        self._count = 0
        self._part = _Part()
        self._file: IO[bytes] | None = None
        self._header = bytearray()
        self._value = bytearray()
        self._whole = False
        self._parser = MultipartParser(
            boundary,
            {
                "on_part_begin": self._begin,
                "on_header_field": self._take_header,
                "on_header_value": self._take_value,
                "on_header_end": self._end_header,
                "on_headers_finished": self._end_headers,
                "on_part_data": self._take_data,
                "on_part_end": self._end,
                "on_end": self._end_form,
            },
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._close()

    def take(self, body: bytes) -> None:
        self._parser.write(body)

    def taken(self) -> Form:
        if not self._whole:
            raise FormParserError("it ends before its last boundary")
        return self._form

    def _begin(self) -> None:
        self._count += 1
        if self._count > _MOST_PARTS:
            raise FormParserError(f"it has more than {_MOST_PARTS} parts")
        self._part = _Part()

    def _take_header(self, data: bytes, start: int, end: int) -> None:
        self._header += data[start:end]

    def _take_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def _end_header(self) -> None:
        self._part.headers[bytes(self._header).lower()] = bytes(self._value)
        self._header.clear()
        self._value.clear()

    def _end_headers(self) -> None:
        _, options = parse_options_header(self._part.headers.get(b"content-disposition", b""))
        if b"name" not in options:
            raise FormParserError("a part of it has no name")
        self._part.name = _text(options[b"name"])
        if b"filename" in options:
            self._part.filename = _text(options[b"filename"])
            self._file = (self._directory / str(self._count)).open("xb")

    def _take_data(self, data: bytes, start: int, end: int) -> None:
        if self._file is not None:
            self._file.write(memoryview(data)[start:end])
            return
        self._part.text += data[start:end]
        if len(self._part.text) > _MOST_TEXT:
            raise FormParserError(f"its field {self._part.name[:100]!r} is no file, and too long")

    def _end(self) -> None:
        part = self._part
        if part.filename is None:
            self._form.fields[part.name] = _text(bytes(part.text))
        else:
            self._form.files.append(FormFile(part.name, part.filename, self._directory / str(self._count)))
        self._close()

    def _end_form(self) -> None:
        self._whole = True

    def _close(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None


def _text(given: bytes) -> str:
    return given.decode("utf-8", "replace")
