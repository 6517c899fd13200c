"""How ``offizin worker`` is called on a machine, and what to say when it is not there."""

from __future__ import annotations

import shlex
from collections.abc import Sequence

from offizin import __version__
from offizin.deployment.machine import variables
from offizin.deployment.native import Program, ProgramMissing
from offizin.errors import Unavailable

QUEUE = "OFFIZIN_QUEUE"
TOKEN = "OFFIZIN_TOKEN"

# Where --bootstrap installs it.
OWN_ENVIRONMENT = "venv"

_FIND = f"""\
if [ -n "$program" ]; then
    if ! [ -x "$program" ]; then say missing "$program"; exit; fi
elif command -v offizin >/dev/null; then
    program=$(command -v offizin)
elif [ -x "$data/{OWN_ENVIRONMENT}/bin/offizin" ]; then
    program=$data/{OWN_ENVIRONMENT}/bin/offizin
else
    say missing "PATH, which is $PATH"; exit
fi
"""


def worker_program(
    processors: Sequence[tuple[str, int]],
    *,
    server: str | None,
    queue: str,
    place: str,
    program: str | None,
    grace: float,
    token: str = "",
) -> Program:
    """A worker for processors with so many slots each. ``queue`` is a URL with a password, and ``token`` lets the
    worker in where ``server`` is, our HTTP API: they go into the environment alone; ``grace``: seconds that what runs
    may take when it is told to end."""
    words = worker_words(processors, server, grace)
    command = f'{_FIND}set -- "$program" {shlex.join(words)} --home "$directory"\n'
    return Program("offizin", variables(program=program or "") + command, place, worker_secrets(queue, token))


def worker_secrets(queue: str, token: str) -> dict[str, str]:
    """What only its environment may say: command lines are seen by all users of a machine."""
    return {QUEUE: queue, TOKEN: token} if token else {QUEUE: queue}


def worker_words(processors: Sequence[tuple[str, int]], server: str | None, grace: float) -> list[str]:
    """Its command line without the program and ``--home``."""
    slots = [f"{name}:{slots}" if slots > 1 else name for name, slots in processors]
    return ["worker", *slots, *(["--server", server] if server else []), "--grace", f"{grace:g}"]


def how_to_install(missing: ProgramMissing) -> Unavailable:
    """The same, with what to do."""
    return Unavailable(
        f"{missing.message} (looked for in {missing.searched})",
        advice=f"On that machine: python3 -m venv ~/.local/share/offizin/{OWN_ENVIRONMENT} && "
        f"~/.local/share/offizin/{OWN_ENVIRONMENT}/bin/pip install 'offizin[cluster]=={__version__}'. Or name its path "
        "there as `offizin:` of the host, or start this server with --bootstrap, which sends what is installed here.",
    )
