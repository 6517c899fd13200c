"""Small books for tests: a METS and tiny images."""

from __future__ import annotations

from pathlib import Path

from PIL import Image

_HEAD = (
    '<?xml version="1.0" encoding="UTF-8"?>\n'
    '<mets:mets xmlns:mets="http://www.loc.gov/METS/" xmlns:xlink="http://www.w3.org/1999/xlink">'
    '<mets:metsHdr CREATEDATE="2020-01-01T00:00:00"/>'
)


def make_book(directory: Path, pages: int) -> Path:
    """The path of the METS of a new book, whose pages are P1, P2 and so on, with images in the group OCR-D-IMG."""
    images = directory / "OCR-D-IMG"
    images.mkdir(parents=True)
    files, divs = [], []
    for number in range(1, pages + 1):
        name = f"OCR-D-IMG/IMG_{number}.png"
        Image.new("L", (20, 30), 255).save(directory / name)
        files.append(
            f'<mets:file ID="IMG_{number}" MIMETYPE="image/png">'
            f'<mets:FLocat LOCTYPE="OTHER" OTHERLOCTYPE="FILE" xlink:href="{name}"/></mets:file>'
        )
        divs.append(f'<mets:div TYPE="page" ID="P{number}"><mets:fptr FILEID="IMG_{number}"/></mets:div>')
    mets = directory / "mets.xml"
    mets.write_text(
        f'{_HEAD}<mets:fileSec><mets:fileGrp USE="OCR-D-IMG">{"".join(files)}</mets:fileGrp></mets:fileSec>'
        f'<mets:structMap TYPE="PHYSICAL"><mets:div TYPE="physSequence">{"".join(divs)}</mets:div></mets:structMap>'
        "</mets:mets>"
    )
    return mets
