"""A bag with a workspace in it, as OCRD-ZIP has it (https://ocr-d.de/en/spec/ocrd_zip, BagIt 1.0: RFC 8493)."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import bagit

from offizin.errors import WorkspaceInvalid
from offizin.trust.one_line import one_line

# As the reference writes and demands it; the specification has moved since.
PROFILE = "https://ocr-d.github.io/bagit-profile.json"
MANIFEST = "manifest-sha512.txt"
BAGIT = "BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n"
_ADVICE = "Make the bag with 'ocrd zip bag', and look at it with 'ocrd zip validate'."


@dataclass(frozen=True, slots=True)
class Bag:
    """``payload`` is the workspace, ``mets`` the name of its METS; ``base_version``: the SHA-512 of its manifest."""

    payload: Path
    mets: str
    description: str
    base_version: str


def is_bag(directory: Path) -> bool:
    return (directory / "bagit.txt").is_file()


def read_bag(directory: Path) -> Bag:
    """Everything in it is compared with the manifests. Blocking. Raises WorkspaceInvalid, OSError."""
    if (directory / "fetch.txt").exists():
        raise _invalid("it has a fetch.txt, so it is not whole")
    try:
        bag = bagit.Bag(str(directory))
        bag.validate(processes=1)
    except bagit.BagError as fault:
        raise _invalid(one_line(str(fault), 1000)) from fault
    except (ValueError, LookupError) as fault:
        raise _invalid(f"it cannot be read: {one_line(str(fault), 200)}") from fault
    if bag.tags.get("BagIt-Version") != "1.0":
        raise _invalid(f"it is of version {one_line(str(bag.tags.get('BagIt-Version')), 40)} and not 1.0")
    if "sha512" not in bag.algorithms:
        raise _invalid(f"it has no {MANIFEST}")
    identifier = _said(bag.info, "Ocrd-Identifier")
    if not identifier:
        raise _invalid("its bag-info.txt has no Ocrd-Identifier")
    mets = _said(bag.info, "Ocrd-Mets") or "mets.xml"
    if "/" in mets or not (directory / "data" / mets).is_file():
        raise _invalid(f"there is no METS {one_line(mets, 200)!r} in its directory data")
    return Bag(
        payload=directory / "data",
        mets=mets,
        description=one_line(_said(bag.info, "External-Description") or identifier, 1000),
        base_version=hashlib.sha512((directory / MANIFEST).read_bytes()).hexdigest(),
    )


def _said(info: dict[str, Any], key: str) -> str:
    """The first, where there are several."""
    value = info.get(key, "")
    return str(value[0] if isinstance(value, list) else value).strip()


def _invalid(what: str) -> WorkspaceInvalid:
    return WorkspaceInvalid(f"the bag is not valid: {what}", advice=_ADVICE)
