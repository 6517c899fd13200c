"""METS as they are found, small."""

from __future__ import annotations

PLAIN = """<?xml version="1.0" encoding="UTF-8"?>
<mets:mets xmlns:mets="http://www.loc.gov/METS/" xmlns:xlink="http://www.w3.org/1999/xlink">
  <mets:metsHdr CREATEDATE="2017-11-30T16:18:26">
    <mets:agent OTHERTYPE="SOFTWARE" ROLE="CREATOR" TYPE="OTHER">
      <mets:name>a scanner</mets:name>
      <mets:note>made in Leipzig</mets:note>
    </mets:agent>
  </mets:metsHdr>
  <mets:dmdSec ID="DMDLOG_0001">
    <mets:mdWrap MDTYPE="MODS">
      <mets:xmlData>
        <mods:mods xmlns:mods="http://www.loc.gov/mods/v3">
          <mods:identifier type="purl">http://example.org/kant</mods:identifier>
        </mods:mods>
      </mets:xmlData>
    </mets:mdWrap>
  </mets:dmdSec>
  <mets:fileSec>
    <mets:fileGrp USE="OCR-D-IMG">
      <mets:file ID="IMG_1" MIMETYPE="image/tiff">
        <mets:FLocat LOCTYPE="OTHER" OTHERLOCTYPE="FILE" xlink:href="OCR-D-IMG/1.tif"/>
      </mets:file>
      <mets:file ID="IMG_2" MIMETYPE="image/tiff">
        <mets:FLocat LOCTYPE="OTHER" OTHERLOCTYPE="FILE" xlink:href="OCR-D-IMG/2.tif"/>
      </mets:file>
    </mets:fileGrp>
    <mets:fileGrp USE="OCR-D-SEG">
      <mets:file ID="SEG_2" MIMETYPE="application/vnd.prima.page+xml">
        <mets:FLocat LOCTYPE="OTHER" OTHERLOCTYPE="FILE" xlink:href="OCR-D-SEG/2.xml"/>
      </mets:file>
    </mets:fileGrp>
  </mets:fileSec>
  <mets:structMap TYPE="PHYSICAL">
    <mets:div TYPE="physSequence">
      <mets:div TYPE="page" ID="PHYS_0001">
        <mets:fptr FILEID="IMG_1"/>
      </mets:div>
      <mets:div TYPE="page" ID="PHYS_0002">
        <mets:fptr FILEID="IMG_2"/>
        <mets:fptr FILEID="SEG_2"/>
      </mets:div>
    </mets:div>
  </mets:structMap>
</mets:mets>
"""

# as a library's digitisation workflow writes it: MODS, rights, logical structure and links, URLs, a default namespace
LIBRARY = """<?xml version='1.0' encoding='utf-8' standalone="yes"?>
<?xml-stylesheet type="text/xsl" href="mets.xsl"?>
<!-- exported > by hand -->
<mets xmlns="http://www.loc.gov/METS/" xmlns:xl="http://www.w3.org/1999/xlink" OBJID='oai:de:slub-dresden:db:id-1'>
\t<metsHdr CREATEDATE="2012-05-29T12:00:00"
\t         LASTMODDATE="2020-01-01T00:00:00">
\t\t<agent ROLE="CREATOR" TYPE="ORGANIZATION"><name>SLUB &amp; Freunde</name></agent>
\t\t<altRecordID TYPE="x">17</altRecordID>
\t</metsHdr>
\t<dmdSec ID="DMDLOG_0000"><mdWrap MDTYPE="MODS"><xmlData>
\t\t<mods:mods xmlns:mods="http://www.loc.gov/mods/v3">
\t\t\t<mods:identifier type="urn">urn:nbn:de:bsz:14-db-id1</mods:identifier>
\t\t\t<mods:identifier type="swb-ppn">1</mods:identifier>
\t\t\t<mods:titleInfo><mods:title><![CDATA[Der <Teutſche> Merkur]]></mods:title></mods:titleInfo>
\t\t</mods:mods>
\t</xmlData></mdWrap></dmdSec>
\t<amdSec ID="AMD"><rightsMD ID="RIGHTS"><mdWrap MDTYPE="OTHER"><xmlData>
\t\t<dv:rights xmlns:dv="http://dfg-viewer.de/"><dv:owner>SLUB</dv:owner></dv:rights>
\t</xmlData></mdWrap></rightsMD></amdSec>
\t<fileSec>
\t\t<fileGrp USE="DEFAULT">
\t\t\t<file ID="FILE_0001_DEFAULT" MIMETYPE="image/jpeg"><FLocat LOCTYPE="URL" xl:href="http://x.org/1?a=1&amp;b=2"/></file>
\t\t\t<file ID="FILE_0002_DEFAULT" MIMETYPE='image/jpeg'><FLocat LOCTYPE="URL" xl:href="http://x.org/2"/></file>
\t\t\t<!-- <file ID="FILE_0003_DEFAULT"/> -->
\t\t</fileGrp>
\t\t<fileGrp USE="FULLTEXT"   />
\t</fileSec>
\t<structMap TYPE="LOGICAL">
\t\t<div ID="LOG_0000" DMDID="DMDLOG_0000" ADMID="AMD" TYPE="monograph"><div ID="LOG_0001" TYPE="page"/></div>
\t</structMap>
\t<structMap TYPE="PHYSICAL">
\t\t<div ID="PHYS_0000" TYPE="physSequence">
\t\t\t<fptr FILEID="FILE_0001_DEFAULT"/>
\t\t\t<div ID="PHYS_0001" ORDER="1" ORDERLABEL=" - " TYPE="page"><fptr FILEID="FILE_0001_DEFAULT"></fptr></div>
\t\t\t<div ID="PHYS_0002" ORDER="2" ORDERLABEL="[1]" TYPE="page"><fptr FILEID="FILE_0002_DEFAULT" /></div>
\t\t\t<div ID="PHYS_0003" ORDER="3" TYPE="page"/>
\t\t</div>
\t</structMap>
\t<structLink>
\t\t<smLink xl:from="LOG_0000" xl:to="PHYS_0000"/><smLink xl:from="LOG_0001" xl:to="PHYS_0001"/>
\t</structLink>
</mets>
<!-- end -->"""

ENVELOPE = """<?xml version="1.0" encoding="UTF-8"?>
<OAI-PMH xmlns="http://www.openarchives.org/OAI/2.0/">
  <responseDate>2024-01-01T00:00:00Z</responseDate>
  <GetRecord><record><header><identifier>oai:x:1</identifier></header><metadata>
    <m:mets xmlns:m="http://www.loc.gov/METS/">
      <m:fileSec>
        <m:fileGrp USE="MAX">
          <m:file ID="MAX_1" MIMETYPE="image/jpeg">
            <m:FLocat xmlns:x="http://www.w3.org/1999/xlink" LOCTYPE="URL" x:href="https://x.org/1.jpg"/>
          </m:file>
        </m:fileGrp>
      </m:fileSec>
      <m:structMap TYPE="PHYSICAL">
        <m:div TYPE="physSequence">
          <m:div TYPE="page" ID="p1"><m:fptr FILEID="MAX_1"/></m:div>
        </m:div>
      </m:structMap>
    </m:mets>
  </metadata></record></GetRecord>
</OAI-PMH>
"""

# pages twice, two files of a page and group, a file without page, one for two pages, pointers to nothing, odd hrefs
WILD = """<mets:mets xmlns:mets="http://www.loc.gov/METS/" xmlns:xlink="http://www.w3.org/1999/xlink">
 <mets:fileSec>
  <mets:fileGrp USE="IMG">
   <mets:file ID="I1" MIMETYPE="image/tiff">
    <mets:FLocat LOCTYPE="URL" xlink:href="https://x.org/i1.tif"/>
    <mets:FLocat LOCTYPE="OTHER" OTHERLOCTYPE="FILE" xlink:href="IMG/i1.tif"/>
    <mets:FLocat LOCTYPE="URL" xlink:href="https://y.org/i1.tif"/>
   </mets:file>
   <mets:file ID="I1b" MIMETYPE="image/tiff">
    <mets:FLocat LOCTYPE="OTHER" OTHERLOCTYPE="FILE" xlink:href="file:///B%C3%BCcher/i1b.tif"/>
   </mets:file>
   <mets:file ID="I2"><mets:FLocat LOCTYPE="URL" xlink:href="file:///books/i2.tif"/></mets:file>
   <mets:file ID="I3" MIMETYPE="image/tiff"/>
   <mets:fileGrp USE="INNER"><mets:file ID="N1" MIMETYPE="image/png"/></mets:fileGrp>
  </mets:fileGrp>
  <mets:fileGrp USE="PDF">
   <mets:file ID="BOOK" MIMETYPE="application/pdf">
    <mets:FLocat LOCTYPE="OTHER" OTHERLOCTYPE="FILE" xlink:href="book.pdf"/>
   </mets:file>
   <mets:file ID="LOOSE" MIMETYPE="application/pdf">
    <mets:FLocat LOCTYPE="ARK" xlink:href="ark:/1"/>
   </mets:file>
  </mets:fileGrp>
  <mets:fileGrp USE="IMG">
   <mets:file ID="I4" MIMETYPE="image/tiff"/>
  </mets:fileGrp>
 </mets:fileSec>
 <mets:structMap TYPE="PHYSICAL">
  <mets:div TYPE="physSequence">
   <mets:div TYPE="page" ID="p1"><mets:fptr FILEID="I1"/><mets:fptr FILEID="I1b"/><mets:fptr FILEID="BOOK"/></mets:div>
   <mets:div TYPE="page" ID="p2"><mets:fptr FILEID="I2"/><mets:fptr FILEID="BOOK"/><mets:fptr FILEID="GONE"/></mets:div>
   <mets:div TYPE="page" ID="p1"><mets:fptr FILEID="I3"/><mets:fptr FILEID="I1"/></mets:div>
   <mets:div TYPE="page" ID="p3">
    <mets:fptr FILEID="I4"/>
    <mets:fptr FILEID="N1"/>
   </mets:div>
  </mets:div>
 </mets:structMap>
</mets:mets>"""

ONE_LINE = "".join(line.strip() for line in PLAIN.splitlines())

BARE = '<m:mets xmlns:m="http://www.loc.gov/METS/"/>'

NO_FILES = """<mets:mets xmlns:mets="http://www.loc.gov/METS/" xmlns:xlink="http://www.w3.org/1999/xlink">
    <mets:dmdSec ID="D"/>
    <mets:structMap TYPE="LOGICAL">
        <mets:div ID="L1" TYPE="book"/>
    </mets:structMap>
    <mets:structLink/>
</mets:mets>
"""

DOCTYPE = PLAIN.replace(
    "<mets:mets ",
    '<!DOCTYPE mets:mets SYSTEM "mets.dtd" [\n<!ENTITY house "Offizin u. Co">\n<!-- > -->\n]>\n<mets:mets ',
).replace("made in Leipzig", "made in &house;")

EXAMPLES: dict[str, bytes] = {
    "plain": PLAIN.encode(),
    "library": LIBRARY.encode(),
    "envelope": ENVELOPE.encode(),
    "wild": WILD.encode(),
    "one line": ONE_LINE.encode(),
    "bare": BARE.encode(),
    "no files": NO_FILES.encode(),
    "doctype": DOCTYPE.encode(),
    "windows line ends": PLAIN.replace("\n", "\r\n").encode(),
    "byte order mark": b"\xef\xbb\xbf" + PLAIN.encode(),
    "latin 1": PLAIN.replace("UTF-8", "ISO-8859-1").replace("Leipzig", "Zürich").encode("latin-1"),
    "utf-16": PLAIN.replace("UTF-8", "UTF-16").replace("Leipzig", "Zürich").encode("utf-16"),
}
