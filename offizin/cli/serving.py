"""The server in the foreground: what it says when it begins, and its log."""

from __future__ import annotations

import logging
import os
from pathlib import Path

import click

from offizin.brokers.amqp_url import AmqpUrl
from offizin.cli.verbosity import show_log
from offizin.cli.wording import count
from offizin.processing_server import ProcessingServer
from offizin.settings import Settings, split_address

log = logging.getLogger(__name__)


def serve(
    config: Path | None, address: str | None, home: Path | None, slots: int | None, *, bootstrap: bool, no_auth: bool
) -> None:
    """Blocking. Raises SettingsInvalid, HomeInUse, and Unavailable when the port is taken."""
    given = {"home": home, "slots": slots, "bootstrap": bootstrap or None, "no_auth": no_auth or None}
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
        click.echo(f"Offizin listens at {url} (its API: {url}/docs).", err=True)
        click.echo(f"Home: {self.settings.home}. {self._who_works()}", err=True)
        click.echo("Ctrl-C ends it; what runs goes on when it is started again.", err=True)

    def _who_works(self) -> str:
        queue = self.settings.reference.process_queue
        programs = self.offizin.processors.names()
        if queue is None:
            return f"{count(self.settings.slots, 'slot')}; {count(len(programs), 'program')} named ocrd-* found."
        place = AmqpUrl.of_process_queue(queue)
        if programs:
            return f"Workers at {place} have {', '.join(programs)}."
        return f"No worker is at {place} yet: offizin worker ocrd-… --queue {place} --server …"
