"""Page selectors, against the reference's own (ocrd_models.OcrdMets) and where we differ from it on purpose."""

from __future__ import annotations

import time

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from offizin.errors import PagesInvalid
from offizin.pages import resolve_pages

PAGES = [f"PHYS_{n:04d}" for n in range(1, 13)]


def resolve(selector: str | None, pages: list[str] = PAGES) -> list[str]:
    return resolve_pages(selector, pages)


def numbered(*numbers: int) -> list[str]:
    return [f"PHYS_{n:04d}" for n in numbers]


@pytest.mark.parametrize("everything", [None, ""])
def test_no_selector_is_all_pages(everything: str | None) -> None:
    assert resolve(everything) == PAGES
    assert resolve(everything, []) == []


@pytest.mark.parametrize(
    ("selector", "numbers"),
    [
        ("PHYS_0003", [3]),
        ("PHYS_0003,PHYS_0001", [1, 3]),
        ("PHYS_0003, PHYS_0001", [1, 3]),
        ("PHYS_0003,PHYS_0003,PHYS_0002..PHYS_0003", [2, 3]),
        ("PHYS_0002..PHYS_0004", [2, 3, 4]),
        ("PHYS_0004..PHYS_0004", [4]),
        ("PHYS_0011..PHYS_9999", [11, 12]),
        ("//PHYS_001.", [10, 11, 12]),
        ("//.*[13]", [1, 3, 11]),
        ("~PHYS_0001..PHYS_0010", [11, 12]),
        ("~PHYS_0001..PHYS_0010,~PHYS_0012", [11]),
        ("PHYS_0001..PHYS_0004,~//.*[23]", [1, 4]),
        ("~PHYS_0002,PHYS_0001..PHYS_0003", [1, 3]),
    ],
)
def test_a_selector_names_pages_in_the_order_of_the_mets(selector: str, numbers: list[int]) -> None:
    assert resolve(selector) == numbered(*numbers)


def test_the_order_is_that_of_the_mets_not_of_the_numbers() -> None:
    assert resolve("p1..p3", ["p3", "p1", "p2"]) == ["p3", "p1", "p2"]


def test_a_page_that_stands_twice_is_selected_once() -> None:
    assert resolve(None, ["a", "b", "a"]) == ["a", "b"]
    assert resolve("a", ["a", "b", "a"]) == ["a"]


def test_a_range_counts_as_wide_as_its_first_page() -> None:
    pages = ["p8", "p9", "p09", "p10", "p11", "p0011"]
    assert resolve("p8..p11", pages) == ["p8", "p9", "p10", "p11"]
    assert resolve("p09..p11", pages) == ["p09", "p10", "p11"]


def test_only_the_last_number_of_an_id_counts() -> None:
    pages = ["p1_1", "p1_2", "p1_3", "p2_2", "p3_3"]
    assert resolve("p1_1..p1_3", pages) == ["p1_1", "p1_2", "p1_3"]


def test_an_id_may_end_in_letters() -> None:
    assert resolve("p1r..p3r", ["p1r", "p1v", "p2r", "p2v", "p3r"]) == ["p1r", "p2r", "p3r"]


@pytest.mark.parametrize("selector", ["PHYS_0001..PHYS_" + "9" * 12, "PHYS_0001..PHYS_" + "9" * 900])
def test_a_huge_range_costs_nothing(selector: str) -> None:
    started = time.perf_counter()
    assert resolve(selector) == PAGES
    assert time.perf_counter() - started < 0.1


def test_ten_thousand_pages_are_resolved_without_delay() -> None:
    pages = [f"PHYS_{n:05d}" for n in range(10_000)]
    started = time.perf_counter()
    assert len(resolve("PHYS_00000..PHYS_99999", pages)) == 10_000
    assert len(resolve(",".join(pages), pages)) == 10_000
    assert time.perf_counter() - started < 2


@pytest.mark.parametrize(
    ("selector", "says"),
    [
        ("PHYS_0099", ["PHYS_0099", "12 pages"]),
        ("PHYS_0001,nowhere", ["nowhere"]),
        ("~PHYS_0099", ["PHYS_0099"]),
        ("PHYS_0000..PHYS_0004", ["PHYS_0000..PHYS_0004", "PHYS_0000", "no page"]),
        ("PHYS_0004..PHYS_0002", ["PHYS_0004..PHYS_0002", "backwards"]),
        ("PHYS_0004..PAGE_0005", ["PHYS_0004..PAGE_0005", "same"]),
        ("PHYS..PHYS_0005", ["'PHYS'", "no number"]),
        ("PHYS_0001..", ["no number"]),
        ("//[", ["//[", "regular expression"]),
        ("//", ["//"]),
        ("//nothing", ["//nothing", "none of the 12 pages"]),
        ("~//.*", ["none of the 12 pages"]),
        ("PHYS_0001,~PHYS_0001", ["none of the 12 pages"]),
        (",", ["empty"]),
        ("PHYS_0001,,PHYS_0002", ["empty"]),
        ("~", ["~"]),
        ("physical:orderlabel:3..5", ["physical:", "not supported yet"]),
        ("logical:type:chapter", ["logical:", "not supported yet"]),
        ("PHYS_0001,physical:order:3", ["not supported yet"]),
    ],
)
def test_what_names_no_page_is_refused_and_named(selector: str, says: list[str]) -> None:
    with pytest.raises(PagesInvalid) as caught:
        resolve(selector)
    for part in says:
        assert part in str(caught.value)


@pytest.mark.parametrize(
    ("selector", "nearest"),
    [("PHYS_0099", "PHYS_0012"), ("PHYS_0000..PHYS_0003", "PHYS_0001"), ("PHSY_0007", "PHYS_0007")],
)
def test_the_advice_names_the_nearest_page(selector: str, nearest: str) -> None:
    with pytest.raises(PagesInvalid) as caught:
        resolve(selector)
    assert f"nearest is {nearest}" in caught.value.advice


def test_an_unknown_page_of_an_empty_mets() -> None:
    with pytest.raises(PagesInvalid, match="0 pages"):
        resolve("PHYS_0001", [])


# the reference as oracle

ids = st.builds("{}{:0{}d}".format, st.sampled_from(["PHYS_", "p", "s1-"]), st.integers(0, 30), st.integers(1, 4))
# not such as match the empty string: the reference then matches ORDER, LABEL and others, which are not there
regexes = st.sampled_from(["p.*", ".+1", "PHYS_0*[1-5]", "[a-z][0-9]+", ".", "PHYS_.*|p1", "(?i)phys.+"])
ranges = st.builds("{}{:0{}d}..{}{}".format, st.just("p"), st.integers(0, 30), st.integers(1, 4), st.just("p"), ids)


@st.composite
def books(draw: st.DrawFn) -> tuple[list[str], str]:
    pages = draw(st.lists(ids, min_size=1, max_size=15, unique=True))
    there = st.sampled_from(pages)

    @st.composite
    def spans(draw: st.DrawFn) -> str:
        first = draw(there)
        prefix = first.rstrip("0123456789")
        return f"{first}..{prefix}{draw(st.integers(0, 60)):0{draw(st.integers(1, 4))}d}"

    form = st.one_of(there, there, ids, spans(), ranges, regexes.map("//{}".format))
    token = st.one_of(form, form, form.map("~{}".format))
    return pages, ",".join(draw(st.lists(token, min_size=1, max_size=4)))


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much])
@given(books(), st.booleans())
def test_selects_what_the_reference_selects(book: tuple[list[str], str], cached: bool) -> None:
    reference = pytest.importorskip("ocrd_models")
    pages, selector = book
    # the reference counts up every occurrence of the number (test_only_the_last_number_of_an_id_counts)
    assume(not any(".." in token and "s1-1" in token for token in selector.split(",")))
    mets = reference.OcrdMets.empty_mets(cache_flag=cached)
    for number, page in enumerate(pages):
        mets.add_file("IMG", ID=f"f{number}", pageId=page, mimetype="image/png", local_filename=f"{number}.png")
    try:
        found = set(mets.get_physical_pages(for_pageIds=selector))
        files = {file.pageId for file in mets.find_files(pageId=selector)}
    except (ValueError, IndexError):
        with pytest.raises(PagesInvalid):
            resolve_pages(selector, pages)
        return
    assert files == found
    if not found:
        with pytest.raises(PagesInvalid):
            resolve_pages(selector, pages)
    else:
        assert resolve_pages(selector, pages) == [page for page in pages if page in found]
