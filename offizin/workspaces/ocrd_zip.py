"""A workspace as OCRD-ZIP (https://ocr-d.de/en/spec/ocrd_zip), made while it is sent.

A bag's manifests come behind its payload, so each file is read once.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from offizin import __version__
from offizin.errors import Conflict, MetsInvalid, MetsMissing, PathForbidden
from offizin.mets.encoding import to_utf8
from offizin.mets.scan import Scan
from offizin.trust.one_line import one_line
from offizin.trust.paths import inside, plain_name
from offizin.workspaces.bag import BAGIT, MANIFEST, PROFILE
from offizin.workspaces.zip_stream import ZipStream

_NAMED = 5  # files in an error
PlaceOf = Callable[[Path, str], Path]


@dataclass(frozen=True, slots=True)
class Packing:
    """What goes into the zip: ``mets`` is the content of mets.xml, and ``names`` the files beside it that it lists."""

    directory: Path
    mets: bytes
    names: tuple[str, ...]
    identifier: str | None


def packing(mets: Path, place_of: PlaceOf = inside) -> Packing:
    """As the METS is on disk now. Files that have a URL and do not lie inside, or are not there, are left to the URL.
    ``place_of`` says where a name leads, or raises PathForbidden.

    Blocking. Raises MetsMissing, MetsInvalid, and Conflict for files without URL of which that holds.
    """
    try:
        content = mets.read_bytes()
    except FileNotFoundError:
        raise MetsMissing(f"there is no METS file {mets}") from None
    except OSError as error:
        raise MetsInvalid(f"{mets} cannot be read: {error.strerror}") from error
    found = Scan(to_utf8(content, mets)[0], mets).contents()
    names: dict[str, None] = {}
    left_out: dict[str, None] = {}
    for file in found.files:
        if file.local_filename:
            if _is_there(mets.parent, file.local_filename, place_of):
                names[file.local_filename] = None
            elif not file.url:
                left_out[file.local_filename] = None
    names.pop(mets.name, None)
    if left_out:
        shown = ", ".join(one_line(name, 200) for name in list(left_out)[:_NAMED])
        more = f" and {len(left_out) - _NAMED} more" if len(left_out) > _NAMED else ""
        raise Conflict(
            f"the METS lists files that are not there, or lie outside of the workspace: {shown}{more}",
            advice="Put them there, or take them out of the METS with 'ocrd workspace prune-files'.",
        )
    return Packing(mets.parent, content, tuple(names), found.unique_identifier)


def ocrd_zip(what: Packing, identifier: str, base_version: str, now: float) -> Iterator[bytes]:
    """The zip, part by part. ``identifier`` where the METS has none; ``base_version``: the SHA-512 of the manifest of
    the version that it was made from, or empty; ``now`` in seconds since the epoch. Blocking. Raises OSError when a
    file goes away meanwhile: then the zip is not whole."""
    stream = ZipStream()
    yield from stream.text("bagit.txt", BAGIT, now)
    manifest: list[str] = []
    size = 0

    def noted(name: str, parts: Iterator[bytes]) -> Iterator[bytes]:
        nonlocal size
        digest = hashlib.sha512()
        for part in parts:
            digest.update(part)
            size += len(part)
            yield part
        manifest.append(_line(digest.hexdigest(), name))

    yield from stream.parts("data/mets.xml", noted("data/mets.xml", iter([what.mets])), len(what.mets), now)
    for name in what.names:
        path = what.directory / name
        with path.open("rb") as opened:
            status = path.stat()
            parts = noted(f"data/{name}", iter(lambda opened=opened: opened.read(1024 * 1024), b""))  # type: ignore[misc]
            yield from stream.parts(f"data/{name}", parts, status.st_size, status.st_mtime)
    info = {
        "BagIt-Profile-Identifier": PROFILE,
        "Bag-Software-Agent": f"Offizin {__version__}",
        "Bagging-Date": time.strftime("%Y-%m-%d", time.gmtime(now)),
        "Ocrd-Identifier": one_line(what.identifier or identifier),
        "Payload-Oxum": f"{size}.{len(manifest)}",
    }
    if base_version:
        info["Ocrd-Base-Version-Checksum"] = base_version
    tags = {
        "bagit.txt": BAGIT,
        "bag-info.txt": "".join(f"{key}: {value}\n" for key, value in info.items()),
        MANIFEST: "".join(manifest),
    }
    for tag in ("bag-info.txt", MANIFEST):
        yield from stream.text(tag, tags[tag], now)
    of_tags = "".join(_line(hashlib.sha512(text.encode()).hexdigest(), tag) for tag, text in sorted(tags.items()))
    yield from stream.text("tagmanifest-sha512.txt", of_tags, now)
    yield from stream.end()


def _is_there(directory: Path, name: str, place_of: PlaceOf) -> bool:
    try:
        plain_name(name)
        return place_of(directory, name).is_file()
    except PathForbidden:
        return False


def _line(digest: str, name: str) -> str:
    return f"{digest}  {name}\n"
