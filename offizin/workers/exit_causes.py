"""What the end of a runner means for the piece it was working on. Pure."""

from __future__ import annotations

import signal

from offizin.messages import Cause

# Nobody's program sends itself these; somebody outside did.
FROM_OUTSIDE = frozenset({signal.SIGKILL, signal.SIGTERM, signal.SIGHUP, signal.SIGINT})


def cause_of(return_code: int, *, out_of_memory: bool = False) -> tuple[Cause, str]:
    """Cause and message for a return code as ``subprocess`` gives it (negative: the signal). ``out_of_memory``: the
    kernel has ended processes for that, or there was little left (workers.memory)."""
    if return_code >= 0:
        return Cause.EXIT, f"the processor ended with exit code {return_code} in the middle of its work"
    try:
        name = signal.Signals(-return_code).name
    except ValueError:
        name = f"signal {-return_code}"
    if out_of_memory and -return_code == signal.SIGKILL:
        return Cause.OUT_OF_MEMORY, "the kernel ended the processor, because there was no memory left"
    if -return_code in FROM_OUTSIDE:
        return Cause.RUNNER_LOST, f"the runner was ended from outside by {name}"
    return Cause.CRASH, f"the processor crashed with {name}"
