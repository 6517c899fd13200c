"""Names in a METS document, as the parser spells them (namespace, blank, local name), and what a local href means."""

from __future__ import annotations

from urllib.parse import unquote

XLINK_NAMESPACE = "http://www.w3.org/1999/xlink"
OCRD_NAMESPACE = "https://ocr-d.de"
METS_NAMESPACE = "http://www.loc.gov/METS/"

SEPARATOR = " "
METS = f"{METS_NAMESPACE} mets"
METS_HDR = f"{METS_NAMESPACE} metsHdr"
AGENT = f"{METS_NAMESPACE} agent"
NAME = f"{METS_NAMESPACE} name"
NOTE = f"{METS_NAMESPACE} note"
FILE_SEC = f"{METS_NAMESPACE} fileSec"
FILE_GRP = f"{METS_NAMESPACE} fileGrp"
FILE = f"{METS_NAMESPACE} file"
FLOCAT = f"{METS_NAMESPACE} FLocat"
STRUCT_MAP = f"{METS_NAMESPACE} structMap"
DIV = f"{METS_NAMESPACE} div"
FPTR = f"{METS_NAMESPACE} fptr"
MODS_IDENTIFIER = "http://www.loc.gov/mods/v3 identifier"
OPTION = f"{OCRD_NAMESPACE} option"
HREF = f"{XLINK_NAMESPACE} href"


def as_path(href: str) -> str:
    """What a local FLocat points to, without the ``file://`` that some write there."""
    return unquote(href.removeprefix("file://")) if href.startswith("file://") else href
