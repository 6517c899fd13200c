"""Which image files a user means, and in which order they are pages."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

from offizin.errors import InvalidRequest, NotFound

ENDINGS = frozenset({".tif", ".tiff", ".png", ".jpg", ".jpeg"})


@dataclass(frozen=True)
class FoundImages:
    """``paths`` in page order; ``warnings`` tell what was passed over."""

    paths: tuple[Path, ...]
    warnings: tuple[str, ...]


def find_images(sources: Sequence[Path]) -> FoundImages:
    """The images among files and directories.

    Of a directory: its own image files (not those of directories in it) in natural order; hidden and other files are
    passed over and told. Files named one by one stay in the given order, unless that is the alphabetical one in which
    a shell expands ``*.png``: then they, too, get natural order (``page2`` before ``page10``).

    Raises NotFound for a source that is not there, InvalidRequest for a named file that is no image, or when nothing
    is found.
    """
    paths: list[Path] = []
    warnings: list[str] = []
    for is_directory, group in groupby(sources, key=Path.is_dir):
        if is_directory:
            for directory in group:
                _list_directory(directory, paths, warnings)
        else:
            paths += _named_files(list(group))

    unique = list(dict.fromkeys(paths))
    if len(unique) < len(paths):
        warnings.append(f"{_count(len(paths) - len(unique), 'image')} named more than once: imported once")
    if not unique:
        raise InvalidRequest(
            f"no images found in {', '.join(map(str, sources)) or 'an empty list'}",
            advice=f"files that end in {' '.join(sorted(ENDINGS))} are taken, those of nested directories are not",
        )
    return FoundImages(tuple(unique), tuple(warnings))


def natural_key(text: str) -> tuple[tuple[tuple[int, int, str], ...], str]:
    """Sorts numbers within names by value: ``page2`` before ``page10``."""
    parts = re.split(r"([0-9]+)", text)
    return tuple((0, int(part), "") if part.isdecimal() else (1, 0, part.casefold()) for part in parts if part), text


def summary(names: Iterable[str], limit: int = 3) -> str:
    """``a, b, c and 4 more``."""
    every = list(names)
    more = f" and {len(every) - limit} more" if len(every) > limit else ""
    return ", ".join(every[:limit]) + more


def _list_directory(directory: Path, paths: list[Path], warnings: list[str]) -> None:
    images: list[Path] = []
    nested: list[str] = []
    others: list[str] = []
    for entry in sorted(directory.iterdir(), key=lambda entry: natural_key(entry.name)):
        if entry.is_dir():
            nested.append(entry.name)
        elif entry.suffix.lower() in ENDINGS and not entry.name.startswith("."):
            images.append(entry)
        else:
            others.append(entry.name)
    paths += images
    if nested:
        warnings.append(f"{directory}: {_count(len(nested), 'nested directory', 'nested directories')} not looked into")
        warnings[-1] += f": {summary(nested)}"
    if others:
        warnings.append(f"{directory}: {_count(len(others), 'file')} passed over: {summary(others)}")


def _named_files(files: list[Path]) -> list[Path]:
    for file in files:
        if not file.exists():
            raise NotFound(f"{file} does not exist", advice="name image files, or directories that hold them")
        if file.suffix.lower() not in ENDINGS:
            raise InvalidRequest(
                f"{file} is no image that can be imported",
                advice=f"TIFF, PNG and JPEG are taken, named {' '.join(sorted(ENDINGS))}; convert others first",
            )
    names = [str(file) for file in files]
    as_a_shell_lists = names in (sorted(names), sorted(names, key=str.casefold))
    return sorted(files, key=lambda file: natural_key(str(file))) if as_a_shell_lists else files


def _count(number: int, singular: str, plural: str = "") -> str:
    return f"{number} {singular if number == 1 else plural or singular + 's'}"
