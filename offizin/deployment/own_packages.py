"""What is installed here of Offizin and of what it needs, to be installed in the same way elsewhere. Blocking."""

from __future__ import annotations

import hashlib
import importlib.metadata
import platform
import re
import sys
import tarfile
import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.metadata import Distribution
from pathlib import Path

from offizin import __version__

EXTRA = "cluster"
_REQUIREMENT = re.compile(r"^([A-Za-z0-9._-]+)\s*(?:\[([^\]]*)\])?")
_EXTRA_WANTED = re.compile(r"""extra\s*==\s*["']([^"']+)["']""")


@dataclass(frozen=True, slots=True)
class Interpreter:
    """``version`` as in 3.11, ``libc`` as in 2.36 ("" where it has none of GNU)."""

    version: str
    machine: str
    libc: str

    @classmethod
    def here(cls) -> Interpreter:
        return cls(f"{sys.version_info[0]}.{sys.version_info[1]}", platform.machine(), platform.libc_ver()[1])

    def runs_what_runs_on(self, other: Interpreter) -> bool:
        """Whether compiled packages of the other one can be used here."""
        alike = (self.version, self.machine) == (other.version, other.machine)
        return alike and bool(self.libc) and bool(other.libc) and _numbers(self.libc) >= _numbers(other.libc)


class OwnPackages:
    """``pinned``: the packages with their versions, as pip takes them; ``digest`` changes with any of it."""

    def __init__(self) -> None:
        self._packages = list(_needed("offizin", (EXTRA,)))
        self._own = Path(__file__).parents[1]
        self.pinned = sorted(f"{one.name}=={one.version}" for one in self._packages)
        self.digest = self._digest()

    @property
    def complete(self) -> bool:
        """Whether it is known which files belong to each package, so that they can be sent."""
        return all(one.files for one in self._packages)

    def write(self, file: Path, *, alone: bool) -> None:
        """A gzipped tar file to be unpacked where packages lie; ``alone``: Offizin without what it needs."""
        with tarfile.open(file, "w:gz", compresslevel=3) as archive:
            for path in self._own_files():
                archive.add(path, str(path.relative_to(self._own.parent)))
            if not alone:
                for package in self._packages:
                    for inside in package.files or ():
                        if ".." not in inside.parts and inside.suffix != ".pyc" and Path(inside.locate()).is_file():
                            archive.add(str(inside.locate()), str(inside))

    def _own_files(self) -> Sequence[Path]:
        return [path for path in sorted(self._own.rglob("*")) if path.is_file() and path.suffix != ".pyc"]

    def _digest(self) -> str:
        found = hashlib.sha256("\n".join([__version__, *self.pinned]).encode())
        for path in self._own_files():
            found.update(str(path.relative_to(self._own)).encode() + b"\0" + path.read_bytes())
        return found.hexdigest()[:16]


def _needed(name: str, extras: Sequence[str]) -> Iterator[Distribution]:
    """All that this package needs and that is installed, without itself."""
    waiting, seen = [(name, tuple(extras))], set()
    known: set[str] = {_normal(name)}
    while waiting:
        one = waiting.pop()
        if one in seen:
            continue
        seen.add(one)
        for requirement in _requirements(*one):
            try:
                distribution = importlib.metadata.distribution(requirement[0])
            except importlib.metadata.PackageNotFoundError:
                continue  # for another system or another Python
            waiting.append(requirement)
            if _normal(distribution.name) not in known:
                known.add(_normal(distribution.name))
                yield distribution


def _requirements(name: str, extras: tuple[str, ...]) -> Iterator[tuple[str, tuple[str, ...]]]:
    for text in _of_the_source() if name == "offizin" else importlib.metadata.distribution(name).requires or []:
        wanted = _EXTRA_WANTED.search(text)
        if (found := _REQUIREMENT.match(text)) and (wanted is None or wanted[1] in extras):
            yield found[1], tuple(part.strip() for part in (found[2] or "").split(",") if part.strip())


def _of_the_source() -> Sequence[str]:
    """Where Offizin runs from its source, what was written down when it was installed may be older than that."""
    try:
        project = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text())["project"]
        if project["name"] != "offizin":
            raise KeyError
    except (OSError, ValueError, KeyError):
        return importlib.metadata.distribution("offizin").requires or []
    of_extras = [
        f"{one}; extra == '{extra}'" for extra, them in project["optional-dependencies"].items() for one in them
    ]
    return [*project["dependencies"], *of_extras]


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _numbers(version: str) -> list[int]:
    return [int(part) for part in re.findall(r"\d+", version)]
