"""Where processors are looked for, and what is around them."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from offizin.processors import surroundings
from offizin.processors.surroundings import runner_environment, search_path

OWN = str(Path(sys.executable).parent)
OURS = Path(sys.prefix) / "bin" / "ocrd-tesserocr-recognize"


def test_programs_of_our_own_environment_are_found_behind_those_on_the_path() -> None:
    assert search_path({"PATH": "/one:/two"}).split(":") == ["/one", "/two", OWN]


def test_an_activated_environment_is_not_searched_twice() -> None:
    assert search_path({"PATH": f"{OWN}:/two"}) == f"{OWN}:/two"


def test_language_data_that_the_administrator_named_is_left_alone() -> None:
    assert "TESSDATA_PREFIX" not in runner_environment({"TESSDATA_PREFIX": "/somewhere"}, OURS)


def test_language_data_is_named_where_there_is_some(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(surroundings, "tessdata_directories", lambda _: [tmp_path])
    assert runner_environment({}, OURS)["TESSDATA_PREFIX"] == str(tmp_path)


def test_a_crash_calls_no_debugger_unless_the_administrator_wants_one() -> None:
    assert runner_environment({}, OURS)["CYSIGNALS_CRASH_NDEBUG"] == "1"
    assert "CYSIGNALS_CRASH_NDEBUG" not in runner_environment({"CYSIGNALS_CRASH_NDEBUG": ""}, OURS)


def test_a_processor_of_another_environment_keeps_its_own_models(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(surroundings, "tessdata_directories", lambda _: [tmp_path])
    assert "TESSDATA_PREFIX" not in runner_environment({}, Path("/opt/ocrd_all/venv/bin/ocrd-tesserocr-recognize"))
