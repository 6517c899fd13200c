"""Processes that were started and left alone: found again, and ended, without ever meaning another one.

A pid is given out again. So it counts together with the start time of the process (ticks since the machine's boot,
field 22 of /proc/PID/stat) and the boot itself; what belongs to the process, but has another pid, is known by a mark in
the environment that it inherited.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from offizin.deployment.machine import Machine, variables
from offizin.errors import Unavailable

MARK = "OFFIZIN_DEPLOYED"
KILL_SECONDS = 10.0

# Fields of /proc/PID/stat are counted from 1; the name before the third may have spaces and parentheses.
FUNCTIONS = f"""\
boot_now=$(cat /proc/sys/kernel/random/boot_id)
same() {{ # PID TICKS: it is that very process, and lives
    set -- "$1" "$2" $(sed 's/.*) //' "/proc/$1/stat" 2>/dev/null)
    [ $# -gt 22 ] && [ "$3" != Z ] && [ "${{22}}" = "$2" ]
}}
ticks_of() {{
    set -- 1 2 $(sed 's/.*) //' "/proc/$1/stat" 2>/dev/null)
    if [ $# -gt 22 ]; then echo "${{22}}"; fi
}}
session_of() {{
    set -- 1 2 $(sed 's/.*) //' "/proc/$1/stat" 2>/dev/null)
    if [ $# -gt 22 ]; then echo "$6"; fi
}}
marked() {{
    grep -alszxF "{MARK}=$mark" /proc/[0-9]*/environ | sed 's|^/proc/||; s|/environ$||'
}}
"""

_FIND = """\
if [ -n "$pid" ] && [ "$boot" = "$boot_now" ] && same "$pid" "$ticks"; then
    say pid "$pid"; say ticks "$ticks"
elif [ -z "$pid" ]; then
    for one in $(marked); do
        if [ "$(session_of "$one")" = "$one" ]; then say pid "$one"; say ticks "$(ticks_of "$one")"; break; fi
    done
fi
say boot "$boot_now"
"""

_END = """\
leader() { [ -n "$pid" ] && [ "$boot" = "$boot_now" ] && same "$pid" "$ticks"; }
left() { if leader; then return 0; fi; [ -n "$(marked)" ]; }
tell() { # SIGNAL
    if leader; then
        if [ -n "$group" ] || [ "$1" = KILL ]; then kill -s "$1" -- "-$pid"; else kill -s "$1" "$pid"; fi
    fi 2>/dev/null
    if [ "$1" = KILL ] || ! leader; then
        for one in $(marked); do kill -s "$1" "$one" 2>/dev/null; done
    fi
}
patience() { # TENTHS OF SECONDS SIGNAL
    waited=0 told=
    while left; do
        [ "$waited" -lt "$1" ] || return 1
        if [ -z "$told" ] && ! leader; then tell "$2"; told=yes; fi # what it has left behind
        sleep 0.1; waited=$((waited + 1))
    done
}
if ! left; then say outcome gone; exit; fi
tell "$signal"
if patience "$limit" "$signal"; then say outcome ended; exit; fi
tell KILL
if patience "$kill_limit" KILL; then say outcome killed; else say outcome alive; fi
"""


@dataclass(frozen=True, slots=True)
class Process:
    """``pid`` is None for one of which is only known that it was to be started with ``mark``."""

    mark: str
    pid: int | None = None
    ticks: int = 0
    boot: str = ""

    def as_variables(self) -> str:
        pid = "" if self.pid is None else str(self.pid)
        return variables(mark=self.mark, pid=pid, ticks=str(self.ticks), boot=self.boot)


class Outcome(StrEnum):
    GONE = "gone"
    """It was not there any more."""
    ENDED = "ended"
    """It ended when it was told to."""
    KILLED = "killed"
    ALIVE = "alive"
    """Even SIGKILL has not ended it yet."""


async def find(machine: Machine, process: Process, *, limit: float = 30.0) -> Process | None:
    """The process, with its pid if that was not known, or None when it does not live. Raises Unavailable."""
    answer = await machine.run(process.as_variables() + FUNCTIONS + _FIND, limit=limit)
    said = answer.said
    if "boot" not in said:
        raise Unavailable(f"{machine.label} cannot tell what runs there: {answer.errors}", advice="Is it Linux?")
    if not said.get("ticks"):
        return None
    return Process(process.mark, int(said["pid"]), int(said["ticks"]), said["boot"])


async def end(machine: Machine, process: Process, *, limit: float, signal: str = "TERM", group: bool = True) -> Outcome:
    """Send ``signal`` (to its whole ``group``, or to it alone); after ``limit`` seconds, SIGKILL to all that is its.

    Raises Unavailable.
    """
    values = variables(
        signal=signal, group="yes" if group else "", limit=str(int(limit * 10)), kill_limit=str(int(KILL_SECONDS * 10))
    )
    script = process.as_variables() + values + FUNCTIONS + _END
    answer = await machine.run(script, limit=limit + KILL_SECONDS + 30.0)
    try:
        return Outcome(answer.said.get("outcome", ""))
    except ValueError:
        raise Unavailable(
            f"{machine.label} did not say whether process {process.pid} ended: {answer.errors}",
            advice="Look there for it.",
        ) from None
