from __future__ import annotations

from pathlib import Path

import pytest

from offizin.errors import InvalidRequest, NotFound
from offizin.workspaces.page_text import page_statistics, page_text

NEW = "http://schema.primaresearch.org/PAGE/gts/pagecontent/2019-07-15"
OLD = "http://schema.primaresearch.org/PAGE/gts/pagecontent/2013-07-15"


@pytest.fixture
def page(tmp_path: Path):
    def write(content: str, namespace: str = NEW) -> Path:
        path = tmp_path / "page.xml"
        path.write_text(f'<PcGts xmlns="{namespace}"><Page>{content}</Page></PcGts>', encoding="utf-8")
        return path

    return write


def region(region_id: str, *lines: str, nested: str = "") -> str:
    return f'<TextRegion id="{region_id}">{nested}{"".join(lines)}</TextRegion>'


def line(text: str, words: str = "", conf: str = "") -> str:
    said = f' conf="{conf}"' if conf else ""
    return f"<TextLine>{words}<TextEquiv{said}><Unicode>{text}</Unicode></TextEquiv></TextLine>"


def word(text: str, conf: str = "0.5") -> str:
    return f'<Word><TextEquiv conf="{conf}"><Unicode>{text}</Unicode></TextEquiv></Word>'


def ordered(*references: str) -> str:
    inner = "".join(references)
    return f'<ReadingOrder><OrderedGroup id="ro">{inner}</OrderedGroup></ReadingOrder>'


def ref(region_id: str, index: int) -> str:
    return f'<RegionRefIndexed index="{index}" regionRef="{region_id}"/>'


@pytest.mark.parametrize("namespace", [NEW, OLD])
def test_lines_come_in_the_order_of_the_regions(page, namespace: str) -> None:
    path = page(
        ordered(ref("a", 1), ref("b", 0)) + region("a", line("second"), line("third")) + region("b", line("first")),
        namespace,
    )
    assert page_text(path) == ["first", "second", "third"]


def test_the_index_counts_not_the_place(page) -> None:
    regions = "".join(region(f"r{n}", line(str(n))) for n in range(12))
    order = ordered(*(ref(f"r{n}", n) for n in reversed(range(12))))
    assert page_text(page(order + regions)) == [str(n) for n in range(12)]


def test_regions_outside_the_reading_order_follow(page) -> None:
    path = page(ordered(ref("b", 0)) + region("a", line("not named")) + region("b", line("named")))
    assert page_text(path) == ["named", "not named"]


def test_without_a_reading_order_the_document_order_counts(page) -> None:
    assert page_text(page(region("b", line("one")) + region("a", line("two")))) == ["one", "two"]


def test_groups_within_groups_keep_their_place(page) -> None:
    order = ordered(
        ref("c", 2),
        f'<OrderedGroupIndexed id="g" index="1">{ref("b", 0)}</OrderedGroupIndexed>',
        '<UnorderedGroupIndexed id="h" index="0"><RegionRef regionRef="a"/></UnorderedGroupIndexed>',
    )
    assert page_text(page(order + "".join(region(r, line(r)) for r in "cba"))) == ["a", "b", "c"]


def test_a_table_gives_the_text_of_its_cells(page) -> None:
    cells = region("cell1", line("left")) + region("cell2", line("right"))
    path = page(ordered(ref("table", 0)) + f'<TableRegion id="table">{cells}</TableRegion>')
    assert page_text(path) == ["left", "right"]


def test_a_nested_region_with_a_place_of_its_own_comes_once(page) -> None:
    path = page(
        ordered(ref("inner", 0), ref("outer", 1)) + region("outer", line("o"), nested=region("inner", line("i")))
    )
    assert page_text(path) == ["i", "o"]


def test_a_reference_to_a_region_that_is_not_there_is_passed_over(page) -> None:
    assert page_text(page(ordered(ref("gone", 0), ref("a", 1)) + region("a", line("here")))) == ["here"]


def test_a_line_without_text_has_that_of_its_words(page) -> None:
    path = page(region("a", f"<TextLine>{word('Was')}{word('ist')}</TextLine>"))
    assert page_text(path) == ["Was ist"]


def test_a_word_without_text_has_that_of_its_glyphs(page) -> None:
    glyphs = "".join(f"<Glyph><TextEquiv><Unicode>{c}</Unicode></TextEquiv></Glyph>" for c in "Ja")
    assert page_text(page(region("a", f"<TextLine><Word>{glyphs}</Word></TextLine>"))) == ["Ja"]


def test_of_several_readings_the_first_by_index_counts(page) -> None:
    readings = (
        '<TextEquiv index="1"><Unicode>worse</Unicode></TextEquiv>'
        '<TextEquiv index="0"><Unicode>best</Unicode></TextEquiv>'
    )
    assert page_text(page(region("a", f"<TextLine>{readings}</TextLine>"))) == ["best"]


def test_a_region_without_lines_gives_its_own_text(page) -> None:
    text = "<TextEquiv><Unicode>one\ntwo</Unicode></TextEquiv>"
    assert page_text(page(f'<TextRegion id="a">{text}</TextRegion>')) == ["one", "two"]


def test_a_page_without_text_is_empty(page) -> None:
    assert page_text(page(region("a", "<TextLine/>", line("")))) == []


def test_comments_do_not_cut_text(page) -> None:
    assert page_text(page(region("a", line("be<!-- x -->fore")))) == ["before"]


def test_statistics_count_and_average(page) -> None:
    words = word("a", "0.9") + word("b", "0.7")
    path = page(region("a", line("a b", words)) + region("b") + "<ImageRegion id='i'/>")
    statistics = page_statistics(path)
    assert (statistics.regions, statistics.lines, statistics.words) == (3, 1, 2)
    assert statistics.confidence == pytest.approx(0.8)


def test_without_words_the_confidence_is_that_of_lines(page) -> None:
    assert page_statistics(page(region("a", line("x", conf="0.25")))).confidence == 0.25
    assert page_statistics(page(region("a", line("x", conf="high")))).confidence is None


def test_what_is_no_page_xml_is_refused(tmp_path: Path) -> None:
    alto = tmp_path / "alto.xml"
    alto.write_text("<alto/>")
    with pytest.raises(InvalidRequest, match="root is alto"):
        page_text(alto)
    alto.write_text("<PcGts>")
    with pytest.raises(InvalidRequest, match="well-formed"):
        page_text(alto)
    with pytest.raises(NotFound, match="does not exist"):
        page_text(tmp_path / "none.xml")


def test_a_page_that_declares_entities_is_refused(tmp_path: Path) -> None:
    secret = tmp_path / "secret.txt"
    secret.write_text("secret")
    path = tmp_path / "page.xml"
    path.write_text(
        f'<!DOCTYPE PcGts [<!ENTITY x SYSTEM "{secret.as_uri()}">]>'
        f'<PcGts xmlns="{NEW}"><Page>{region("a", line("a&x;b"))}</Page></PcGts>'
    )
    with pytest.raises(InvalidRequest, match="entities"):
        page_text(path)
