"""The command line as a whole: its commands, its exit codes, and how faults are told."""

from __future__ import annotations

import importlib
import re
import subprocess
import sys
from pathlib import Path

import click
import pytest

from offizin.cli.ending import INTERNAL_FAULT, said
from offizin.cli.program import COMMANDS, exit_code_of, program
from offizin.errors import Conflict, Interrupted, MetsMissing, OffizinError, PagesInvalid, Unavailable


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_is_there_under_its_name_and_explains_itself(name: str) -> None:
    command = program.get_command(click.Context(program), name)
    assert command is not None
    assert command.name == name
    help_text = (command.help or "").strip()
    assert len(help_text) > 60
    assert help_text.splitlines()[0][0].isupper()
    for parameter in command.params:
        if isinstance(parameter, click.Option):
            assert parameter.help, f"{name} {parameter.name} says nothing"


def test_the_help_of_the_whole_names_every_command_and_exit_code(capsys: pytest.CaptureFixture[str]) -> None:
    assert exit_code_of(["--help"]) == 0
    told = capsys.readouterr().out
    assert all(f"  {name}" in told for name in COMMANDS)
    errors = (OffizinError, PagesInvalid, MetsMissing, Conflict, Unavailable, Interrupted)
    codes = {0, INTERNAL_FAULT, *(error.exit_code for error in errors)}
    table = told[told.index("Exit codes:") :]
    assert {int(line.split()[0]) for line in table.splitlines()[1:] if line.strip()} == codes


def test_the_documentation_has_the_same_commands_and_exit_codes(capsys: pytest.CaptureFixture[str]) -> None:
    written = (Path(__file__).parents[2] / "docs" / "commands.md").read_text()
    assert set(re.findall(r"^\| `offizin ([\w-]+)", written, re.MULTILINE)) == set(COMMANDS)
    exit_code_of(["--help"])
    table = capsys.readouterr().out.partition("Exit codes:")[2]
    told = {int(line.split()[0]) for line in table.splitlines() if line.strip()}
    assert {int(code) for code in re.findall(r"^\| (\d+) ", written, re.MULTILINE)} == told


def test_the_version_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert exit_code_of(["--version"]) == 0
    assert capsys.readouterr().out.startswith("offizin 0.")


def test_help_needs_no_big_library() -> None:
    script = (
        "import sys; from offizin.cli.program import exit_code_of; exit_code_of(['--help']);"
        "exit_code_of(['run', '--help']);"
        "print(sorted({'fastapi', 'sqlalchemy', 'httpx', 'rich', 'lxml', 'PIL', 'pydantic'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


def test_a_command_that_is_misspelt_is_a_fault_of_the_command_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert exit_code_of(["rum"]) == 2
    assert capsys.readouterr().err == "Error: No such command 'rum'.\nHint: See `offizin --help`.\n"


def test_an_option_that_is_missing_is_told_with_the_command_s_help(capsys: pytest.CaptureFixture[str]) -> None:
    assert exit_code_of(["import", "scans"]) == 2
    told = capsys.readouterr().err
    assert "'-o'" in told
    assert told.endswith("Hint: See `offizin import --help`.\n")


def _raising(fault: BaseException) -> click.Command:
    @click.command()
    def command() -> None:
        raise fault

    return command


@pytest.fixture
def failing(monkeypatch: pytest.MonkeyPatch) -> object:
    """Makes the command ``text`` raise."""

    def fail(fault: BaseException) -> None:
        module = importlib.import_module("offizin.cli.text")
        monkeypatch.setattr(module, "command", _raising(fault))

    return fail


@pytest.mark.parametrize(
    ("fault", "code", "told"),
    [
        (MetsMissing("no METS at /x", advice="make one"), 3, "Error: no METS at /x\nHint: Make one\n"),
        (Unavailable("gone"), 5, "Error: gone\n"),
        (KeyboardInterrupt(), 130, "Error: interrupted\n"),
        (ValueError("oops"), 70, "Error: ValueError: oops\nHint: This is a fault of Offizin."),
    ],
)
def test_a_fault_ends_with_its_exit_code_and_without_a_trace(
    failing: object, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch,
    fault: BaseException, code: int, told: str,
) -> None:  # fmt: skip
    monkeypatch.delenv("OFFIZIN_DEBUG", raising=False)
    failing(fault)  # type: ignore[operator]
    assert exit_code_of(["text"]) == code
    printed = capsys.readouterr().err
    assert printed.lstrip().startswith(told)
    assert "Traceback" not in printed


def test_a_trace_is_shown_to_who_wants_it(
    failing: object, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OFFIZIN_DEBUG", "1")
    failing(ValueError("oops"))  # type: ignore[operator]
    assert exit_code_of(["text"]) == INTERNAL_FAULT
    assert "Traceback" in capsys.readouterr().err


def test_advice_is_told_as_a_sentence() -> None:
    assert said(Conflict("it exists", advice="name another")) == "Error: it exists\nHint: Name another"


def test_a_workflow_comes_from_a_file_or_from_steps(tmp_path: Path) -> None:
    from offizin.cli.workflow_source import read_workflow

    (tmp_path / "parameters.json").write_text('{"model": "frk"}')
    (tmp_path / "workflow.txt").write_text("# first\ntesserocr-recognize -I A -O B -p parameters.json\n")
    assert '-p \'{"model": "frk"}\'' in read_workflow(tmp_path / "workflow.txt", ())
    assert read_workflow(None, ["ocrd-dummy -I A -O B"]) == "dummy -I A -O B\n"


@pytest.mark.parametrize(
    ("file", "steps", "code", "told"),
    [
        (None, (), 2, "no workflow is given"),
        ("workflow.txt", ("dummy -I A -O B",), 2, "not both"),
        ("nowhere.txt", (), 3, "nowhere.txt cannot be read"),
        (None, ("dummy -I A -O B", "dummy -O C"), 2, "line 2: dummy has no input file group"),
        (None, ("dummy -I A -O B -p none.json",), 2, "'none.json' cannot be read"),
        ("wrong.txt", (), 2, "line 3: "),
    ],
)
def test_a_workflow_that_is_wrong_is_told_before_any_server_is_asked(
    tmp_path: Path, file: str | None, steps: tuple[str, ...], code: int, told: str
) -> None:
    from offizin.cli.workflow_source import read_workflow

    (tmp_path / "workflow.txt").write_text("dummy -I A -O B\n")
    (tmp_path / "wrong.txt").write_text("# wrong\n\ndummy -I\n")
    with pytest.raises(OffizinError) as caught:
        read_workflow(tmp_path / file if file else None, steps)
    assert caught.value.exit_code == code
    assert told in f"{caught.value.message} {caught.value.advice}"
