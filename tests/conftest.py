"""What all rooms of tests share."""

from __future__ import annotations

from hypothesis import settings

# On a busy machine a single example may take any time; how long a room may take is said in CONTRIBUTING.md.
settings.register_profile("offizin", deadline=None, print_blob=True)
settings.load_profile("offizin")
