"""A machine on which something can be started: this one, or one that is reached over SSH (``deployment.ssh``)."""

from __future__ import annotations

import asyncio
import ipaddress
import os
import shlex
import signal
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from offizin.errors import Unavailable

# Begins each line that a script of ours answers: profiles of users print, too.
_ANSWER = "=offizin="

PREAMBLE = f"""\
set -u
umask_of_login=$(umask)
umask 077
say() {{ printf '{_ANSWER} %s %s\\n' "$1" "$2"; }}
"""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a script said (``say NAME VALUE``; a name that is said again has several lines), how it ended, and what it
    wrote to standard error."""

    said: Mapping[str, str]
    code: int
    errors: str = ""

    @classmethod
    def read(cls, output: str, code: int, errors: str) -> Answer:
        said: dict[str, str] = {}
        for line in output.splitlines():
            if line.startswith(f"{_ANSWER} "):
                name, _, value = line.removeprefix(f"{_ANSWER} ").partition(" ")
                said[name] = f"{said[name]}\n{value}" if name in said else value
        return cls(said, code, errors.strip())


class Machine(Protocol):
    """``label`` names it to people and in the database, as in ``cloud@worker.example.org``."""

    @property
    def label(self) -> str: ...

    async def run(self, script: str, *, limit: float) -> Answer:
        """Have ``/bin/sh`` read a script from standard input, with PREAMBLE before it and the environment of a login.

        Nothing of the script shows in the list of processes there. Raises Unavailable when the machine cannot be
        reached or has not answered after ``limit`` seconds.
        """
        ...

    async def socket(self, path: str) -> Path:
        """A Unix socket on this machine behind which is the one at ``path`` there. Raises Unavailable."""
        ...

    async def send(self, what: Path, where: str) -> None:
        """Copy a file or a directory to ``where``, which is not there. Raises Unavailable."""
        ...

    async def address_here(self) -> str:
        """The address of this machine that the other one sees. Raises Unavailable."""
        ...

    async def close(self) -> None: ...


class Here:
    """This machine. No login: the environment is that of this process."""

    label = "this machine"

    async def run(self, script: str, *, limit: float) -> Answer:
        # In a thread: uvloop's children leave copies of the pipes to what they start, and the end is never seen.
        return await asyncio.to_thread(self._run, script, limit)

    def _run(self, script: str, limit: float) -> Answer:
        with subprocess.Popen(
            ["/bin/sh", "-s"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            start_new_session=True,
        ) as shell:  # fmt: skip
            try:
                output, errors = shell.communicate((PREAMBLE + script).encode(), limit)
            except subprocess.TimeoutExpired:
                advice = "It may be too busy."
                raise Unavailable(f"{self.label} did not answer within {limit:g} s", advice=advice) from None
            finally:
                if shell.poll() is None:
                    os.killpg(shell.pid, signal.SIGKILL)
        return Answer.read(output.decode(errors="replace"), shell.returncode, errors.decode(errors="replace"))

    async def socket(self, path: str) -> Path:
        return Path(path)

    async def send(self, what: Path, where: str) -> None:
        script = (
            f"mkdir -p {shlex.quote(str(Path(where).parent))} && cp -R {shlex.quote(str(what))} {shlex.quote(where)}"
        )
        answer = await self.run(script, limit=600)
        if answer.code:
            raise Unavailable(f"{what} could not be copied to {where}: {answer.errors}", advice="Is there room?")

    async def address_here(self) -> str:
        return "127.0.0.1"

    async def close(self) -> None:
        pass


def variables(**values: str) -> str:
    """Lines of a script that set variables to these texts, whatever is in them."""
    return "".join(f"{name}={shlex.quote(value)}\n" for name, value in values.items())


def is_loopback(host: str) -> bool:
    """Whether a name or an address can only mean the machine that uses it."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False
