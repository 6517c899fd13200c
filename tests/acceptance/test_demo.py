"""`make demo`, as far as it is ours: a rendered page is recognised by real processors through a server."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.real
def test_the_demonstration_recognises_what_it_rendered(tmp_path: Path) -> None:
    def demonstrate() -> str:
        arguments = [sys.executable, "-m", "offizin.demo", "--pages", "1", "--book", "book", "--home", "home"]
        environment = {k: v for k, v in os.environ.items() if not k.startswith(("OFFIZIN_", "OCRD_"))}
        done = subprocess.run(
            arguments, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False, timeout=110
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    told = demonstrate()
    assert "The Printing-House, page 1" in told
    right = re.search(r"([0-9.]+)% of the characters right", told)
    assert right is not None
    assert float(right[1]) > 98
    assert "Rendering a book" not in demonstrate()
