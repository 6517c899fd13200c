"""The server in the foreground: what it says when it begins, and its log."""

from __future__ import annotations

import logging
import os
from pathlib import Path

import click

from offizin.cli.verbosity import show_log
from offizin.cli.wording import count
from offizin.processing_server import ProcessingServer
from offizin.settings import Settings, split_address

log = logging.getLogger(__name__)


def serve(config: Path | None, address: str | None, home: Path | None, slots: int | None, bootstrap: bool) -> None:
    """Blocking. Raises SettingsInvalid, HomeInUse, and Unavailable when the port is taken."""
    given = {"home": home, "slots": slots, "bootstrap": bootstrap or None}
    given |= split_address(address) if address else {}
    settings = Settings.load(config, given, os.environ)
    show_log(min(logging.getLevelNamesMapping()[settings.log_level], logging.getLogger("offizin").level))
    for notice in settings.notices:
        log.warning(notice)
    _AnnouncedServer(settings=settings).start()
    click.echo("Stopped.", err=True)


class _AnnouncedServer(ProcessingServer):
    """Tells the user where it is."""

    def on_listening(self, url: str) -> None:
        super().on_listening(url)
        programs = count(len(self.offizin.processors.names()), "program")
        slots = count(self.settings.slots, "slot")
        click.echo(f"Offizin listens at {url} ({slots}). Its API: {url}/docs", err=True)
        click.echo(f"Home: {self.settings.home}. {programs} named ocrd-* found.", err=True)
        click.echo("Ctrl-C ends it; what runs goes on when it is started again.", err=True)
