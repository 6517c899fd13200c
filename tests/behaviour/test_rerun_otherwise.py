"""Runs again, of what is not simply one page by one processor: whole books, and pages that a fallback has made."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image

from tests.behaviour.processes import Server
from tests.behaviour.scripted_processors import write_processor
from tests.behaviour.sizes import Place
from tests.behaviour.test_rerun import Done, path_of, run

_WHOLE = """
    class Scripted(Described):
        def process_workspace(self, workspace):
            super().process_workspace(workspace)

        def process_page_pcgts(self, *pages, page_id=None):
            return OcrdPageResult(pages[0])
"""
_PALE = """
    class Scripted(Described):
        def process_page_file(self, *files):
            if files[0].pageId == self.parameter["where"]:
                raise ValueError("the ink is too pale")
            super().process_page_file(*files)

        def process_page_pcgts(self, *pages, page_id=None):
            return OcrdPageResult(pages[0])
"""


@pytest.fixture(scope="module")
def server(shared_place: Place) -> Iterator[Server]:
    write_processor(shared_place.processors, _WHOLE, "ocrd-wants-all")
    write_processor(shared_place.processors, _PALE, "ocrd-sees-little")
    running = shared_place.server()
    shared_place.staff(("ocrd-dummy:1", "ocrd-wants-all:1", "ocrd-sees-little:1"))
    yield running
    assert running.stop() == 0


def test_pages_that_belong_together_are_all_made_anew(server: Server, book: Path) -> None:
    text = "wants-all -I OCR-D-IMG -O OCR-D-A\ndummy -I OCR-D-A -O OCR-D-B\n"
    assert run(server, book, text, page_wise=False) == Done({"": 2}, 0)
    assert run(server, book, text, page_wise=False) == Done({}, 6)
    Image.new("L", (20, 30), 7).save(path_of(book, "OCR-D-IMG", "P2"))
    assert run(server, book, text, page_wise=False) == Done({"": 2}, 0)
    assert run(server, book, text, page_wise=False) == Done({}, 6)


@pytest.mark.parametrize("page_wise", [True, False])
def test_a_page_that_a_fallback_has_made_stays_until_its_step_changes(
    server: Server, book: Path, page_wise: bool
) -> None:
    def text(where: str) -> str:
        return f"sees-little -I OCR-D-IMG -O OCR-D-A -P where {where}\nfallback dummy\ndummy -I OCR-D-A -O OCR-D-B\n"

    run(server, book, text("P2"), page_wise=page_wise)
    assert run(server, book, text("P2"), page_wise=page_wise) == Done({}, 6)
    assert run(server, book, text("P3"), page_wise=page_wise).skipped == 0
