"""METS bytes in, contents out: what is refused, and what is borne."""

from __future__ import annotations

import codecs
from pathlib import Path

import pytest

from offizin.errors import MetsInvalid
from offizin.mets.contents import Contents
from offizin.mets.encoding import to_utf8
from offizin.mets.scan import Scan
from tests.conformance.mets.examples import DOCTYPE, ENVELOPE, LIBRARY, PLAIN, WILD

PATH = Path("/books/mets.xml")


def scan(document: str | bytes) -> Contents:
    content = document.encode() if isinstance(document, str) else document
    return Scan(to_utf8(content, PATH)[0], PATH).contents()


def ids(contents: Contents, page: str | None) -> list[str]:
    return [file.id for file in contents.files if file.page_id == page]


@pytest.mark.parametrize(
    ("document", "line", "says"),
    [
        ("", 1, "no element"),
        ("not xml", 1, "syntax error"),
        (PLAIN.replace("</mets:fileSec>", ""), 44, "mismatched tag"),
        (PLAIN[:700], 19, "unclosed token|no element"),
        ("<html/>", 1, "no METS in it, the root element is 'html'"),
        ('<m:mets xmlns:m="http://www.loc.gov/METS/v2"/>', 1, "no METS"),
        ("<mets/>", 1, "no METS"),
        ("\n<x:mets/>", 2, "unbound prefix"),
        (PLAIN.replace("Leipzig", "\x01"), 6, "invalid token"),
    ],
)
def test_what_is_no_mets_is_refused_with_the_line(document: str, line: int, says: str) -> None:
    with pytest.raises(MetsInvalid, match=rf"/books/mets\.xml, line {line}: .*({says})"):
        scan(document)


@pytest.mark.parametrize(
    "declarations",
    [
        '<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;">',
        f'<!ENTITY a "{"a" * 2000}">',
        "<!ENTITY a '<mets:fileGrp xmlns:mets=\"http://www.loc.gov/METS/\"/>'>",
        '<!ENTITY % p "x">',
    ],
)
def test_entities_that_blow_up_or_hide_markup_are_refused(declarations: str) -> None:
    with pytest.raises(MetsInvalid, match="entity"):
        scan(f"<!DOCTYPE m [{declarations}]>" + PLAIN.partition("?>")[2])


@pytest.mark.parametrize("where", ["file:///etc/passwd", "http://127.0.0.1:1/x"])
def test_external_entities_are_refused(where: str) -> None:
    document = PLAIN.partition("?>")[2].replace("http://example.org/kant", "&x;")
    with pytest.raises(MetsInvalid, match="entity 'x' is external"):
        scan(f'<!DOCTYPE m SYSTEM "http://127.0.0.1:1/x.dtd" [<!ENTITY x SYSTEM "{where}">]>{document}')


def test_an_external_dtd_is_not_read() -> None:
    assert scan('<!DOCTYPE m SYSTEM "http://127.0.0.1:1/x.dtd">' + PLAIN.partition("?>")[2]).pages


@pytest.mark.parametrize("deep", [257, 1_000_000])
def test_a_mets_without_bottom_is_refused(deep: int) -> None:
    with pytest.raises(MetsInvalid, match="more than 256 elements in each other"):
        scan("<mets>" + "<div>" * deep)


def test_harmless_entities_are_borne() -> None:
    assert scan(DOCTYPE).pages == ["PHYS_0001", "PHYS_0002"]


def test_pages_are_those_of_the_physical_structure_only() -> None:
    assert scan(LIBRARY).pages == ["PHYS_0001", "PHYS_0002", "PHYS_0003"]


def test_an_envelope_is_looked_through() -> None:
    contents = scan(ENVELOPE)
    assert contents.pages == ["p1"]
    assert contents.files[0].url == "https://x.org/1.jpg"
    assert contents.files[0].page_id == "p1"


def test_of_several_mets_the_first_counts() -> None:
    one = ENVELOPE[ENVELOPE.index("<m:mets") : ENVELOPE.index("</m:mets>") + 9]
    contents = scan(f"<all>{one}{one.replace('p1', 'q1').replace('MAX', 'MIN')}</all>")
    assert (contents.pages, contents.file_groups) == (["p1"], ["MAX"])


def test_a_page_that_stands_twice_has_the_files_of_both() -> None:
    contents = scan(WILD)
    assert contents.pages == ["p1", "p2", "p3"]
    assert ids(contents, "p1") == ["I1", "I1b", "I3", "BOOK"]


def test_a_file_of_several_pages_is_with_each() -> None:
    assert [file.page_id for file in scan(WILD).files if file.id == "BOOK"] == ["p1", "p2"]


def test_a_file_that_no_page_links_has_none() -> None:
    assert ids(scan(WILD), None) == ["LOOSE"]


def test_pointers_to_nothing_are_remembered() -> None:
    assert scan(WILD).dangling == {"GONE": ["p2"]}


def test_places_of_files_are_understood() -> None:
    files = {file.id: (file.local_filename, file.url) for file in scan(WILD).files}
    assert files["I1"] == ("IMG/i1.tif", "https://x.org/i1.tif")
    assert files["I1b"] == ("/Bücher/i1b.tif", None)
    assert files["I2"] == (None, "file:///books/i2.tif")
    assert files["I3"] == files["LOOSE"] == (None, None)


def test_pages_may_stand_deeper() -> None:
    document = PLAIN.replace('<mets:div TYPE="page"', '<mets:div TYPE="volume"><mets:div TYPE="page"')
    document = document.replace("      </mets:div>", "      </mets:div></mets:div>")
    assert scan(document).pages == ["PHYS_0001", "PHYS_0002"]


def test_the_identifier_is_chosen_by_kind_not_by_place() -> None:
    identifiers = "".join(
        f'<mods:identifier type="{kind}">{kind}1</mods:identifier>' for kind in ("ppn", "url", "urn", "urn", "doi")
    )
    document = PLAIN.replace('<mods:identifier type="purl">http://example.org/kant</mods:identifier>', identifiers)
    assert scan(document).unique_identifier == "urn1"
    assert scan(document.replace("urn1", "ä&amp;<![CDATA[<]]>", 1)).unique_identifier == "ä&<"


def test_ids_of_other_elements_are_known() -> None:
    assert {"DMDLOG_0000", "AMD", "RIGHTS", "LOG_0000", "LOG_0001", "PHYS_0000"} <= scan(LIBRARY).other_ids
    assert not {"PHYS_0001", "FILE_0001_DEFAULT"} & scan(LIBRARY).other_ids


@pytest.mark.parametrize(
    ("encoding", "mark"),
    [
        ("UTF-8", b""),
        ("UTF-8", codecs.BOM_UTF8),
        ("ISO-8859-1", b""),
        ("windows-1252", b""),
        ("UTF-16LE", codecs.BOM_UTF16_LE),
        ("UTF-16BE", codecs.BOM_UTF16_BE),
        ("UTF-16LE", b""),
        ("us-ascii", b""),
    ],
)
def test_encodings_come_back_as_they_were(encoding: str, mark: bytes) -> None:
    name = "" if encoding == "us-ascii" else "Zürich"
    document = PLAIN.replace("UTF-8", encoding.removesuffix("LE").removesuffix("BE")).replace("Leipzig", name)
    content = mark + document.encode(encoding)
    text, way_back = to_utf8(content, PATH)
    assert text == document.encode()
    assert way_back.from_utf8(text) == content
    assert way_back.from_utf8(text.replace(b"a scanner", "ſ".encode())).count("ſ".encode(encoding, "xmlcharrefreplace"))
    assert scan(content).pages == ["PHYS_0001", "PHYS_0002"]


@pytest.mark.parametrize("encoding", ["nonsense", "zip", "ascii"])
def test_a_wrong_encoding_is_refused(encoding: str) -> None:
    with pytest.raises(MetsInvalid, match="line 1"):
        scan(PLAIN.replace("UTF-8", encoding).replace("Leipzig", "Zürich"))


def test_bytes_that_are_not_utf8_are_refused() -> None:
    with pytest.raises(MetsInvalid, match="line 6"):
        scan(PLAIN.replace("Leipzig", "Zürich").encode("latin-1"))


def test_nothing_is_too_long() -> None:
    document = PLAIN.replace("Leipzig", "L" * 11_000_000)
    assert scan(document).pages == ["PHYS_0001", "PHYS_0002"]
