"""Live through many small worlds: ``python -m tests.simulation --help``.

The same seed tells the same story as long as the code is the same. Python orders sets of names by a secret of each
process, so this starts itself anew with that secret set to nothing.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections import Counter

from tests.simulation.scenario import cluster_scenario, scenario
from tests.simulation.story import shortest, story
from tests.simulation.world import outcome


def main() -> int:
    arguments = _arguments()
    if os.environ.get("PYTHONHASHSEED") != "0":
        os.environ["PYTHONHASHSEED"] = "0"
        os.execv(sys.executable, [sys.executable, "-m", "tests.simulation", *sys.argv[1:]])
    began = time.monotonic()
    counts: Counter[str] = Counter()
    happened: Counter[str] = Counter()
    worlds, seed = 0, arguments.seed
    draw = cluster_scenario if arguments.cluster else scenario
    again = "--cluster " if arguments.cluster else ""
    while worlds < arguments.worlds if arguments.worlds else counts.total() < arguments.events:
        world, wrong = outcome(draw(seed), with_logs=arguments.tell)
        worlds += 1
        counts += world.telling.counts
        happened += world.chances.happened
        if arguments.tell:
            print("\n".join([str(world.scenario), *world.telling.lines]))
        if wrong:
            print(f"seed {seed} violates: {wrong}")
            print(f"again: python -m tests.simulation {again}--seed {seed} --worlds 1 --tell", flush=True)
            print(story(shortest(draw(seed), arguments.shrink)))
            return 1
        seed += 1
    seconds = time.monotonic() - began
    print(f"{counts.total()} events in {worlds} worlds from seed {arguments.seed} on, in {seconds:.1f} s")
    print("events:", ", ".join(f"{count} {what}" for what, count in counts.most_common()))
    print("troubles:", ", ".join(f"{count} x {what}" for what, count in happened.most_common()))
    return 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.simulation", description=__doc__)
    parser.add_argument("--seed", type=int, default=1, help="the first world's seed; each has the next number")
    parser.add_argument("--cluster", action="store_true", help="with workers in processes of their own")
    parser.add_argument("--worlds", type=int, default=0, help="how many worlds (instead of --events)")
    parser.add_argument("--events", type=int, default=100_000, help="go on until there were so many events")
    parser.add_argument("--shrink", type=float, default=60.0, help="seconds for making a failing story short")
    parser.add_argument("--tell", action="store_true", help="tell each whole story, with the logs of the server")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
