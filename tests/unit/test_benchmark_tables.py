"""What the benchmarks write, and that they notice a wrong result."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.figures import Figure, Group, ReferenceFigures
from benchmarks.tables import as_markdown, write

PAGE = "# Page\n\nabove\n\n<!-- measured: one -->\nold\n<!-- end -->\n\n<!-- measured: two -->\nkept\n<!-- end -->\n"


def test_a_missed_target_is_marked() -> None:
    group = Group(
        "Title", [Figure("a rate", "10 jobs/s", "≥ 20 jobs/s", False), Figure("a size", "1 MB", "≤ 2 MB", True)]
    )

    table = as_markdown(group)

    assert "| a rate | ≥ 20 jobs/s | 10 jobs/s | MISSED |" in table
    assert "| a size | ≤ 2 MB | 1 MB | met |" in table


def test_columns_without_anything_are_left_out() -> None:
    table = as_markdown(Group("Title", [Figure("a rate", "10 jobs/s", bare_loops="5 ×")]))

    assert table.splitlines() == ["|  | measured | bare loop |", "| --- | --- | --- |", "| a rate | 10 jobs/s | 5 × |"]


def test_only_what_was_measured_is_replaced_in_a_page(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(PAGE)

    write(page, {"one": Group("Title", [Figure("a rate", r"\1 jobs/s")])}, "today")

    text = page.read_text()
    assert "old" not in text
    assert r"| a rate | \1 jobs/s |" in text
    assert "Measured today." in text
    assert "above" in text
    assert "kept" in text


def test_a_page_without_a_place_for_a_group_is_refused(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(PAGE)

    with pytest.raises(SystemExit, match="three"):
        write(page, {"three": Group("Title", [])}, "today")


def test_ratios_to_the_reference_need_its_figures() -> None:
    assert ReferenceFigures().faster(1000) == ""
    assert ReferenceFigures(pages=100, jobs_a_second=20).faster(1000) == "50 ×"
