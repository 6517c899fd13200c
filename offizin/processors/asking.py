"""Ask a program one question on its command line: a child process of its own group, with a time limit."""

from __future__ import annotations

import asyncio
import os
import signal
import tempfile
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

_OUTPUT_LIMIT = 4 * 1024 * 1024
_SECONDS_FOR_THE_REST = 1.0


@dataclass(frozen=True, slots=True)
class Answer:
    """``exit_code`` is None when the program was ended at the time limit, negative for a signal."""

    exit_code: int | None
    stdout: str
    stderr: str

    @property
    def last_words(self) -> str:
        """The last lines it printed, its errors first."""
        lines = (self.stderr.strip() or self.stdout.strip()).splitlines()
        return "\n".join(line[:200] for line in lines[-5:])


async def ask(
    executable: Path, question: str, *, time_limit: float, environment: Mapping[str, str] | None = None
) -> Answer:
    """Run ``executable question`` in an empty directory and gather up to 4 MiB of each output.

    ``time_limit`` in seconds. Whatever the program started is ended with it. Raises OSError when it cannot be started.
    """
    with tempfile.TemporaryDirectory(prefix="offizin-") as directory, ExitStack() as opened:
        outputs = [await _Output.open(opened) for _ in range(2)]
        try:
            process = await asyncio.create_subprocess_exec(
                executable,
                question,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=outputs[0].write_end,
                stderr=outputs[1].write_end,
                cwd=directory,
                env=None if environment is None else dict(environment),
                start_new_session=True,
            )
        finally:
            for output in outputs:
                os.close(output.write_end)
        exit_code: int | None = None
        try:
            async with asyncio.timeout(time_limit):
                exit_code = await process.wait()
            # a child that went into the background may hold a pipe open for ever
            await asyncio.wait([output.ended for output in outputs], timeout=_SECONDS_FOR_THE_REST)
        except TimeoutError:
            pass
        finally:
            _end_group(process.pid)
            await process.wait()
        return Answer(exit_code, *(bytes(output.content).decode(errors="replace") for output in outputs))


class _Output(asyncio.Protocol):
    """A pipe of our own: with those of asyncio, a process counts as running as long as any child holds its pipe.

    It is read to the end, so that the program is never stopped by a full pipe, but only so much is kept.
    """

    def __init__(self, write_end: int) -> None:
        self.write_end = write_end
        self.content = bytearray()
        self.ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    @classmethod
    async def open(cls, opened: ExitStack) -> _Output:
        """Its reading end is closed with ``opened``, the writing end by the caller."""
        read_end, write_end = os.pipe()
        transport, output = await asyncio.get_running_loop().connect_read_pipe(
            lambda: cls(write_end), os.fdopen(read_end, "rb", buffering=0)
        )
        opened.callback(transport.close)
        return output

    def data_received(self, data: bytes) -> None:
        self.content += data[: max(0, _OUTPUT_LIMIT - len(self.content))]

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.ended.done():
            self.ended.set_result(None)


def _end_group(process_group: int) -> None:
    try:
        os.killpg(process_group, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        pass
