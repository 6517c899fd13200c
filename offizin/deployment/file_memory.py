"""A memory in a file, for what has to run before there is a database."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import msgspec

from offizin.deployment.wanted import Row


@dataclass(frozen=True, slots=True)
class FileRow:
    seq: int
    host: str
    kind: str
    name: str
    identity: str
    details: str


class FileMemory:
    """``offizin.deployment.wanted.Memory``. For one process at a time."""

    def __init__(self, file: Path) -> None:
        self._file = file

    async def load(self) -> Sequence[Row]:
        return await asyncio.to_thread(self._read)

    async def add(self, *, host: str, kind: str, name: str, identity: str, details: str) -> int:
        rows = self._read()
        seq = 1 + max((row.seq for row in rows), default=0)
        await asyncio.to_thread(self._write, [*rows, FileRow(seq, host, kind, name, identity, details)])
        return seq

    async def identify(self, seq: int, identity: str, details: str) -> None:
        rows = [replace(row, identity=identity, details=details) if row.seq == seq else row for row in self._read()]
        await asyncio.to_thread(self._write, rows)

    async def remove(self, seq: int) -> None:
        await asyncio.to_thread(self._write, [row for row in self._read() if row.seq != seq])

    def _read(self) -> list[FileRow]:
        try:
            return msgspec.json.decode(self._file.read_bytes(), type=list[FileRow])
        except FileNotFoundError:
            return []

    def _write(self, rows: Sequence[FileRow]) -> None:
        new = self._file.with_suffix(".new")
        with new.open("wb") as file:
            file.write(msgspec.json.encode(rows))
            file.flush()
            os.fsync(file.fileno())
        new.replace(self._file)
