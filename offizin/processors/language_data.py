"""Where tesseract's language data lies.

The `tesserocr` wheels of PyPI bring their own tesseract and look for language data in the working directory unless
``TESSDATA_PREFIX`` names a directory, so somebody has to find the one that Debian's packages (or PyPI's ``tessdata-*``,
which unpack into the environment) have filled.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path

from offizin.errors import Unavailable

VARIABLE = "TESSDATA_PREFIX"


def tessdata_directories(environment: Mapping[str, str]) -> list[Path]:
    """All directories with language data, the one to use first: what the administrator set, the environment's own
    ``share/tessdata``, then the system's, newest tesseract first."""
    named = environment.get(VARIABLE)
    found = [Path(named)] if named else []
    found.append(Path(sys.prefix) / "share" / "tessdata")
    found += sorted(Path("/usr/share/tesseract-ocr").glob("*/tessdata"), key=_version, reverse=True)
    found += [Path("/usr/share/tessdata"), Path("/usr/local/share/tessdata")]
    return [directory for directory in found if any(directory.glob("*.traineddata"))]


def find_tessdata(models: Iterable[str], environment: Mapping[str, str]) -> Path:
    """The first directory that has all of these models (names as in ``-P model``, joined by ``+`` or single).

    Raises Unavailable that names the models which no directory has.
    """
    wanted = {part for model in models for part in model.split("+")}
    directories = tessdata_directories(environment)
    for directory in directories:
        if all((directory / f"{model}.traineddata").exists() for model in wanted):
            return directory
    looked = ", ".join(map(str, directories)) or "no directory with language data exists"
    packages = " ".join(f"tesseract-ocr-{model}" for model in sorted(wanted))
    raise Unavailable(
        f"tesseract's language data for {', '.join(sorted(wanted))} was not found ({looked})",
        advice=f"apt-get install {packages}, or set {VARIABLE} to the directory that has it",
    )


def _version(tessdata: Path) -> tuple[int, ...]:
    """``…/tesseract-ocr/4.00/tessdata`` sorts before ``…/5/tessdata``."""
    return tuple(int(part) for part in tessdata.parent.name.split(".") if part.isdigit())


def main(arguments: list[str]) -> int:
    """Print the directory that has these models."""
    try:
        print(find_tessdata(arguments, os.environ))
    except Unavailable as missing:
        print(f"{missing}; {missing.advice}", file=sys.stderr)
        return missing.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
