"""Fuzz what comes from others: ``python -m tests.fuzz --seconds 300``.

The same seed makes the same cases. ``--page`` writes the table of what was tried into docs/security.md.
"""

from __future__ import annotations

import argparse
import re
import sys
import time
from pathlib import Path

from tests.fuzz.targets import TARGETS
from tests.fuzz.trying import Tried, table, try_target

_SHOWN = 5


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--seconds", type=float, default=300.0, help="in all [%(default)s]")
    parser.add_argument("--seed", type=int, default=time.time_ns() % 1_000_000, help="[another one each time]")
    parser.add_argument("--only", choices=[target.name for target in TARGETS], help="one of them")
    parser.add_argument("--page", type=Path, help="the page that gets the table")
    asked = parser.parse_args()
    targets = [target for target in TARGETS if asked.only in (None, target.name)]
    print(f"seed {asked.seed}", flush=True)
    results = []
    for target in targets:
        end = time.monotonic() + asked.seconds / len(targets)
        results.append(try_target(target, asked.seed, lambda _, end=end: time.monotonic() < end))  # type: ignore[misc]
        print(table(results[-1:])[-1], flush=True)
        _show(results[-1])
    lines = table(results)
    print("\n".join(lines))
    if asked.page:
        _write_into(asked.page, [*lines, "", f"Seed {asked.seed}, {asked.seconds:g} seconds in all."])
    return 1 if any(tried.faults for tried in results) else 0


def _show(tried: Tried) -> None:
    for fault, case in tried.faults[:_SHOWN]:
        print(f"{tried.target}: {fault}\ncase: {case[:2000]!r}\n", flush=True)


def _write_into(page: Path, lines: list[str]) -> None:
    """Between the marks ``<!-- fuzz -->`` and ``<!-- end -->``."""
    text = page.read_text()
    written, count = re.subn(
        r"(<!-- fuzz -->\n).*?(<!-- end -->)",
        lambda mark: mark[1] + "\n".join(lines) + "\n" + mark[2],
        text,
        flags=re.DOTALL,
    )
    assert count == 1
    page.write_text(written)


if __name__ == "__main__":
    sys.exit(main())
