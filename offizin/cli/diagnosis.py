"""All the doctor looks at, and how it is told."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import msgspec
from rich.console import Console
from rich.text import Text

from offizin.cli import machine_checks
from offizin.cli.finding import Finding, Level, note, problem, well
from offizin.cli.processor_checks import processors
from offizin.cli.terminal import progress_console, result_console
from offizin.cli.wording import count
from offizin.client import Client
from offizin.errors import SettingsInvalid, Unavailable
from offizin.home import Home
from offizin.settings import Settings

MARKS = {Level.WELL: ("✓", "green"), Level.NOTE: ("!", "yellow"), Level.PROBLEM: ("✗", "bold red")}


async def diagnose(home: Path | None, *, as_json: bool) -> int:
    """The exit code: 1 when anything must be mended."""
    with progress_console().status("Looking at this machine and its processors …"):
        findings = await look(home)
    if as_json:
        print(msgspec.json.encode(findings).decode())
    else:
        show(result_console(), findings)
    return 1 if any(finding.level is Level.PROBLEM for finding in findings) else 0


async def look(home: Path | None) -> list[Finding]:
    findings = [
        machine_checks.python(),
        machine_checks.locale_encoding(),
        machine_checks.open_files(),
        machine_checks.memory(),
        machine_checks.temporary_directory(),
        machine_checks.working_directory(),
    ]
    try:
        settings = Settings.load(None, {"home": home}, os.environ)
    except SettingsInvalid as error:
        return [*findings, problem("settings", error.message, error.advice)]
    findings.append(await asyncio.to_thread(machine_checks.home_directory, settings.home))
    findings.append(await _server(Home(settings.home)))
    return findings + await processors(settings)


async def _server(home: Home) -> Finding:
    url = home.address()
    if url is None:
        return well("server", "none runs on this home; offizin run works without")
    async with Client(url) as client:
        try:
            health = await client.health()
        except Unavailable as error:
            return problem("server", error.message, "End the process that holds the home, and start it again.")
    runs = f"at {url}, {count(health.runs_live, 'run')} under way, {count(health.slots, 'slot')}"
    return well("server", runs) if health.status == "ok" else note("server", runs, "Look at its log.")


def show(console: Console, findings: list[Finding]) -> None:
    width = max(len(finding.what) for finding in findings)
    for finding in findings:
        mark, style = MARKS[finding.level]
        console.print(Text.assemble((mark, style), f" {finding.what.ljust(width)}  {finding.seen}"), soft_wrap=True)
        if finding.mend:
            console.print(Text(f"  {' ' * width}  → {finding.mend}"), soft_wrap=True)
    problems = sum(finding.level is Level.PROBLEM for finding in findings)
    console.print(f"\n{count(problems, 'problem')} found." if problems else "\nAll is well.")
