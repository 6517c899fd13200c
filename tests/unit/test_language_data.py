from __future__ import annotations

from pathlib import Path

import pytest

from offizin.errors import Unavailable
from offizin.processors.language_data import VARIABLE, find_tessdata, tessdata_directories


@pytest.fixture
def tessdata(tmp_path: Path) -> Path:
    for model in ("xx1", "xx2"):
        (tmp_path / f"{model}.traineddata").touch()
    return tmp_path


def test_the_directory_that_the_administrator_named_comes_first(tessdata: Path) -> None:
    assert tessdata_directories({VARIABLE: str(tessdata)})[0] == tessdata
    assert tessdata not in tessdata_directories({})


def test_a_directory_without_language_data_is_none(tmp_path: Path) -> None:
    assert tmp_path not in tessdata_directories({VARIABLE: str(tmp_path)})


def test_the_directory_must_have_all_models(tessdata: Path) -> None:
    environment = {VARIABLE: str(tessdata)}
    assert find_tessdata(["xx1"], environment) == tessdata
    assert find_tessdata(["xx1+xx2"], environment) == tessdata
    with pytest.raises(Unavailable, match="xx3") as missing:
        find_tessdata(["xx1+xx3"], environment)
    assert "tesseract-ocr-xx3" in missing.value.advice
