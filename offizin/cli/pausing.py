"""Pausing a processor or a host, whichever has that name, and waiting until nothing runs there."""

from __future__ import annotations

from rich.console import Console

from offizin.cli.connection import Place, clock, connect
from offizin.cli.terminal import progress_console
from offizin.cli.worker_list import running
from offizin.client import Client, PauseSummary
from offizin.errors import Conflict, NotFound

PROCESSOR, HOST = "processor", "host"
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


async def resume(place: Place, name: str) -> int:
    """Raises Conflict when it is not paused."""
    async with connect(place, clock()) as connection:
        pauses = (await connection.client.workers()).pauses
        found = [(pause.kind, pause.name) for pause in pauses if pause.name in (name, f"ocrd-{name}")]
        if not found:
            names = ", ".join(pause.name for pause in pauses)
            raise Conflict(f"{name} is not paused", advice=f"What is: {names}." if names else "Nothing is.")
        for kind, full_name in found:
            await connection.client.resume(kind, full_name)
            print(f"{kind.capitalize()} {full_name} gets work again.")
    return 0


async def _named(client: Client, name: str) -> tuple[str, str]:
    """What it is, and its full name."""
    listed = await client.workers()
    hosts = {worker.host for worker in listed.workers} | {pause.name for pause in listed.pauses if pause.kind == HOST}
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
