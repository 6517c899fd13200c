"""``python -m tests.api_fuzz [EXAMPLES] [SEED]``: thousands of requests, and the figures in docs/security.md."""

from __future__ import annotations

import random
import re
import sys
from pathlib import Path

from tests.api_fuzz.schemathesis_run import ROOT, Outcome, run

PAGE = ROOT / "docs/security.md"
ROW = re.compile(r"^\| schemathesis .*$", re.MULTILINE)


def main(arguments: list[str]) -> int:
    examples = int(arguments[0]) if arguments else 100
    seed = int(arguments[1]) if len(arguments) > 1 else random.randrange(2**31)
    outcome = run(examples, seed)
    print(outcome.output)
    row = row_of(outcome, seed)
    print(row)
    if outcome.sound:
        write(PAGE, row)
    return 0 if outcome.sound else 1


def row_of(outcome: Outcome, seed: int) -> str:
    return (
        f"| schemathesis {outcome.version}, seed {seed} | {outcome.operations} | {outcome.cases:,} | "
        f"{outcome.failures} |"
    )


def write(page: Path, row: str) -> None:
    text = page.read_text()
    assert ROW.search(text), f"{page} has no row that begins with '| schemathesis'"
    page.write_text(ROW.sub(lambda _: row, text))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
