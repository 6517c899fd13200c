"""A processor's program as a process: in a session of its own, and nothing of it outlives its end or the worker's."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Mapping, Sequence
from pathlib import Path

from offizin.errors import RunnerLost
from offizin.workers.last_will import LastWill
from offizin.workers.process_group import MARK, ProcessGroup, mark_of

_THREADS = (
    "OMP_NUM_THREADS",
    "OMP_THREAD_LIMIT",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "TF_NUM_INTEROP_THREADS",
    "TF_NUM_INTRAOP_THREADS",
)


def program_environment(over: Mapping[str, str] | None, threads: int) -> dict[str, str]:
    """What any processor's program gets: ours, ``over`` put over it, so many threads where nothing is said of them."""
    environment = {**os.environ, **(over or {})}
    for name in _THREADS:
        environment.setdefault(name, str(threads))
    environment["LC_ALL"] = "C.UTF-8"
    environment["PYTHONUTF8"] = "1"
    return environment


class Program:
    """One running process with all that it starts. Made by ``start``; ``gone`` is to be awaited once, in the end."""

    def __init__(self, process: asyncio.subprocess.Process, mark: str, will: LastWill) -> None:
        self.pid = process.pid
        self._process = process
        self._will = will
        self._group = ProcessGroup(process.pid, mark)

    @classmethod
    async def start(
        cls,
        command: Sequence[str | Path],
        *,
        owner: Path,
        output: int,
        environment: Mapping[str, str],
        directory: str | None = None,
        pass_fds: Sequence[int] = (),
    ) -> Program:
        """Standard input is null, ``output`` the descriptor for all that it says. By ``owner``, a directory that is
        there, ``end_leftovers`` finds what is left of us. Raises RunnerLost when it cannot be started."""
        mark = mark_of(owner)
        will = await LastWill.write(mark)
        try:
            process = await asyncio.create_subprocess_exec(
                *command,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                cwd=directory,
                env={**environment, MARK: mark},
                pass_fds=pass_fds,
                start_new_session=True,
            )
        except OSError as error:
            await will.revoke()
            raise RunnerLost(
                f"{command[0]} cannot be started: {error.strerror}", advice="Look at the program by hand."
            ) from error
        except BaseException:
            will.execute()
            raise
        will.name(process.pid)
        return cls(process, mark, will)

    def kill(self) -> None:
        """SIGKILL, at once, to the whole process group and to every descendant that has left it."""
        self._group.kill()

    async def gone(self) -> int:
        """The return code (negative: a signal), once the whole group is gone."""
        code = await self._process.wait()
        await self._group.end_what_is_left()
        await self._will.revoke()
        return code


def described_end(return_code: int) -> str:
    """A return code in words."""
    if return_code >= 0:
        return f"exit {return_code}"
    try:
        return f"signal {signal.Signals(-return_code).name}"
    except ValueError:
        return f"signal {-return_code}"
