"""Which processors there are on this machine, and what they say of themselves."""

from __future__ import annotations

import asyncio
import difflib
import errno
import json
import os
import re
from collections.abc import Callable, Coroutine, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec

from offizin.clock import Clock, SystemClock
from offizin.errors import ProcessorUnknown
from offizin.processors.asking import Answer, ask
from offizin.processors.tool_cache import Entry, Fingerprint, ToolCache
from offizin.processors.tool_description import ToolDescription, find_tool, find_version

_NAME = re.compile(r"ocrd-[A-Za-z0-9._-]{1,200}")  # longer ones are no file names
_AT_ONCE = 2
# a directory changed so short ago may change again without a new time stamp
_SETTLED_AFTER = 2.0


class Discovery:
    """All programs named ``ocrd-*`` in the configured directories and on ``path`` (a text as in PATH); the first wins.

    What they answer to ``--dump-json`` is kept in memory and in ``cache_file`` as long as the program's file is the
    same. Nothing needs a restart: a program that is installed later is found. ``time_limit`` (seconds) is what one
    program has to answer; some import much.
    """

    def __init__(
        self,
        directories: Sequence[Path],
        cache_file: Path,
        path: str,
        *,
        clock: Clock | None = None,
        time_limit: float = 120.0,
    ) -> None:
        on_path = [Path(part) for part in path.split(os.pathsep) if part]
        self.directories = tuple(dict.fromkeys(part.absolute() for part in [*directories, *on_path]))
        self._clock = clock or SystemClock()
        self._time_limit = time_limit
        self._cache = ToolCache(cache_file)
        self._names: tuple[tuple[int | None, ...], list[str]] | None = None
        self._described: dict[Path, tuple[Fingerprint, ToolDescription]] = {}
        self._failed: dict[Path, Fingerprint] = {}
        self._asking: dict[str, asyncio.Task[ToolDescription]] = {}
        self._turns = asyncio.Semaphore(_AT_ONCE)

    def names(self) -> list[str]:
        """All programs named ``ocrd-*``, sorted. Some are no processors, which shows only when they are asked."""
        stamps = tuple(_modified(directory) for directory in self.directories)
        if self._names is None or self._names[0] != stamps:
            names = sorted({name for directory in self.directories for name in _programs(directory)})
            settled = all(stamp is None or stamp < (self._clock.now() - _SETTLED_AFTER) * 1e9 for stamp in stamps)
            self._names = (stamps, names) if settled else None
            return list(names)
        return list(self._names[1])

    def executable(self, name: str) -> Path:
        """Raises ProcessorUnknown, with names that are like it and the directories that were searched."""
        if _NAME.fullmatch(name):
            for directory in self.directories:
                if _is_program(candidate := directory / name):
                    return candidate
        wanted = name if name.startswith("ocrd-") else f"ocrd-{name}"
        close = difflib.get_close_matches(wanted[:200], self.names(), n=3, cutoff=0.6)
        raise ProcessorUnknown(
            f"there is no processor {name[:200]}",
            advice=(f"Did you mean {' or '.join(close)}? " if close else "")
            + "Install it, or name its directory in processor_directories. Searched: "
            + (", ".join(str(directory) for directory in self.directories) or "no directory at all")
            + ".",
        )

    def require(self, name: str) -> None:
        """Raises ProcessorUnknown."""
        self.executable(name)

    async def describe(self, name: str) -> ToolDescription:
        """Raises ProcessorUnknown when there is no such program, or when it is no processor."""
        executable, fingerprint = self._find(name)
        known = self._described.get(executable)
        if known is not None and known[0] == fingerprint:
            return known[1]
        return await self._once(f"describe {executable}", lambda: self._describe(name, executable, fingerprint))

    async def describe_all(self) -> list[ToolDescription]:
        """All processors there are. What turned out to be none is not asked again as long as its file is the same."""

        async def describe(name: str) -> ToolDescription | None:
            try:
                executable, fingerprint = self._find(name)
                if self._failed.get(executable) == fingerprint:
                    return None
                return await self.describe(name)
            except ProcessorUnknown:
                return None

        found = await asyncio.gather(*(describe(name) for name in self.names()))
        return [description for description in found if description is not None]

    async def version(self, name: str) -> str:
        """What ``--version`` says, "unknown" if that is no version; asked once. Raises ProcessorUnknown."""
        description = await self.describe(name)
        if not description.version:
            _, fingerprint = self._find(name)
            key = f"version {description.executable}"
            description = await self._once(key, lambda: self._add_version(description, fingerprint))
        return description.version

    def forget(self) -> None:
        """Ask every program anew, for one that changed while its file did not (an editable install, a wrapper)."""
        self._described.clear()
        self._failed.clear()
        self._cache.forget()

    async def close(self) -> None:
        """End what is being asked."""
        tasks = list(self._asking.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _find(self, name: str) -> tuple[Path, Fingerprint]:
        executable = self.executable(name)
        try:
            return executable, Fingerprint.of(executable)
        except OSError as error:
            raise ProcessorUnknown(f"{name} cannot be read: {executable}: {error.strerror}") from error

    async def _describe(self, name: str, executable: Path, fingerprint: Fingerprint) -> ToolDescription:
        entry = self._cache.get(executable)
        if entry is not None:
            tool = msgspec.json.decode(entry.tool)
            description = ToolDescription(name, executable, tool, entry.version)
            self._described[executable] = (fingerprint, description)
            return description
        async with self._turns:
            answer = await self._ask(name, executable, fingerprint, "--dump-json")
        found = find_tool(answer.stdout, name)
        if found is None:
            self._failed[executable] = fingerprint
            raise _no_processor(executable, answer, self._time_limit)
        description = ToolDescription(name, executable, found)
        self._remember(fingerprint, description)
        return description

    async def _add_version(self, description: ToolDescription, fingerprint: Fingerprint) -> ToolDescription:
        async with self._turns:
            answer = await self._ask(description.name, description.executable, fingerprint, "--version")
        version = find_version(answer.stdout, answer.stderr)
        description = replace(description, version=version or "unknown")
        self._remember(fingerprint, description)
        return description

    async def _once(self, key: str, ask: Callable[[], Coroutine[Any, Any, ToolDescription]]) -> ToolDescription:
        """The answer that all who ask the same at one time share; one who gives up does not spoil it for others."""
        task = self._asking.get(key)
        if task is None:
            task = self._asking[key] = asyncio.create_task(ask(), name=key)
            task.add_done_callback(lambda done: self._answered(key, done))
        try:
            return await asyncio.shield(task)
        finally:
            if not self._asking:  # once for all that were asked together
                await asyncio.to_thread(self._cache.save)

    async def _ask(self, name: str, executable: Path, fingerprint: Fingerprint, question: str) -> Answer:
        try:
            return await ask(executable, question, time_limit=self._time_limit)
        except OSError as error:
            self._failed[executable] = fingerprint
            reason = error.strerror or str(error)
            if error.errno == errno.ENOENT:
                reason = "the interpreter in its first line is not there"
            raise ProcessorUnknown(
                f"{name} cannot be started: {executable}: {reason}",
                advice="Install it anew, or take its directory out of PATH and processor_directories.",
            ) from error

    def _remember(self, fingerprint: Fingerprint, description: ToolDescription) -> None:
        self._described[description.executable] = (fingerprint, description)
        self._failed.pop(description.executable, None)
        try:
            tool = msgspec.Raw(json.dumps(description.tool, allow_nan=False).encode())
        except ValueError:  # NaN: it stays in memory
            return
        self._cache.put(description.executable, Entry(fingerprint, tool, description.version))

    def _answered(self, key: str, task: asyncio.Task[ToolDescription]) -> None:
        self._asking.pop(key, None)
        if not task.cancelled():
            task.exception()  # all who waited may be gone


def _no_processor(executable: Path, answer: Answer, time_limit: float) -> ProcessorUnknown:
    if answer.exit_code is None:
        what = f"did not answer `--dump-json` within {time_limit:g} seconds"
    else:
        what = f"is no OCR-D processor: `--dump-json` printed no description (exit code {answer.exit_code})"
    said = f". It printed: {answer.last_words}" if answer.last_words else ", and it printed nothing"
    return ProcessorUnknown(
        f"{executable} {what}{said}",
        advice=f"Run `{executable} --dump-json` to see what is wrong with it.",
    )


def _modified(directory: Path) -> int | None:
    try:
        return directory.stat().st_mtime_ns
    except OSError:
        return None


def _programs(directory: Path) -> Iterator[str]:
    try:
        with os.scandir(directory) as entries:
            for entry in entries:
                if _NAME.fullmatch(entry.name) and _is_program(Path(entry.path)):
                    yield entry.name
    except OSError:
        return


def _is_program(path: Path) -> bool:
    return path.suffix != ".json" and path.is_file() and os.access(path, os.X_OK)
