"""Which files a look-up names."""

from __future__ import annotations

import re

import pytest

from offizin.messages import File
from offizin.mets_server.looking_up import FileQuery
from offizin.trust.patterns import PatternInvalid

FILES = [File(f"{group}_{page}", group, mimetype, page) for page in ("P1", "P2")
         for group, mimetype in (("IMG", "image/png"), ("OCR", "application/vnd.prima.page+xml"))]  # fmt: skip


def _ids(**query: str) -> list[str]:
    return [file.id for file in FileQuery(**query).among(FILES, None)]


def test_expressions_match_as_a_whole() -> None:
    assert _ids(mimetype="//(application/vnd[.]prima[.]page[+]xml|image/.*)") == [file.id for file in FILES]
    assert _ids(file_grp="//IM") == []
    assert _ids(file_id="//.*_P1", file_grp="OCR") == ["OCR_P1"]


@pytest.mark.parametrize("pattern", [r"(IMG|OCR)+", r"[A-Z]+_?[A-Z]*.*", r"(?:I?M?G?)*"])
def test_those_that_may_take_long_find_the_same(pattern: str) -> None:
    query = FileQuery(file_grp=f"//{pattern}")
    assert query.may_take_long
    expected = [file.id for file in FILES if re.fullmatch(pattern, file.file_grp)]
    assert [file.id for file in query.among(FILES, None)] == expected


def test_one_without_end_is_refused() -> None:
    files = [File("a" * 60, "OUT")]
    with pytest.raises(PatternInvalid, match="takes longer"):
        FileQuery(file_id="//(a+)+b").among(files, None)


def test_what_is_no_expression_is_told() -> None:
    with pytest.raises(PatternInvalid):
        _ids(file_grp="//(")
    assert not FileQuery(file_grp="//OCR-D-.*", file_id="(((a+)+)+").may_take_long
