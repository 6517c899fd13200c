"""What a client asks for, as values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from offizin.workflows.policies import NOTHING_SAID, Policies


@dataclass(frozen=True, slots=True)
class Order:
    """A workflow for a book. ``mets`` is a path as the server sees it; ``pages`` a page selector, empty for all."""

    mets: Path
    workflow: str
    pages: str = ""
    page_wise: bool = True
    priority: int = 0
    overwrite: bool = False
    policies: Policies = NOTHING_SAID
    description: str = ""


@dataclass(frozen=True, slots=True)
class Again:
    """What of a run is to be done again: ``what`` is failed, missing or all; ``pages`` a page selector, empty for all;
    ``step`` counts from 0, None for all. ``processor`` and ``parameters``: another way to do just these pages;
    ``skip``: go without them."""

    what: str = "failed"
    pages: str = ""
    step: int | None = None
    processor: str = ""
    parameters: Mapping[str, Any] = field(default_factory=dict)
    skip: bool = False

    def to_json(self) -> dict[str, Any]:
        return {
            "what": self.what, "page_id": self.pages, "step": self.step, "processor": self.processor,
            "parameters": dict(self.parameters), "skip": self.skip,
        }  # fmt: skip


FAILED = Again()
