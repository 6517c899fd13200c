"""What the runner counts in the bytes of PAGE files is what parsing them finds."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from offizin.runner.recognised import count, richest
from offizin.workspaces.page_text import page_statistics

NAMESPACE = "http://schema.primaresearch.org/PAGE/gts/pagecontent/2019-07-15"
prefixes = st.sampled_from(["", "pc:", "p-2.x:"])
confidences = st.none() | st.sampled_from(["0.5", "1", "0.123456", "1e-1", " .25 ", "high", "7", "nan", ""])
comments = st.sampled_from(
    [
        "",
        "<!-- <pc:Word id='w'> <TextRegion> -->",
        "<?keep <pc:TextLine/> ?>",
        "<pc2:Regions xmlns:pc2='urn:x'/>",
        "\n  ",
    ]
)
attributes = st.sampled_from(["", " id='a'", ' id="a" custom="x &gt; > /" ', "\n\tid='b'", " comments='<!--'"]).filter(
    lambda text: "<" not in text
)


@st.composite
def texts(draw: st.DrawFn, prefix: str) -> str:
    """Readings of an element, in any order."""
    found = []
    for _ in range(draw(st.integers(0, 2))):
        index, confidence = draw(st.none() | st.integers(0, 2)), draw(confidences)
        said = "" if index is None else f" index='{index}'"
        said += "" if confidence is None else f' conf="{confidence}"'
        if draw(st.booleans()):
            found.append(f"<{prefix}TextEquiv{said}/>")
        else:
            hidden = draw(st.sampled_from(["ink", "a &lt; b", "<![CDATA[<pc:Word>]]>", ""]))
            found.append(f"<{prefix}TextEquiv{said}><{prefix}Unicode>{hidden}</{prefix}Unicode></{prefix}TextEquiv>")
    return "".join(found)


@st.composite
def elements(draw: st.DrawFn, prefix: str, name: str, inside: st.SearchStrategy[str]) -> str:
    tag, more = f"{prefix}{name}", draw(attributes)
    if draw(st.integers(0, 5)) == 0:
        return f"<{tag}{more}/>"
    return f"<{tag}{more}>{draw(comments)}{draw(inside)}{draw(texts(prefix))}{draw(comments)}</{tag}>"


def several(of: st.SearchStrategy[str], most: int = 2) -> st.SearchStrategy[str]:
    return st.lists(of, max_size=most).map("".join)


@st.composite
def pages(draw: st.DrawFn) -> str:
    prefix = draw(prefixes)
    glyphs = several(elements(prefix, "Glyph", several(elements(prefix, "Grapheme", st.just("")), 1)))
    words = elements(prefix, "Word", glyphs)
    lines = elements(prefix, "TextLine", several(words, 3))
    region = st.sampled_from(["TextRegion", "TableRegion", "ImageRegion", "CustomRegion"])
    flat = region.flatmap(lambda name: elements(prefix, name, several(lines)))
    nested = region.flatmap(lambda name: elements(prefix, name, st.one_of(several(flat), several(lines))))
    order = f"<{prefix}ReadingOrder><{prefix}RegionRefIndexed index='0' regionRef='a'/></{prefix}ReadingOrder>"
    declared = f"xmlns:{prefix[:-1]}" if prefix else "xmlns"
    body = draw(comments) + draw(st.sampled_from(["", order])) + draw(several(nested, 3))
    return (
        f"<?xml version='1.0'?>{draw(st.sampled_from(['', '<!-- <pc:Word> -->']))}"
        f"<{prefix}PcGts {declared}='{NAMESPACE}'><{prefix}Page imageFilename='TextRegion.png'>{body}</{prefix}Page>"
        f"</{prefix}PcGts>"
    )


def parsed(text: bytes) -> dict[str, float]:
    with tempfile.NamedTemporaryFile(suffix=".xml") as file:
        file.write(text)
        file.flush()
        found = page_statistics(Path(file.name))
    counts = {"regions": found.regions, "lines": found.lines, "words": found.words}
    counts = {name: number for name, number in counts.items() if number}
    return counts if found.confidence is None else {**counts, "confidence": pytest.approx(found.confidence, abs=1e-5)}


@given(pages())
def test_bytes_are_counted_as_a_parser_finds_them(text: str) -> None:
    assert (count(text.encode()) or {}) == parsed(text.encode())


def test_other_encodings_and_other_files_are_understood() -> None:
    text = f"<PcGts xmlns='{NAMESPACE}'><Page><TextRegion><TextLine><Word/></TextLine></TextRegion></Page></PcGts>"
    assert count(text.encode("utf-16")) == {"regions": 1, "lines": 1, "words": 1}
    assert count(f"<PcGts xmlns='{NAMESPACE}'><Page/></PcGts>".encode()) is None
    assert count(b"<alto><TextRegion/></alto>") is None
    assert count(b"") is None


def test_of_several_files_of_a_page_the_one_with_the_most_words_counts() -> None:
    assert richest([{"regions": 9}, {"words": 2, "lines": 1}, {"lines": 5}]) == {"words": 2, "lines": 1}
    assert richest([]) is None
