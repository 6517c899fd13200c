"""Pausing a processor, a host or a step, whichever has that name, and waiting until nothing of it runs."""

from __future__ import annotations

from rich.console import Console

from offizin.cli.carry_out import Started, Wishes, carry_out
from offizin.cli.connection import Kind, Place, clock, connect
from offizin.cli.run_naming import find_run
from offizin.cli.terminal import progress_console
from offizin.cli.wording import count
from offizin.cli.worker_list import running
from offizin.client import Client, PauseSummary, RunSummary
from offizin.errors import Conflict, InvalidRequest, NotFound

PROCESSOR, HOST, STEP, PLACE = "processor", "host", "step", "host and processor"
# How often it is asked what still runs, in seconds.
EVERY = 0.5


async def pause(place: Place, name: str, *, drain: bool) -> int:
    """Raises NotFound when nothing has that name, Conflict when it was resumed while it was being drained."""
    async with connect(place, clock()) as connection:
        client = connection.client
        paused = await client.pause(*await _named(client, name))
        if drain:
            paused = await _drained(client, paused, progress_console())
    print(f"{paused.kind.capitalize()} {paused.name} is paused; {running(paused)}.")
    print(f"To give it work again: offizin resume {f'{place.options} ' if place.options else ''}{paused.name}")
    return 0


async def resume(place: Place, name: str, *, retry: bool) -> int:
    """Raises Conflict when it is not paused."""
    async with connect(place, clock()) as connection:
        pauses = (await connection.client.workers()).pauses
        found = [
            (pause.kind, pause.name) for pause in pauses if pause.kind != STEP and pause.name in (name, f"ocrd-{name}")
        ]
        for kind, full_name in found:
            await connection.client.resume(kind, full_name)
            print(f"{kind.capitalize()} {full_name} gets work again.")
        if found:
            return 0
        if not any(pause.kind == STEP for pause in pauses):
            names = ", ".join(pause.name for pause in pauses)
            raise Conflict(f"{name} is not paused", advice=f"What is: {names}." if names else "Nothing is.")
        run_id = await _resume_run(connection.client, name, retry=retry)
        if connection.kind is not Kind.EMBEDDED:
            return 0
    return await _go_on(place, run_id)


async def _resume_run(client: Client, name: str, *, retry: bool) -> str:
    run, step = await _step(client, name)
    resumed = await client.resume_run(run.run_id, step, retry=retry)
    steps = ", ".join(str(number + 1) for number in resumed.steps)
    again = f"; {count(resumed.jobs, 'job')} that had failed or were cancelled wait again" if resumed.jobs else ""
    print(f"Run {run.run_id} goes on with step {steps}{again}.")
    return run.run_id


async def _go_on(place: Place, run_id: str) -> int:
    """No server runs that would."""

    async def started(client: Client) -> Started:
        return Started(run_id, sum(step.open_jobs for step in (await client.run(run_id)).steps))

    return await carry_out(Place(home=place.home), started, Wishes())


async def _step(client: Client, name: str) -> tuple[RunSummary, int | None]:
    """The run, and its step from 0, None for all. Raises InvalidRequest and RunUnknown."""
    run, _, number = name.partition("/")
    found = await find_run(client, run)
    if not number:
        return found, None
    if not (number.isascii() and number.isdecimal() and 0 < int(number) <= len(found.steps)):
        raise InvalidRequest(
            f"run {found.run_id} has no step {number}", advice=f"It has {len(found.steps)}, counted from 1."
        )
    return found, int(number) - 1


async def _named(client: Client, name: str) -> tuple[str, str]:
    """What it is, and its full name."""
    listed = await client.workers()
    hosts = {worker.host for worker in listed.workers} | {pause.name for pause in listed.pauses if pause.kind == HOST}
    place, _, processor = name.rpartition("/")
    if place in hosts:
        return PLACE, f"{place}/{processor if processor.startswith('ocrd-') else f'ocrd-{processor}'}"
    if "/" in name:
        run, step = await _step(client, name)
        return STEP, f"{run.run_id}/{(step or 0) + 1}"
    if name in hosts:
        return HOST, name
    processors = await client.processor_names()
    for full_name in (name, f"ocrd-{name}"):
        if full_name in processors or any(full_name == pause.name for pause in listed.pauses):
            return PROCESSOR, full_name
    known = f"Hosts: {', '.join(sorted(hosts)) or 'none'}. `offizin processors` lists the processors."
    raise NotFound(f"there is neither a processor nor a host {name}", advice=known)


async def _drained(client: Client, paused: PauseSummary, console: Console) -> PauseSummary:
    """As soon as it is."""
    told = ""
    with console.status(f"{running(paused)} …") as status:
        while not paused.drained:
            if running(paused) != told:
                told = running(paused)
                status.update(f"{told} …")
                if not console.is_terminal:
                    console.print(f"{paused.name}: {told}", markup=False)
            await clock().sleep(EVERY)
            pauses = (await client.workers()).pauses
            found = [each for each in pauses if (each.kind, each.name) == (paused.kind, paused.name)]
            if not found:
                raise Conflict(f"{paused.name} was resumed meanwhile", advice="Look who needs it.")
            paused = found[0]
    return paused
