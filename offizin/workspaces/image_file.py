"""One image file: is it whole, what is in it, and how its pages get into a workspace."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import IO

from PIL import Image
from PIL.ImageFile import ImageFile as OpenImage
from PIL.JpegImagePlugin import JpegImageFile
from PIL.PngImagePlugin import PngImageFile
from PIL.TiffImagePlugin import TiffImageFile

from offizin.errors import InvalidRequest

MOST_PIXELS = 40_000**2  # the limit of the reference (ocrd_utils/image.py)

_NEW_SUBFILE_TYPE, _REDUCED, _MASK = 254, 1, 4  # TIFF 6.0, section 8
_ORIENTATION = 0x0112


class Format(StrEnum):
    """Formats that are taken; the value is the MIME type."""

    TIFF = "image/tiff"
    PNG = "image/png"
    JPEG = "image/jpeg"

    @property
    def ending(self) -> str:
        return {Format.TIFF: ".tif", Format.PNG: ".png", Format.JPEG: ".jpg"}[self]


_OPENERS: Mapping[Format, Callable[[IO[bytes], str], OpenImage]] = {
    Format.TIFF: TiffImageFile,
    Format.PNG: PngImageFile,
    Format.JPEG: JpegImageFile,
}


class Oddity(StrEnum):
    """What processors may stumble over; the value completes the sentence "2 images …"."""

    NO_RESOLUTION = "without a credible resolution: processors will have to guess it"
    CMYK = "in CMYK: some processors cannot read it"
    DEEP = "with more than 8 bits per sample: some processors cannot read it"
    ROTATED = "stored rotated (EXIF orientation): processors do not turn them"
    PREVIEWS = "with previews or masks beside the page: these were left out"
    WRONG_ENDING = "of another format than the ending of the name says"


@dataclass(frozen=True)
class ImageFile:
    """An image file that was read through. ``frames`` are the positions in the file that hold pages."""

    path: Path
    format: Format
    frames: tuple[int, ...]
    frames_in_file: int
    oddities: frozenset[Oddity]


def inspect_image(path: Path) -> ImageFile:
    """Decode all of a file. Raises InvalidRequest that names the file when it cannot be read, or is cut off."""
    with _opened(path) as (kind, image):
        oddities = set()
        if path.suffix.lower() not in {kind.ending, {".tif": ".tiff", ".jpg": ".jpeg"}.get(kind.ending)}:
            oddities.add(Oddity.WRONG_ENDING)
        in_file = image.n_frames if isinstance(image, TiffImageFile) else 1
        frames = []
        for frame in range(in_file):
            image.seek(frame)
            if in_file > 1 and _is_preview(image):
                oddities.add(Oddity.PREVIEWS)
                continue
            if image.width * image.height > MOST_PIXELS:
                raise InvalidRequest(f"{path}: {image.width}x{image.height} pixels are too many")
            image.load()
            frames.append(frame)
            oddities |= _oddities(image)
        return ImageFile(path, kind, tuple(frames), in_file, frozenset(oddities))


def copy_frame(image_file: ImageFile, frame: int, target: Path) -> None:
    """Put one page of the file at ``target``: the file itself, bit by bit, when it is the only one in it; else that
    frame of the TIFF with the same pixels, resolution and colour profile, compressed without loss.
    """
    if image_file.frames_in_file == 1:
        shutil.copyfile(image_file.path, target)
        return
    with _opened(image_file.path) as (_, image):
        image.seek(frame)
        image.load()
        kept = {name: image.info[name] for name in ("dpi", "icc_profile") if image.info.get(name)}
        image.save(target, "TIFF", compression="group4" if image.mode == "1" else "tiff_adobe_deflate", **kept)


def format_of(start: bytes) -> Format | None:
    """The format by a file's first bytes; names lie."""
    if start.startswith((b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")):
        return Format.TIFF
    if start.startswith(b"\x89PNG\r\n\x1a\n"):
        return Format.PNG
    return Format.JPEG if start.startswith(b"\xff\xd8\xff") else None


@contextmanager
def _opened(path: Path) -> Iterator[tuple[Format, OpenImage]]:
    """Errors on opening and within the block become InvalidRequest with the file's name.

    The classes are called directly because ``Image.open`` holds large scans (over 179 million pixels) for an attack.
    """
    try:
        with path.open("rb") as file:
            kind = format_of(file.read(8))
            file.seek(0)
            if kind is None:
                raise InvalidRequest(
                    f"{path} is neither TIFF nor PNG nor JPEG, whatever its name says",
                    advice="convert it, or leave it out",
                )
            with _OPENERS[kind](file, str(path)) as image:
                yield kind, image
    except (OSError, SyntaxError, ValueError, EOFError, KeyError, TypeError, Image.DecompressionBombError) as fault:
        raise InvalidRequest(
            f"{path} cannot be read: {fault}",
            advice="it may be cut off or of a kind that Pillow does not know; scan, copy or convert it again",
        ) from fault


def _is_preview(image: OpenImage) -> bool:
    if not isinstance(image, TiffImageFile):
        return False
    kind = image.tag_v2.get(_NEW_SUBFILE_TYPE, 0)
    return isinstance(kind, int) and bool(kind & (_REDUCED | _MASK))


def _oddities(image: OpenImage) -> set[Oddity]:
    found = set()
    dpi = image.info.get("dpi")
    if not dpi or min(dpi) < 100 or max(dpi) > 2400:  # 1, 72 and 96 are what programs write that do not know
        found.add(Oddity.NO_RESOLUTION)
    if image.mode in ("CMYK", "YCCK"):
        found.add(Oddity.CMYK)
    if image.mode == "F" or image.mode.startswith("I"):
        found.add(Oddity.DEEP)
    if image.getexif().get(_ORIENTATION, 1) != 1:
        found.add(Oddity.ROTATED)
    return found
