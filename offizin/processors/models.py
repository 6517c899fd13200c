"""Which models a processor finds, as it tells itself (``--list-resources``).

Source: https://ocr-d.de/en/spec/ocrd_tool#resource-parameters; ``ocrd_utils.os.list_all_resources`` of `ocrd` 3.13.3.
``ocrd resmgr list-installed`` looks into the same directories; what is downloaded there is found here.
"""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from offizin.clock import Clock
from offizin.errors import NotBuiltYet, Unavailable
from offizin.processors.asking import Answer, ask
from offizin.processors.surroundings import runner_environment
from offizin.processors.tool_cache import Fingerprint
from offizin.processors.tool_description import ToolDescription

QUESTION = "--list-resources"
# Models come and go without a change of the program, but not every second; seconds.
FRESH = 30.0
TIME_LIMIT = 120.0
# Some loggers write to standard output, as in "12:00:00.123 INFO ocrd.…".
_LOG_LINE = re.compile(r"\d\d:\d\d:\d\d\.\d+ [A-Z]+ ")


class Describes(Protocol):
    async def describe(self, name: str) -> ToolDescription: ...


@dataclass(frozen=True, slots=True)
class _Told:
    fingerprint: Fingerprint
    at: float
    models: list[str]


class Models:
    """Of processors on this machine. ``processors`` gives those that there are now."""

    def __init__(
        self, processors: Callable[[], Describes], clock: Clock, environment: Mapping[str, str] = os.environ
    ) -> None:
        self._processors = processors
        self._clock = clock
        self._environment = environment
        self._told: dict[Path, _Told] = {}
        self._turn = asyncio.Lock()

    async def of(self, name: str) -> list[str]:
        """Names of files as the processor lists them, sorted; some list presets of parameters, too.

        Raises ProcessorUnknown, Unavailable when the program does not tell, NotBuiltYet for one on another machine.
        """
        executable = (await self._processors().describe(name)).executable
        if not executable.is_absolute():
            raise NotBuiltYet(
                f"the models of {name} lie with its workers, which are not asked yet",
                advice=f"On a worker's host, `{name} {QUESTION}` lists them.",
            )
        async with self._turn:
            known = self._told.get(executable)
            try:
                fingerprint = Fingerprint.of(executable)
                now = self._clock.monotonic()
                if known is None or known.fingerprint != fingerprint or now > known.at + FRESH:
                    known = self._told[executable] = _Told(fingerprint, now, _read(name, await self._ask(executable)))
            except OSError as error:
                raise Unavailable(f"{name} cannot be started: {error.strerror}") from error
            return known.models

    async def _ask(self, executable: Path) -> Answer:
        environment = {**self._environment, **runner_environment(self._environment, executable)}
        return await ask(executable, QUESTION, time_limit=TIME_LIMIT, environment=environment)


def _read(name: str, answer: Answer) -> list[str]:
    if answer.exit_code != 0:
        raise Unavailable(
            f"{name} does not list its models: {answer.last_words or 'it printed nothing'}",
            advice=f"Run `{name} {QUESTION}` to see what is wrong.",
        )
    lines = (line.strip() for line in answer.stdout.splitlines())
    return sorted({Path(line).name for line in lines if line and not _LOG_LINE.match(line)})
