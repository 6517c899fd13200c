"""Overwriting replaces all that an earlier attempt made of a page, in the METS and on disk, line images included."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest
from ocrd_models import OcrdMets

from tests.behaviour.books import make_book
from tests.behaviour.processes import Server
from tests.behaviour.scripted_processors import write_processor
from tests.behaviour.sizes import Place

# As many line images for each page as ``mode`` says, in the last of the output groups.
_CUTS_LINES = """
    PAGE = (
        '<PcGts xmlns="http://schema.primaresearch.org/PAGE/gts/pagecontent/2019-07-15"><Metadata><Creator/>'
        '<Created>2020-01-01T00:00:00</Created><LastChange>2020-01-01T00:00:00</LastChange></Metadata>'
        '<Page imageFilename="x.png" imageWidth="20" imageHeight="30"/></PcGts>'
    )

    class Scripted(Described):
        {hook}
            page = files[0].pageId
            number = int(self.parameter["mode"])
            if number < 0 and page == self.parameter["where"]:
                raise ValueError("no lines")
            groups = self.output_file_grp.split(",")
            for line in range(abs(number)):
                name = f"{{groups[-1]}}_{{page}}_line{{line}}"
                self.workspace.add_file(
                    file_grp=groups[-1], file_id=name, page_id=page, mimetype="image/png",
                    local_filename=f"{{groups[-1]}}/{{name}}.png", content=b"line %d" % line,
                )
            name = f"{{groups[0]}}_{{page}}"
            self.workspace.add_file(
                file_grp=groups[0], file_id=name, page_id=page, mimetype="application/vnd.prima.page+xml",
                local_filename=f"{{groups[0]}}/{{name}}.xml", content=PAGE,
            )
"""
_PAGE_BY_PAGE = _CUTS_LINES.format(hook="def process_page_file(self, *files):")
_WHOLE_BOOKS = _CUTS_LINES.format(
    hook="def process(self):\n            for file in self.input_files:\n                self.cut(file)\n\n"
    "        def cut(self, *files):"
)
LINES = "ocrd-cuts-lines"
BOOKS = "ocrd-cuts-books"


def start(place: Place, **more: object) -> Server:
    write_processor(place.processors, _PAGE_BY_PAGE, LINES)
    write_processor(place.processors, _WHOLE_BOOKS, BOOKS)
    server = place.server(**more)
    place.staff((f"{LINES}:2", f"{BOOKS}:2"))
    return server


def run(
    server: Server, book: Path, processor: str, lines: int, *, groups: str = "OUT", page_wise: bool, where: str = ""
) -> str:
    text = f"{processor} -I OCR-D-IMG -O {groups} -P mode '\"{lines}\"' -P where '\"{where}\"'"
    run_id = server.run_workflow(book, text, page_wise=page_wise, overwrite=True)["job_id"]
    return server.wait_for_run(run_id)


def check(book: Path, group: str, expected: list[str]) -> None:
    """The METS and the disk have these files of the group, and no others."""
    listed = [file.local_filename for file in OcrdMets(filename=str(book)).find_files(fileGrp=group)]
    assert sorted(Path(str(name)).name for name in listed) == sorted(expected)
    there = (book.parent / group).iterdir() if (book.parent / group).exists() else ()
    assert sorted(path.name for path in there) == sorted(expected)


def names(group: str, pages: int, lines: int, *, text: bool = True, images: bool = True) -> list[str]:
    found = []
    for page in range(1, pages + 1):
        found += [f"{group}_P{page}.xml"] * text
        found += [f"{group}_P{page}_line{line}.png" for line in range(lines) if images]
    return found


@pytest.mark.parametrize(("processor", "page_wise"), [(LINES, True), (LINES, False), (BOOKS, False)])
def test_line_images_that_are_not_made_again_are_gone(
    server_of_lines: Server, tmp_path: Path, processor: str, page_wise: bool
) -> None:
    book = make_book(tmp_path / "book", 3)
    assert run(server_of_lines, book, processor, 5, page_wise=page_wise) == "SUCCESS"
    check(book, "OUT", names("OUT", 3, 5))
    assert run(server_of_lines, book, processor, 2, page_wise=page_wise) == "SUCCESS"
    check(book, "OUT", names("OUT", 3, 2))
    assert run(server_of_lines, book, processor, 4, page_wise=page_wise) == "SUCCESS"
    check(book, "OUT", names("OUT", 3, 4))


@pytest.mark.parametrize("page_wise", [True, False])
def test_a_group_in_which_nothing_is_made_any_more_is_emptied(
    server_of_lines: Server, tmp_path: Path, page_wise: bool
) -> None:
    book = make_book(tmp_path / "book", 2)
    assert run(server_of_lines, book, LINES, 2, groups="TEXT,LINES", page_wise=page_wise) == "SUCCESS"
    check(book, "LINES", names("LINES", 2, 2, text=False))
    assert run(server_of_lines, book, LINES, 0, groups="TEXT,LINES", page_wise=page_wise) == "SUCCESS"
    check(book, "TEXT", names("TEXT", 2, 0))
    check(book, "LINES", [])


def test_what_a_failed_attempt_was_to_replace_stays(server_of_lines: Server, tmp_path: Path) -> None:
    book = make_book(tmp_path / "book", 2)
    assert run(server_of_lines, book, LINES, 3, page_wise=True) == "SUCCESS"
    assert run(server_of_lines, book, LINES, -1, page_wise=True, where="P2") == "FAILED"
    first = [name for name in names("OUT", 1, 1)]
    check(book, "OUT", [*first, *(name for name in names("OUT", 2, 3) if "_P2" in name)])


def test_a_crash_after_the_save_leaves_neither_orphans_nor_gaps(own_place: Place, tmp_path: Path) -> None:
    book = make_book(tmp_path / "book", 3)
    server = start(own_place)
    assert run(server, book, LINES, 5, page_wise=True) == "SUCCESS"
    assert server.stop() == 0
    server = own_place.server(environment={"OFFIZIN_FAULT": "save: names exchanged"})
    text = f"{LINES} -I OCR-D-IMG -O OUT -P mode '\"2\"'"
    run_id = server.run_workflow(book, text, page_wise=True, overwrite=True)["job_id"]
    assert server.ended() == -signal.SIGKILL
    on_disk = {path.name for path in (book.parent / "OUT").iterdir()}
    assert on_disk == set(names("OUT", 3, 5))
    server = own_place.server()
    assert server.wait_for_run(run_id) == "SUCCESS"
    check(book, "OUT", names("OUT", 3, 2))
    assert server.stop() == 0


@pytest.fixture(scope="module")
def server_of_lines(shared_place: Place) -> object:
    server = start(shared_place)
    yield server
    assert server.stop() == 0
