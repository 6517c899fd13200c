"""URLs that are rights."""

from __future__ import annotations

from pathlib import Path

import pytest

from offizin.access.capabilities import Capabilities, Purpose
from offizin.access.random_text import random_text
from offizin.clock import SystemClock
from offizin.errors import NotAllowed

BOOK = Path("/books/Zürich \udcff 1")


def test_a_capability_holds_for_its_workspace_on_every_server_with_the_secret() -> None:
    capability = Capabilities("secret").capability(Purpose.METS, BOOK)
    assert len(capability) == 43
    Capabilities("secret").require(capability, Purpose.METS, BOOK)


@pytest.mark.parametrize(
    ("secret", "workspace"), [("secret", BOOK / "x"), ("secret", BOOK.parent), ("another", BOOK), ("secret", Path("/"))]
)
def test_it_holds_for_nothing_else(secret: str, workspace: Path) -> None:
    capability = Capabilities("secret").capability(Purpose.METS, BOOK)
    with pytest.raises(NotAllowed):
        Capabilities(secret).require(capability, Purpose.METS, workspace)


@pytest.mark.parametrize("wrong", ["", "ü", "\udcff", "A" * 43])
def test_what_is_none_is_refused(wrong: str) -> None:
    with pytest.raises(NotAllowed, match="no access to that workspace"):
        Capabilities("secret").require(wrong, Purpose.METS, Path("/books"))


def test_random_text_is_url_safe_and_never_the_same() -> None:
    made = {random_text(SystemClock()) for _ in range(100)}
    assert len(made) == 100
    assert all(len(text) == 43 and text.replace("-", "").replace("_", "").isalnum() for text in made)
