"""Programs started on a machine so that they outlive the login: in a session of their own, their output in a file."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field

from offizin.deployment.machine import Machine, variables
from offizin.deployment.pids import FUNCTIONS, MARK, Process
from offizin.errors import Unavailable

START_SECONDS = 60.0

# A program that cannot do its work ends at once: so long, in tenths of a second, it is looked at.
_FIRST_LOOK = 10

# Where things of ours lie in the home of a user.
_DATA = '[ -n "$data" ] || data=${XDG_DATA_HOME:-$HOME/.local/share}/offizin\n'

_PLACE = """\
directory=$data/$place
if ! mkdir -p "$directory"; then say failed "$directory cannot be made"; exit; fi
log=$directory/output.log
"""

_START = f"""\
if [ -f "$log" ] && [ "$(wc -c <"$log")" -gt 10000000 ]; then mv "$log" "$log.1"; fi
export {MARK}="$mark"
cd "$HOME" || cd /
: >>"$log"
umask "$umask_of_login"
setsid "$@" </dev/null >>"$log" 2>&1 &
pid=$!
ticks=$(ticks_of "$pid")
looks=0
while [ "$looks" -lt {_FIRST_LOOK} ]; do
    sleep 0.1; looks=$((looks + 1))
    if ! same "$pid" "$ticks"; then
        wait "$pid"; say code "$?"
        tail -n 20 "$log" | while IFS= read -r line; do say line "$line"; done
        exit
    fi
done
say log "$log"; say boot "$boot_now"; say ticks "$ticks"; say pid "$pid"
"""


@dataclass(frozen=True, slots=True)
class Program:
    """``command`` is script that sets the positional parameters to the program and its arguments, and may read
    ``directory``: a place for this program alone, ``place`` below ``data``, or below the user's own data directory. It
    may also ``say failed`` (or ``say missing``, with where was looked) and exit. ``environment`` may hold secrets,
    ``name`` is what people call it."""

    name: str
    command: str = field(repr=False)
    place: str
    environment: Mapping[str, str] = field(default_factory=dict, repr=False)
    data: str = ""


class ProgramMissing(Unavailable):
    """``searched`` says where it was looked for."""

    def __init__(self, message: str, searched: str) -> None:
        super().__init__(message)
        self.searched = searched


@dataclass(frozen=True, slots=True)
class Running:
    process: Process
    log: str


async def start(machine: Machine, program: Program, mark: str) -> Running:
    """Raises ProgramMissing; Unavailable when the machine cannot be reached or the program ends at once."""
    environment = "".join(f"export {key}={shlex.quote(value)}\n" for key, value in program.environment.items())
    named = variables(mark=mark, place=program.place, data=program.data)
    script = FUNCTIONS + environment + named + _DATA + _PLACE + program.command + _START
    answer = await machine.run(script, limit=START_SECONDS)
    said = answer.said
    if "missing" in said:
        raise ProgramMissing(f"{program.name} is not installed on {machine.label}", said["missing"])
    if "failed" in said:
        raise Unavailable(f"{program.name} cannot be started on {machine.label}: {said['failed']}", advice="")
    if "code" in said:
        last = said.get("line", "").strip()
        raise Unavailable(
            f"{program.name} on {machine.label} ended at once (exit code {said['code']})"
            + (f": {last}" if last else ""),
            advice=f"Its output is in {said.get('log', program.place)} there.",
        )
    if not said.get("ticks"):
        raise Unavailable(
            f"{machine.label} did not say whether {program.name} started: {answer.errors}",
            advice="It must be Linux, with setsid (package util-linux).",
        )
    process = Process(mark, int(said["pid"]), int(said["ticks"]), said["boot"])
    return Running(process, said["log"])


async def last_words(machine: Machine, log: str) -> str:
    """The last lines of a program's output, "" if there are none. Raises Unavailable."""
    tell = 'tail -n 5 "$log" 2>/dev/null | while IFS= read -r line; do say line "$line"; done\n'
    answer = await machine.run(variables(log=log) + tell, limit=30)
    return answer.said.get("line", "").strip()
