"""Which run a user means."""

from __future__ import annotations

from offizin.client import Client, RunSummary
from offizin.errors import InvalidRequest, RunUnknown

# Ids are looked for among so many of the last runs when only their beginning is given.
LAST_RUNS = 500
SHORTEST = 4
_LENGTH = 36  # of a UUID


async def find_run(client: Client, name: str) -> RunSummary:
    """``name`` is an id, the beginning of one of the last runs', or ``last``. Raises RunUnknown, InvalidRequest."""
    if name == "last":
        runs = (await client.runs(limit=1)).runs
        if not runs:
            raise RunUnknown("there are no runs yet", advice="`offizin run` makes one.")
        return runs[0]
    if len(name) >= _LENGTH:
        return await client.run(name)
    if len(name) < SHORTEST:
        raise InvalidRequest(f"{name!r} is too short for a run", advice=f"Give {SHORTEST} characters at least.")
    found = [run for run in (await client.runs(limit=LAST_RUNS)).runs if run.run_id.startswith(name)]
    if len(found) > 1:
        names = ", ".join(run.run_id for run in found[:5])
        raise InvalidRequest(f"{len(found)} runs begin with {name}: {names}", advice="Give more of its id.")
    if not found:
        raise RunUnknown(f"there is no run {name}", advice="`offizin status` lists the last ones.")
    return found[0]


def find_step(run: RunSummary, name: str) -> int:
    """``name`` is the number of a step as it is shown, from 1, or its processor. From 0. Raises InvalidRequest."""
    if name.isascii() and name.isdecimal():
        found = [step.number for step in run.steps if step.number == int(name) - 1]
    else:
        found = [
            step.number for step in run.steps if step.processor.removeprefix("ocrd-") == name.removeprefix("ocrd-")
        ]
    if len(found) == 1:
        return found[0]
    there = ", ".join(f"{step.number + 1} {step.processor}" for step in run.steps)
    said = "is no step" if not found else f"is {len(found)} steps"
    raise InvalidRequest(f"{name} {said} of run {run.run_id}", advice=f"Its steps are: {there}. Give a number.")
