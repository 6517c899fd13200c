"""Pictures of pages, made small enough to lie in a report."""

from __future__ import annotations

import base64
import io
import logging
import warnings
from collections.abc import Collection
from pathlib import Path

from PIL import Image

from offizin.errors import OffizinError
from offizin.mets.index import MetsIndex
from offizin.trust.paths import inside

log = logging.getLogger(__name__)

LONGEST_SIDE = 420  # pixels
_QUALITY = 60
_IMAGE = "image/"


def pictures_of(mets: Path, pages: Collection[str]) -> dict[str, str]:
    """A JPEG as data URL for each page that has an image which can be read. Blocking.

    The image is the first of the page's in the order of the METS; those outside of the workspace are left out.
    """
    try:
        index = MetsIndex.read(mets)
    except (OffizinError, OSError) as error:
        log.warning("the report has no pictures: %s", error)
        return {}
    found = {}
    for page in pages:
        for file in index.of_pages([page]):
            if file.mimetype.startswith(_IMAGE) and file.local_filename and page not in found:
                picture = _picture(index.directory, file.local_filename)
                if picture:
                    found[page] = picture
    return found


def _picture(directory: Path, name: str) -> str:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(inside(directory, name)) as image:
                image.draft("RGB", (LONGEST_SIDE, LONGEST_SIDE))  # a JPEG need not be decoded in full
                small = image.convert("L" if image.mode in ("1", "L", "I;16", "I", "F") else "RGB")
                small.thumbnail((LONGEST_SIDE, LONGEST_SIDE))
        content = io.BytesIO()
        small.save(content, "JPEG", quality=_QUALITY)
    except (OffizinError, OSError, ValueError, Image.DecompressionBombWarning, Image.DecompressionBombError) as error:
        log.info("no picture of %s: %s", name, error)
        return ""
    return "data:image/jpeg;base64," + base64.b64encode(content.getvalue()).decode()
