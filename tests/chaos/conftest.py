"""What the kill tests share: processors, an undisturbed run to compare with, and the table of kills."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.behaviour.conftest import book, gate, programs, server, shared_place, size
from tests.chaos.kills import Kill, table
from tests.chaos.ordeal import Ordeal
from tests.chaos.outcome import Outcome
from tests.chaos.processors import write_processors
from tests.chaos.server import left_behind

__all__ = ["book", "gate", "programs", "server", "shared_place", "size"]

_TABLES = pytest.StashKey[dict[str, list[str]]]()


@dataclass
class KillTest:
    """``ordeal()`` begins one; ``undisturbed`` is how it must end."""

    directory: Path
    processors: Path
    undisturbed: Outcome
    tool_cache: bytes
    kills: list[Kill] = field(default_factory=list)
    ordeals: list[Ordeal] = field(default_factory=list)

    def ordeal(self, save_interval: float = 10.0) -> Ordeal:
        ordeal = Ordeal(self.directory / f"ordeal-{len(self.ordeals) + 1}", self.processors, save_interval)
        cache = ordeal.home / "cache" / "ocrd-tools.json"
        cache.parent.mkdir(parents=True)
        cache.write_bytes(self.tool_cache)
        self.ordeals.append(ordeal)
        return ordeal

    def end(self, ordeal: Ordeal) -> None:
        """Let a last server finish, and compare: nothing lost, nothing doubled, nothing left behind."""
        with ordeal.server() as server:
            assert server.listens(), server.said
            ordeal.finish(server)
            outcomes = ordeal.outcomes(server)
            assert server.stop() == 0, server.said
        for outcome in outcomes:
            assert outcome.states == self.undisturbed.states
            assert outcome.mets == self.undisturbed.mets
            assert outcome.files == self.undisturbed.files
        rest = ordeal.in_flight()
        assert (rest.jobs, rest.deltas, rest.ends, rest.callbacks) == (0, 0, 0, 0)
        assert left_behind(ordeal.mark) == []


@pytest.fixture(scope="session")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Outcome, bytes]:
    """The processors, how a batch ends when nobody is killed, and what was learned of the processors meanwhile."""
    directory = tmp_path_factory.mktemp("undisturbed")
    processors = write_processors(directory / "processors")
    ordeal = Ordeal(directory / "ordeal", processors)
    ordeal.new_batch()
    with ordeal.server() as server:
        assert server.listens(), server.said
        ordeal.finish(server)
        [outcome] = ordeal.outcomes(server)
        assert server.stop() == 0, server.said
    ordeal.receiver.close()
    return processors, outcome, (ordeal.home / "cache" / "ocrd-tools.json").read_bytes()


@pytest.fixture
def kill_test(
    request: pytest.FixtureRequest, tmp_path: Path, undisturbed: tuple[Path, Outcome, bytes]
) -> Iterator[KillTest]:
    processors, outcome, tool_cache = undisturbed
    test = KillTest(tmp_path, processors, outcome, tool_cache)
    yield test
    for ordeal in test.ordeals:
        ordeal.receiver.close()
    if test.kills:
        batches = sum(len(ordeal.batches) for ordeal in test.ordeals)
        lives = sum(ordeal.lives for ordeal in test.ordeals)
        calls = sum(ordeal.receiver.count for ordeal in test.ordeals)
        runs = batches * sum(1 for name in outcome.states if "/" not in name)
        jobs = batches * sum(1 for name in outcome.states if name.count("/") == 2)
        lines = [
            *table(test.kills), "",
            f"{lives} servers on {len(test.ordeals)} homes, so {lives - len(test.ordeals)} restarts. {runs} runs with "
            f"{jobs} jobs; {runs} callbacks due, {calls} delivered.",
        ]  # fmt: skip
        request.config.stash.setdefault(_TABLES, {})[request.node.name] = lines


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    tables = config.stash.get(_TABLES, {})
    for name, lines in tables.items():
        terminalreporter.section(f"kills: {name}")
        for line in lines:
            terminalreporter.write_line(line)
    target = os.environ.get("RELIABILITY_PAGE")
    if target and tables:
        _write_into(Path(target), tables)


def _write_into(page: Path, tables: dict[str, list[str]]) -> None:
    """Put each table between the marks ``<!-- name -->`` and ``<!-- end -->`` that the page has for it."""
    text = page.read_text()
    for name, lines in tables.items():
        begin, end = f"<!-- {name} -->\n", "<!-- end -->"
        head, _, rest = text.partition(begin)
        text = head + begin + "\n".join(lines) + "\n" + end + rest.partition(end)[2]
    page.write_text(text)
