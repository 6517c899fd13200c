"""What is to happen when the worker dies without a word (SIGKILL, out of memory): its runners' processes end, too.

A Python runner notices by itself; shell scripts around it, plain programs and what they started do not. So a small
shell waits at a pipe whose other end only the worker holds, and executes the will when that end closes.
"""

from __future__ import annotations

import asyncio
import os

from offizin.workers.process_group import MARK

# First line: the group, once there is one; second line: revoked. Then whoever carries the mark is hit, too: what
# left the group, or was started when the worker had no time to name it
_WILL = f"""
read -r group && read -r revoked && exit
kill -KILL -- "-$group"
for found in $(grep -lzx "{MARK}=$1" /proc/[0-9]*/environ); do
    process=${{found#/proc/}}
    kill -KILL "${{process%/environ}}"
done
"""


class LastWill:
    """One per runner. ``write`` it before the runner starts, ``revoke`` it when all of it is gone."""

    def __init__(self, executor: asyncio.subprocess.Process, pipe: int) -> None:
        self._executor = executor
        self._pipe = pipe
        self._group = 0

    @classmethod
    async def write(cls, mark: str) -> LastWill:
        """Raises OSError when no more processes can be started."""
        theirs, ours = os.pipe()
        try:
            executor = await asyncio.create_subprocess_exec(
                "/bin/sh",
                *("-c", _WILL, "offizin-last-will", mark),
                stdin=theirs,
                stdout=asyncio.subprocess.DEVNULL,
                stderr=asyncio.subprocess.DEVNULL,
                start_new_session=True,
            )
        except BaseException:
            os.close(ours)
            raise
        finally:
            os.close(theirs)
        return cls(executor, ours)

    def name(self, group: int) -> None:
        """The process group that the runner has got."""
        self._group = group
        self._tell(f"{group}\n")

    def execute(self) -> None:
        """At once, as if the worker had died."""
        os.close(self._pipe)

    async def revoke(self) -> None:
        self._tell("revoked\n" if self._group else "none\nrevoked\n")
        os.close(self._pipe)
        await self._executor.wait()

    def _tell(self, line: str) -> None:
        try:
            os.write(self._pipe, line.encode())
        except BrokenPipeError:  # somebody ended the executor
            pass
