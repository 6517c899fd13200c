"""Nothing is measured before its runners are loaded and its code was used once."""

from __future__ import annotations

from benchmarks.books import SOURCE, make_book
from benchmarks.conditions import Conditions
from benchmarks.connection import Connection, Events
from benchmarks.server import Server

STEPS = 3
# By default ocrd-dummy only re-writes PAGE-XML; so does the bare loop that it is compared with.
WORKFLOW = "dummy -I OCR-D-IMG -O STEP-0\n" + "".join(
    f"dummy -I STEP-{number - 1} -O STEP-{number}\n" for number in range(1, STEPS)
)
ONE_STEP = "dummy -I OCR-D-IMG -O STEP-0\n"
TARGETS = [f"STEP-{number}" for number in range(STEPS)]

_PAGES = 30
_MOST_ROUNDS = 20

__all__ = ["ONE_STEP", "SOURCE", "STEPS", "TARGETS", "WORKFLOW", "warm_up"]


def warm_up(conditions: Conditions, server: Server, connection: Connection, events: Events, *, runners: int) -> None:
    """Run small books until so many runners of ``ocrd-dummy`` are loaded, then once more."""
    loaded = 0
    for _ in range(_MOST_ROUNDS):
        book = make_book(conditions.new_directory("warm-up"), _PAGES)
        state = events.wait_for_end(connection.submit(book.mets, WORKFLOW).run_id)
        if state != "SUCCESS":
            raise SystemExit(f"a run to warm up ended {state}")
        if loaded == runners:
            return
        loaded = server.runners()
    raise SystemExit(f"{loaded} runners were loaded, {runners} should be")
