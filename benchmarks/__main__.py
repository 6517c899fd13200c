"""``python -m benchmarks``: measure, and print each figure beside its target. Takes half an hour; --quick minutes."""

from __future__ import annotations

import signal
import sys
import tempfile
from collections.abc import Callable
from importlib import import_module
from pathlib import Path

import click
from rich.console import Console

from benchmarks import tables
from benchmarks.cluster import is_installed
from benchmarks.conditions import Conditions, machine
from benchmarks.figures import Group

# The reference first: what comes after is compared with it.
ONE_MACHINE = (
    "reference",
    "throughput",
    "latency",
    "real_pages",
    "memory",
    "cold_start",
    "waiting",
    "mets_figures",
    "poison",
    "rerun",
)
CLUSTER = ("cluster_throughput", "cluster_latency", "two_servers", "cluster_waiting")
NAMES = ONE_MACHINE + CLUSTER

_EXISTING = click.Path(exists=True, path_type=Path)


@click.command()
@click.argument("names", nargs=-1, type=click.Choice(NAMES), metavar="[NAME]...")
@click.option("--quick", is_flag=True, help="Fewer repetitions, and no big sizes.")
@click.option("--directory", type=_EXISTING, help="Where to work; some file systems are slow at making files.")
@click.option("--reference", type=_EXISTING, metavar="BIN", help="Programs of an environment with `ocrd`.")
@click.option("--reference-start", type=_EXISTING, metavar="PROGRAM", help="Starts it: see docs/benchmarks.md.")
@click.option("--reference-pages", type=int, default=100, show_default=True, help="1000 take a quarter of an hour.")
@click.option("--write", type=_EXISTING, metavar="PAGE", help="Put the tables between the markers of this page, too.")
def main(
    names: tuple[str, ...],
    quick: bool,
    directory: Path | None,
    reference: Path | None,
    reference_start: Path | None,
    reference_pages: int,
    write: Path | None,
) -> None:
    """Measure the figures that docs/benchmarks.md names: all of them, or those of the groups NAME."""
    # What was started is ended, however we are.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    console = Console()
    groups: dict[str, Group] = {}
    conditions = Conditions(Path(), quick, reference, reference_start, reference_pages)
    wanted = NAMES if is_installed() else ONE_MACHINE
    if not names and wanted is ONE_MACHINE:
        console.print("The cluster is not measured: RabbitMQ or PostgreSQL is not installed.")
    measured_on = machine(quick)
    console.print(measured_on, highlight=False)
    try:
        for name in [name for name in NAMES if name in (names or wanted)]:
            with tempfile.TemporaryDirectory(prefix="offizin-benchmark-", dir=directory) as working:
                measure: Callable[[Conditions], Group] = import_module(f"benchmarks.{name}").measure
                groups[name] = measure(conditions.moved_to(Path(working)))
                tables.show(console, groups[name])
    finally:
        if write is not None:
            tables.write(write, groups, measured_on)


if __name__ == "__main__":
    main()
