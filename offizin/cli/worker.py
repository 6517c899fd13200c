"""``offizin worker``: work for the servers of a cluster, from this machine."""

from __future__ import annotations

from pathlib import Path

import click

from offizin.cli.options import SERVER_VARIABLE
from offizin.cli.verbosity import verbosity_option


@click.command(name="worker")
@click.argument("processors", metavar="PROCESSOR[:SLOTS]...", nargs=-1, required=True)
@click.option(
    "--queue", metavar="URL", envvar="OFFIZIN_QUEUE", show_envvar=True, required=True,
    help="The queue of the cluster, as in amqp://user:password@host:5672/ (?password_file=… is possible, too).",
)  # fmt: skip
@click.option(
    "--server", metavar="URL", envvar=SERVER_VARIABLE, show_envvar=True,
    help="A server of the cluster, for logs that somebody follows, or that are long; as in https://name:token@host, or "
    "with the token in OFFIZIN_TOKEN.",
)  # fmt: skip
@click.option(
    "--slots", metavar="N", type=click.IntRange(1),
    help="How many pieces are worked on at once, of all processors. [default: the sum of their slots]",
)  # fmt: skip
@click.option(
    "--home", metavar="DIR", type=click.Path(path_type=Path, file_okay=False),
    help="Where this worker's logs and caches lie; one for each worker. [default: one of its own]",
)  # fmt: skip
@click.option(
    "--host", metavar="NAME", envvar="OFFIZIN_WORKER_HOST", show_envvar=True,
    help="What this machine is called in `offizin workers` and `offizin pause`. [default: its host name]",
)  # fmt: skip
@click.option(
    "--metrics", metavar="HOST:PORT", envvar="OFFIZIN_WORKER_METRICS", show_envvar=True,
    help="Answer GET /metrics there, for Prometheus. [default: not at all]",
)  # fmt: skip
@click.option(
    "--grace", metavar="SECONDS", type=click.FloatRange(0), default=60.0, show_default=True,
    help="How long what runs may take when the worker is stopped; then it is handed back.",
)  # fmt: skip
@verbosity_option
def command(
    processors: tuple[str, ...],
    queue: str,
    server: str | None,
    slots: int | None,
    home: Path | None,
    host: str | None,
    metrics: str | None,
    grace: float,
) -> None:
    """Take work for these processors from the queue, and do it.

    `offizin worker ocrd-tesserocr-segment ocrd-tesserocr-recognize:2 --queue amqp://… --server http://…`

    The books must be there under the same path as on the server. SIGTERM or Ctrl-C ends the worker: what runs may
    finish for a while, the rest is handed back. A second signal does not wait.
    """
    from offizin.cli.working import work

    work(processors, queue, server, slots, home, host, metrics, grace)
