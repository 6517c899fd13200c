"""A program in which no runner begins, behind the face of RunnerProcess: called anew for each piece."""

from __future__ import annotations

import asyncio
import math
import signal
import time
from collections.abc import Mapping
from pathlib import Path

from offizin.messages import Handshake, decode_piece, encode
from offizin.processors.asking import ask
from offizin.processors.tool_description import find_tool, find_version
from offizin.workers.child_process import ChildProcess
from offizin.workers.mets_endpoint import MetsEndpoint
from offizin.workers.one_by_one import OneByOne
from offizin.workers.runner_lines import Reported, Started


async def handshake_of(executable: Path, environment: Mapping[str, str], time_limit: float) -> Handshake:
    """Ask a program for what a runner's handshake would say. Raises OSError when it cannot be started."""
    version, described = await asyncio.gather(
        *(
            ask(executable, question, time_limit=time_limit, environment=environment)
            for question in ("--version", "--dump-json")
        )
    )
    tool = find_tool(described.stdout, executable.name) or {}
    return Handshake(
        processor=executable.name,
        version=find_version(version.stdout, version.stderr),
        step=next((str(step) for step in tool.get("steps") or ()), ""),
        plain=True,
    )


class PlainProgram(OneByOne):
    """Unlike a runner it does not end when the program does: only ``stop`` and ``kill`` end it.

    ``environment`` is that of the program, ``owner`` the directory by which its leftovers are found, ``job_logs`` the
    one in which pieces name their logs.
    """

    def __init__(
        self,
        executable: Path,
        handshake: Handshake,
        *,
        environment: Mapping[str, str],
        owner: Path,
        job_logs: Path,
        endpoint: MetsEndpoint,
    ) -> None:
        self._executable = executable
        self._environment = environment
        self._owner = owner
        self._job_logs = job_logs
        self._endpoint = endpoint
        self._deadline = math.inf
        self._child: ChildProcess | None = None
        super().__init__(handshake, f"plain program {executable.name}")

    @property
    def pid(self) -> int:
        """That of the process that works now, 0 if none does."""
        return self._child.pid if self._child is not None else 0

    def renew(self, seconds: float) -> None:
        """From now on it may add for so many seconds."""
        self._deadline = time.monotonic() + seconds

    def pause(self, seconds: float) -> None:
        """Never so much to hear."""

    def kill(self) -> None:
        if self._work.done():
            return
        self._killed = True
        self._wakened.set()
        if self._child is not None:
            self._child.kill()

    async def wait(self) -> int:
        await asyncio.shield(self._work)
        return -signal.SIGKILL if self._killed else 0

    async def _do(self, body: bytes) -> None:
        piece = decode_piece(body)
        self._child = ChildProcess(
            self._executable,
            piece,
            version=self.handshake.version,
            environment=self._environment,
            owner=self._owner,
            log=self._job_logs / piece.log,
            endpoint=self._endpoint,
            may_write=lambda: time.monotonic() <= self._deadline,
        )
        self._tell(Started())
        result = await self._child.run()
        self._child = None
        if result.end or result.pages:
            self._tell(Reported(result.end, encode(result)))
