"""XML of others has no entities, and ends."""

from __future__ import annotations

from pathlib import Path

import pytest

from offizin.trust.documents import Unsafe, parse_xml

BILLION = "".join(f'<!ENTITY e{n + 1} "{f"&e{n};" * 10}">' for n in range(9))


def test_a_plain_document_is_read() -> None:
    assert parse_xml(b'<?xml version="1.0" encoding="ISO-8859-1"?><a>\xe4<!-- b --></a>').text == "ä"
    assert parse_xml(b'<!DOCTYPE a SYSTEM "http://127.0.0.1:1/a.dtd"><a/>').tag == "a"


def test_entities_are_refused(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("secret")
    for declared in (
        f'<!ENTITY x SYSTEM "{secret.as_uri()}">', '<!ENTITY x SYSTEM "http://127.0.0.1:1/">', '<!ENTITY x "y">',
        '<!ENTITY % p SYSTEM "http://127.0.0.1:1/"> %p;',
    ):  # fmt: skip
        with pytest.raises(Unsafe):
            parse_xml(f"<!DOCTYPE a [{declared}]><a>&x;</a>".encode())


@pytest.mark.parametrize("content", [
    f'<!DOCTYPE a [<!ENTITY e0 "lol">{BILLION}]><a>&e9;</a>',
    f'<!DOCTYPE a [<!ENTITY e0 "lol">{BILLION}]><a b="&e9;"/>',
    f'<!DOCTYPE a [<!ENTITY e0 "{"x" * 100_000}">]><a b="{"&e0;" * 10_000}"/>',
    "<a>" * 300 + "</a>" * 300, "<a>" * 100_000, "<a>" + "x" * 11_000_000 + "</a>", "", "<a", "\ufffe", "<a>&x;</a>",
], ids=range(10))  # fmt: skip
def test_what_blows_up_or_is_no_xml_is_refused(content: str) -> None:
    with pytest.raises(Unsafe) as refused:
        parse_xml(content.encode())
    assert len(str(refused.value)) < 500


def test_a_document_that_is_too_large_is_not_read() -> None:
    with pytest.raises(Unsafe, match="larger"):
        parse_xml(b"<a>" + b" " * 3_000_000 + b"</a>", most=2_000_000)
