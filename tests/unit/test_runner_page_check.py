"""A result that is no PAGE is told from one that is."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from offizin.runner.page_check import fault_in_page

PAGE = (
    '<?xml version="1.0" encoding="UTF-8"?>\n'
    '<pc:PcGts xmlns:pc="http://schema.primaresearch.org/PAGE/gts/pagecontent/2019-07-15">'
    '<pc:Page imageFilename="a.png"><pc:TextRegion id="r"><pc:TextEquiv><pc:Unicode>Wahlſpruch</pc:Unicode>'
    "</pc:TextEquiv></pc:TextRegion></pc:Page></pc:PcGts>\n"
).encode()


def test_page_is_well() -> None:
    assert fault_in_page(PAGE) == ""
    assert fault_in_page(PAGE.replace(b"pc:", b"").replace(b":pc", b"")) == ""


@given(st.integers(0, PAGE.rindex(b">") - 1))
def test_what_was_cut_off_is_no_page(length: int) -> None:
    assert fault_in_page(PAGE[:length])


@pytest.mark.parametrize("other", [b"<html/>", b"<PcGts><Page></PcGts>", b"", b"\x00" * 100, "PcGts".encode("utf-16")])
def test_other_things_are_no_page(other: bytes) -> None:
    assert fault_in_page(other)


@pytest.mark.parametrize("encoding", ["latin-1.0", "gb2312", "rot13", "x" * 1000])
def test_a_page_in_an_encoding_that_cannot_be_read_is_a_fault(encoding: str) -> None:
    assert fault_in_page(f'<?xml version="1.0" encoding="{encoding}"?><PcGts/>'.encode())


def test_entities_are_neither_fetched_nor_blown_up_but_a_fault() -> None:
    outside = b'<!DOCTYPE PcGts [<!ENTITY x SYSTEM "file:///etc/passwd">]><PcGts>&x;</PcGts>'
    assert "entity, x" in fault_in_page(outside)
    levels = "".join(f'<!ENTITY e{n + 1} "{f"&e{n};" * 10}">' for n in range(9))
    bomb = f'<!DOCTYPE PcGts [<!ENTITY e0 "lol">{levels}]><PcGts>&e9;</PcGts>'
    assert "entity, e0" in fault_in_page(bomb.encode())
