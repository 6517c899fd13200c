"""What is submitted in the kill tests: a batch of runs on small books of its own."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from tests.behaviour.books import make_book

_DUMMY = """\
dummy -I OCR-D-IMG -O {group}-A
dummy -I {group}-A -O {group}-B
dummy -I {group}-B -O {group}-C
"""


@dataclass(frozen=True)
class Order:
    """One run. ``name`` is the same in every batch, the books and the results are comparable by it."""

    name: str
    book: str
    workflow: str
    page_wise: bool = False
    overwrite: bool = False
    cancelled: bool = False
    by_itself: bool = False
    """A job by itself: POST /processor/run/ocrd-dummy from OCR-D-IMG to the group ``workflow``."""


BOOKS = {"many": 8, "slow": 5, "whole": 7, "held": 2}

ORDERS = (
    Order("dummies", "many", _DUMMY.format(group="DUMMY"), page_wise=True),
    Order("slow pages", "slow", "slow -I OCR-D-IMG -O SLOW-A -P mode image\ndummy -I SLOW-A -O SLOW-B", page_wise=True),
    Order(
        "a page fails",
        "slow",
        "dummy -I OCR-D-IMG -O FAIL-A\nslow -I FAIL-A -O FAIL-B -P mode fail -P where P2\ndummy -I FAIL-B -O FAIL-C",
        page_wise=True,
    ),
    Order(
        "whole book",
        "whole",
        "dummy -I OCR-D-IMG -O WHOLE-A\nslow -I WHOLE-A -O WHOLE-B\nwhole -I WHOLE-B -O WHOLE-C",
    ),
    Order(
        "whole book, a page fails",
        "whole",
        "slow -I OCR-D-IMG -O LOSS-A -P mode fail -P where P3\ndummy -I LOSS-A -O LOSS-B",
    ),
    Order("cancelled", "held", "slow -I OCR-D-IMG -O HELD-A -P mode wait\ndummy -I HELD-A -O HELD-B", cancelled=True),
    Order("once more", "many", _DUMMY.format(group="DUMMY"), page_wise=True, overwrite=True),
    Order("by itself", "many", "ALONE", by_itself=True),
)


def make_books(directory: Path) -> None:
    """The books of one batch, each in a directory of its name."""
    for name, pages in BOOKS.items():
        make_book(directory / name, pages)
