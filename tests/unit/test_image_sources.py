from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from offizin.errors import InvalidRequest, NotFound
from offizin.workspaces.image_sources import find_images, natural_key, summary


@pytest.fixture
def scans(tmp_path: Path) -> Path:
    for name in ("page10.TIF", "page2.tif", "page1.Jpeg", ".page3.tif", "notes.txt", "Thumbs.db"):
        (tmp_path / name).touch()
    (tmp_path / "old").mkdir()
    (tmp_path / "old" / "page4.tif").touch()
    return tmp_path


def names(paths: tuple[Path, ...]) -> list[str]:
    return [path.name for path in paths]


def test_a_directory_gives_its_images_in_natural_order(scans: Path) -> None:
    assert names(find_images([scans]).paths) == ["page1.Jpeg", "page2.tif", "page10.TIF"]


def test_what_is_passed_over_is_told(scans: Path) -> None:
    nested, others = find_images([scans]).warnings
    assert "1 nested directory not looked into: old" in nested
    assert "3 files passed over: .page3.tif, notes.txt, Thumbs.db" in others


def test_files_as_a_shell_lists_them_get_natural_order(scans: Path) -> None:
    listed = [scans / "page1.Jpeg", scans / "page10.TIF", scans / "page2.tif"]
    assert names(find_images(listed).paths) == ["page1.Jpeg", "page2.tif", "page10.TIF"]


def test_files_in_an_order_of_ones_own_keep_it(scans: Path) -> None:
    listed = [scans / "page2.tif", scans / "page1.Jpeg", scans / "page10.TIF"]
    assert find_images(listed).paths == tuple(listed)


def test_a_file_and_its_directory_give_it_once(scans: Path) -> None:
    found = find_images([scans / "page10.TIF", scans])
    assert names(found.paths) == ["page10.TIF", "page1.Jpeg", "page2.tif"]
    assert any("1 image named more than once" in warning for warning in found.warnings)


def test_a_named_file_of_another_kind_is_refused(scans: Path) -> None:
    with pytest.raises(InvalidRequest, match=r"notes\.txt is no image"):
        find_images([scans / "notes.txt"])


def test_a_source_that_is_not_there_is_named(scans: Path) -> None:
    with pytest.raises(NotFound, match="nowhere"):
        find_images([scans / "nowhere"])


def test_a_directory_without_images_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidRequest, match="no images found"):
        find_images([tmp_path])


@given(st.lists(st.integers(0, 10_000), unique=True))
def test_numbers_sort_by_value(numbers: list[int]) -> None:
    pages = sorted((f"page{number}.tif" for number in numbers), key=natural_key)
    assert pages == [f"page{number}.tif" for number in sorted(numbers)]


@given(st.lists(st.text(max_size=8)))
def test_any_names_can_be_sorted_and_stay_apart(texts: list[str]) -> None:
    backwards = list(reversed(texts))
    assert sorted(texts, key=natural_key) == sorted(backwards, key=natural_key)


def test_leading_zeros_do_not_matter() -> None:
    assert sorted(["b010", "b9", "b0011"], key=natural_key) == ["b9", "b010", "b0011"]


def test_a_summary_is_short() -> None:
    assert summary("abc") == "a, b, c"
    assert summary("abcde") == "a, b, c and 2 more"
