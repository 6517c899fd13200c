"""The typeface that the demo's book is set in."""

from __future__ import annotations

from PIL import ImageFont

from offizin.errors import Unavailable

# file names that Pillow looks for in the system's font directories: book faces under free licences
NAMES = ("DejaVuSerif.ttf", "LiberationSerif-Regular.ttf", "FreeSerif.ttf", "NotoSerif-Regular.ttf")


def book_typeface(pixels: int) -> ImageFont.FreeTypeFont:
    """A serif face of the system, or the one that Pillow brings (Aileron, without serifs). ``pixels`` per em.

    Raises Unavailable when Pillow was built without FreeType.
    """
    for name in NAMES:
        try:
            return ImageFont.truetype(name, pixels)
        except OSError:
            continue
        except ImportError:
            break
    own = ImageFont.load_default(pixels)
    if not isinstance(own, ImageFont.FreeTypeFont):
        raise Unavailable(
            "there is no font to set the book in: Pillow was built without FreeType",
            advice="install Pillow from PyPI, or build it with FreeType",
        )
    return own
