"""The processors of a server, or of this machine when none is named or runs here."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
from rich.console import Console
from rich.table import Table
from rich.text import Text

from offizin.cli.terminal import progress_console, result_console
from offizin.cli.wording import safe
from offizin.client import Client, ProcessorSummary
from offizin.clock import SystemClock
from offizin.home import Home
from offizin.processors.discovery import Discovery
from offizin.processors.models import Models
from offizin.processors.surroundings import search_path
from offizin.processors.tool_cache import Fingerprint
from offizin.processors.tool_description import ToolDescription
from offizin.settings import Settings

if TYPE_CHECKING:
    from offizin.store.processors import Learned


async def show_processors(server: str | None, home: Path | None, *, show_all: bool, as_json: bool) -> int:
    settings = Settings.load(None, {"home": home}, os.environ)
    url = server or Home(settings.home).address()
    with progress_console().status("Asking the processors …"):
        if url:
            async with Client(url) as client:
                found, silent = await client.processors(), list[str]()
        else:
            found, silent = await on_this_machine(settings, versions=show_all or as_json)
    if as_json:
        print(msgspec.json.encode(found).decode())
    else:
        _show(result_console(), found, silent if show_all else [], show_all)
    return 0


async def show_models(server: str | None, home: Path | None, processor: str, *, as_json: bool) -> int:
    settings = Settings.load(None, {"home": home}, os.environ)
    name = processor if processor.startswith("ocrd-") else f"ocrd-{processor}"
    with progress_console().status(f"Asking {name} …"):
        if url := server or Home(settings.home).address():
            async with Client(url) as client:
                found = await client.models(name)
        else:
            discovery = _discovery(settings)
            found = await Models(lambda: discovery, SystemClock()).of(name)
    if as_json:
        print(msgspec.json.encode(found).decode())
    elif found:
        print("\n".join(map(safe, found)))
    else:
        print(f"{name} finds no models. `ocrd resmgr list-available -e {name}` tells which there are.", file=sys.stderr)
    return 0


def _discovery(settings: Settings) -> Discovery:
    return Discovery(settings.processor_directories, Home(settings.home).tool_cache, search_path(os.environ))


async def on_this_machine(settings: Settings, *, versions: bool) -> tuple[list[ProcessorSummary], list[str]]:
    """The processors, and the programs named ``ocrd-*`` that are none or do not answer."""
    discovery = _discovery(settings)
    described, learned = await asyncio.gather(discovery.describe_all(), _learned(Home(settings.home).database))
    names = {one.name for one in described}
    if versions:
        told = await asyncio.gather(*(discovery.version(one.name) for one in described))
    else:
        told = [""] * len(described)
    found = [_summary(one, version, learned.get(one.name)) for one, version in zip(described, told, strict=True)]
    return found, [name for name in discovery.names() if name not in names]


async def _learned(database: Path) -> dict[str, Learned]:
    """What runs on this machine have found out, if there is anything that can be read."""
    if not database.exists():
        return {}
    from offizin.store import processors
    from offizin.store.transaction import SqliteDatabase

    store = SqliteDatabase(database)
    try:
        return await store.read(processors.all_learned)
    except Exception:  # of another version of Offizin
        return {}
    finally:
        await store.close()


def _summary(one: ToolDescription, version: str, learned: Learned | None) -> ProcessorSummary:
    known = learned is not None and learned.fingerprint == repr(Fingerprint.of(one.executable))
    return ProcessorSummary(
        one.name,
        str(one.executable),
        version,
        one.description,
        independent_pages=learned.independent_pages if learned is not None and known else None,
        plain=learned.plain if learned is not None and known else None,
    )


def _show(console: Console, found: list[ProcessorSummary], silent: list[str], show_all: bool) -> None:
    table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    table.add_column("processor", no_wrap=True)
    if show_all:
        table.add_column("version", no_wrap=True)
    table.add_column("what it does")
    if show_all:
        table.add_column("program", overflow="fold")
    for one in found:
        about = Text(safe(one.description))
        if one.plain:
            about.append(" (plain program: called anew for each job)", style="dim")
        table.add_row(one.name, *([one.version, about, one.executable] if show_all else [about]))
    if found:
        console.print(table)
    else:
        console.print("No processors found. `offizin doctor` tells what to do.")
    if silent:
        console.print(f"\nNo processors, or they do not answer: {', '.join(silent)}", soft_wrap=True)
