"""A package of processors, installed into a virtual environment of its own as users do it."""

from __future__ import annotations

import subprocess
import sys
import sysconfig
import venv
from pathlib import Path

MISBEHAVING = Path(__file__).parents[1] / "misbehaving_processors"


def install(package: Path, directory: Path) -> Path:
    """The directory of its programs. What it depends on is what this Python has: nothing is fetched."""
    venv.create(directory, with_pip=False)
    python = directory / "bin" / "python"
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    beside = directory / "lib" / version / "site-packages" / "beside.pth"
    beside.write_text(sysconfig.get_path("purelib") + "\n")
    pip = [sys.executable, "-m", "pip", "--python", str(python), "install"]
    options = ["--quiet", "--disable-pip-version-check", "--no-deps", "--no-build-isolation", "--no-index"]
    subprocess.run([*pip, *options, str(package)], check=True)
    return python.parent
