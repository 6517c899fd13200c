"""The examples that cases are made from, and the words of each language."""

from __future__ import annotations

import io
from zipfile import ZIP_DEFLATED, ZipFile

_XML = rb"""
< > /> </ <!-- --> <![CDATA[ ]]> <? ?> &amp; &#0; &#x10ffff; &x; <!DOCTYPE ]> " ' = <!ENTITY
"""
_XML_WORDS = [
    *_XML.split(), b"<!DOCTYPE m [", b"<!ENTITY x 'y'>", b"<!ENTITY % x SYSTEM 'file:///etc/passwd'>",
    b'encoding="utf-16"', b' encoding="latin-1"', b' xmlns:a="b"',
]  # fmt: skip

METS_WORDS = [
    *_XML_WORDS, b"<mets:fileGrp USE='A'>", b"</mets:fileGrp>", b"<mets:file ID='x'>",
    b"<mets:div TYPE='page' ID='P1'>", b"</mets:div>", b"<mets:fptr FILEID='x'/>", b"<mets:structMap TYPE='PHYSICAL'>",
    b"<mets:metsHdr/>", b"physSequence", b"mets:", b"ID=", b"LOCTYPE", b"FLocat", b"<!-- > -->", b"<?a b?>",
    b"<mets:fileGrp USE='B'><mets:file ID='y'/></mets:fileGrp>", b"<mets:div TYPE='page' ID='P1'/>", b"<mets:fileSec/>",
    b"<mets:structMap TYPE='PHYSICAL'><mets:div TYPE='physSequence'/></mets:structMap>", b"<mets:mets/>",
    b"<mets:file ID='y'><mets:FLocat LOCTYPE='URL' xlink:href='../x'/></mets:file>",
    b"<mets:metsHdr><x/></mets:metsHdr>",
]  # fmt: skip

PAGE = (
    b'<?xml version="1.0"?><PcGts xmlns="http://schema.primaresearch.org/PAGE/gts/pagecontent/2019-07-15"><Page>'
    b'<ReadingOrder><OrderedGroup id="g"><RegionRefIndexed index="0" regionRef="r1"/></OrderedGroup></ReadingOrder>'
    b'<TextRegion id="r1"><TextLine id="l"><Word><Glyph><TextEquiv index="1"><Unicode>a</Unicode></TextEquiv></Glyph>'
    b'<TextEquiv conf="0.5"><Unicode>ab</Unicode></TextEquiv></Word><TextEquiv conf="1"><Unicode>ab &amp; c</Unicode>'
    b"</TextEquiv></TextLine><!-- c --><![CDATA[<Word>]]></TextRegion><ImageRegion/></Page></PcGts>"
)
PAGE_WORDS = [
    *_XML_WORDS, b"Word", b"TextLine", b"TextRegion", b"TextEquiv", b"conf", b"index", b"PcGts", b"Page", b"Unicode",
    b"id=", b"regionRef", b"<TextRegion id='r1'>", b"</TextRegion>", b"<TextRegion id='r1'/>", b"<!-- <Word> -->",
    b"<?a?>", b"<TextEquiv conf='2' index='-1'/>", b"<TextLine><Word/></TextLine>", b"<Page/>",
    b" conf='1e999'", b" index='9'",
]  # fmt: skip

WORKFLOWS = [
    b"# a\ntesserocr-recognize -I OCR-D-IMG,B -O OCR-D-OCR -P model frk -p '{\"a\": [1, 2.5, null]}'\n"
    b"ocrd-dummy -I A -O B",
    b"policy on_missing_output=copy\ndummy -I A -O B \\\n  -P k 'v w'\nfallback other -P k 1\nfinish keep B\n",
]
WORKFLOW_WORDS = [
    *rb"""-I -O -p -P ' " \\ # { } [ ] , policy fallback finish keep drop rename = ocrd- ocrd NaN \\ud800 page_timeout=1
    """.split(),
    b"\n", b" ", b"\\\n",
]  # fmt: skip

SELECTORS = [b"PHYS_0001..PHYS_0020,~PHYS_0003", b"p1r,//PHYS_00.*,~//.*[13]", b"1..1"]
SELECTOR_WORDS = [
    *rb".. , ~ // PHYS_ 0001 p1r physical: logical: ( ) + * [ ] | \d (?i)".split(), "²".encode(), "١".encode(),
]  # fmt: skip

URLS = [b"http://example.org:80/done?x=1#y", b"https://user:pass@[2001:db8::1]:8443/", b"http://93.184.216.34/"]
URL_WORDS = [
    *b"http https file :// // @ : [ ] % %00 # ? 127.0.0.1 0x7f localhost 169.254.169.254 xn-- ::ffff: %eth0".split(),
    b"\\", "。".encode(), "ⓛ".encode(),
]  # fmt: skip

ZIP_WORDS = [b"PK\x03\x04", b"PK\x01\x02", b"PK\x05\x06", b"PK\x06\x06", b"../", b"/", b"\xff\xff"]


def small_zip() -> bytes:
    whole = io.BytesIO()
    with ZipFile(whole, "w", ZIP_DEFLATED) as made:
        made.writestr("bagit.txt", "BagIt-Version: 1.0\n")
        made.writestr("data/mets.xml", b"<mets/>" * 20)
        made.mkdir("data/OCR-D-IMG")
    return whole.getvalue()
