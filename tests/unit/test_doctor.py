"""What the doctor finds, and what it says against it."""

from __future__ import annotations

import locale
import resource
from collections.abc import Sequence
from io import StringIO
from pathlib import Path
from types import SimpleNamespace

import pytest
from rich.console import Console

from offizin.cli import machine_checks, processor_checks
from offizin.cli.diagnosis import show
from offizin.cli.finding import Finding, Level, note, problem, well
from offizin.client import ProcessorSummary
from offizin.settings import Settings


def test_few_open_files_are_a_problem_with_a_command_that_mends_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resource, "getrlimit", lambda _: (256, 524288))
    found = machine_checks.open_files()
    assert (found.level, found.mend) == (Level.PROBLEM, "ulimit -n 4096")
    monkeypatch.setattr(resource, "getrlimit", lambda _: (256, 256))
    assert "administrator" in machine_checks.open_files().mend


@pytest.mark.parametrize(
    ("encoding", "level"), [("UTF-8", Level.WELL), ("utf8", Level.WELL), ("ANSI_X3.4-1968", Level.NOTE)]
)
def test_a_locale_without_umlauts_is_noted(monkeypatch: pytest.MonkeyPatch, encoding: str, level: Level) -> None:
    monkeypatch.setattr(locale, "getencoding", lambda: encoding)
    assert machine_checks.locale_encoding().level is level


@pytest.mark.parametrize(("free", "level"), [(10 * 2**30, Level.WELL), (2 * 2**30, Level.NOTE), (2**20, Level.PROBLEM)])
def test_a_full_disk_is_a_problem_and_a_fuller_one_a_note(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, free: int, level: Level
) -> None:
    monkeypatch.setattr(machine_checks.shutil, "disk_usage", lambda _: SimpleNamespace(free=free))
    assert machine_checks.home_directory(tmp_path / "not" / "yet").level is level


def test_a_home_below_a_file_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    found = machine_checks.home_directory(tmp_path / "file" / "home")
    assert (found.level, "OFFIZIN_HOME" in found.mend) == (Level.PROBLEM, True)


def test_a_home_on_a_network_file_system_is_a_problem(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    mounted = SimpleNamespace(mountpoint=str(tmp_path.resolve()), fstype="nfs4")
    monkeypatch.setattr("psutil.disk_partitions", lambda all: [mounted])
    found = machine_checks.home_directory(tmp_path / "home")
    assert found.level is Level.PROBLEM
    assert "network file system (nfs4)" in found.seen


@pytest.fixture
def on_machine(monkeypatch: pytest.MonkeyPatch) -> object:
    def set_up(names: Sequence[str], silent: Sequence[str] = (), tessdata: Sequence[Path] = ()) -> None:
        async def found(settings: Settings, *, versions: bool) -> tuple[list[ProcessorSummary], list[str]]:
            return [ProcessorSummary(name) for name in names], list(silent)

        monkeypatch.setattr(processor_checks, "on_this_machine", found)
        monkeypatch.setattr(processor_checks, "tessdata_directories", lambda _: list(tessdata))
        monkeypatch.delenv("TESSDATA_PREFIX", raising=False)

    return set_up


async def findings(home: Path) -> list[Finding]:
    return await processor_checks.processors(Settings(home))


async def test_a_machine_without_processors_is_told_how_to_get_some(on_machine: object, tmp_path: Path) -> None:
    on_machine([])  # type: ignore[operator]
    (found,) = await findings(tmp_path)
    assert (found.level, "pip install ocrd-tesserocr" in found.mend) == (Level.PROBLEM, True)


async def test_programs_that_do_not_answer_are_noted(on_machine: object, tmp_path: Path) -> None:
    on_machine(["ocrd-dummy"], ["ocrd-broken"])  # type: ignore[operator]
    levels = [(found.level, found.mend) for found in await findings(tmp_path)]
    assert levels == [(Level.WELL, ""), (Level.NOTE, "ocrd-broken --dump-json")]


async def test_tesseract_without_language_data_is_a_problem(on_machine: object, tmp_path: Path) -> None:
    on_machine(["ocrd-tesserocr-recognize"])  # type: ignore[operator]
    assert (await findings(tmp_path))[-1].level is Level.PROBLEM
    (tmp_path / "frk.traineddata").write_text("")
    (tmp_path / "osd.traineddata").write_text("")
    on_machine(["ocrd-tesserocr-recognize"], tessdata=[tmp_path])  # type: ignore[operator]
    found = (await findings(tmp_path))[-1]
    assert (found.level, found.seen) == (Level.WELL, f"frk in {tmp_path}")


async def test_a_variable_that_names_no_language_data_is_a_problem(
    on_machine: object, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    on_machine(["ocrd-tesserocr-recognize"], tessdata=[tmp_path])  # type: ignore[operator]
    monkeypatch.setenv("TESSDATA_PREFIX", str(tmp_path / "nowhere"))
    assert (await findings(tmp_path))[-1].mend == "unset TESSDATA_PREFIX"


def test_problems_are_shown_with_what_mends_them() -> None:
    stream = StringIO()
    show(
        Console(file=stream, width=40),
        [well("one", "fine"), note("two", "so so", "do"), problem("three", "bad", "x" * 60)],
    )
    told = stream.getvalue()
    assert "✓ one    fine\n! two    so so\n         → do\n✗ three  bad\n" in told
    assert f"→ {'x' * 60}\n" in told
    assert told.endswith("\n1 problem found.\n")
