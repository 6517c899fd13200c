"""A workflow that is run once more does only what has changed."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from offizin.mets.index import MetsIndex
from tests.behaviour.processes import ROOT, Server

ALL = {"P1": 2, "P2": 2, "P3": 2}


def two_steps(where: str = "here", first: str = "here") -> str:
    """Its parameters change nothing in what is made."""
    return (
        f"scripted -I OCR-D-IMG -O OCR-D-A -P where {first}\n"
        f"# and the second\nscripted -I OCR-D-A -O OCR-D-B -P where {where}\n"
    )


@dataclass(frozen=True)
class Done:
    """What a run did: how many jobs on which pages, and what it left."""

    jobs: dict[str, int]
    skipped: int
    kept: int = 0


def run(server: Server, book: Path, workflow: str, **params: Any) -> Done:
    submitted = server.run_workflow(book, workflow, **{"page_wise": True, **params})
    assert server.wait_for_run(submitted["job_id"]) == "SUCCESS"
    summary = server.summary(submitted["job_id"])
    jobs = {page: len(ids) for page, ids in submitted["processing_job_ids"].items() if ids}
    return Done(jobs, summary["skipped"], summary["kept"])


def content(book: Path, group: str) -> dict[str, bytes]:
    """The one file of each page in the group, as the METS has it."""
    index = MetsIndex.read(book)
    found = {}
    for page in index.pages:
        [file] = index.files(group, page)
        found[page] = (book.parent / str(file.local_filename)).read_bytes()
    return found


def path_of(book: Path, group: str, page: str) -> Path:
    [file] = MetsIndex.read(book).files(group, page)
    return book.parent / str(file.local_filename)


@pytest.mark.stock_file
def test_where_nothing_has_changed_nothing_is_done(server: Server, book: Path) -> None:
    assert run(server, book, two_steps()) == Done(ALL, 0)
    assert run(server, book, two_steps()) == Done({}, 6)
    assert run(server, book, two_steps(), page_wise=False) == Done({}, 6)


def test_a_changed_parameter_in_the_last_step_makes_that_step_anew(server: Server, book: Path) -> None:
    run(server, book, two_steps())
    before = content(book, "OCR-D-A"), content(book, "OCR-D-B")
    assert run(server, book, two_steps("elsewhere")) == Done({"P1": 1, "P2": 1, "P3": 1}, 3)
    assert content(book, "OCR-D-A") == before[0]
    assert all(now != before[1][page] for page, now in content(book, "OCR-D-B").items())
    assert run(server, book, two_steps("elsewhere")) == Done({}, 6)


@pytest.mark.stock_file
@pytest.mark.parametrize("page_wise", [True, False])
def test_a_changed_parameter_in_the_first_step_makes_all_behind_it_anew(
    server: Server, book: Path, page_wise: bool
) -> None:
    run(server, book, two_steps(), page_wise=page_wise)
    again = run(server, book, two_steps(first="elsewhere"), page_wise=page_wise)
    assert (again.skipped, again.kept) == (0, 0)
    assert sum(again.jobs.values()) == (6 if page_wise else 2)
    assert run(server, book, two_steps(first="elsewhere")) == Done({}, 6)


@pytest.mark.stock_file
def test_a_changed_image_makes_its_page_anew(server: Server, book: Path) -> None:
    run(server, book, two_steps())
    Image.new("L", (20, 30), 7).save(path_of(book, "OCR-D-IMG", "P2"))
    assert run(server, book, two_steps()) == Done({"P2": 2}, 4)
    assert run(server, book, two_steps()) == Done({}, 6)


def test_a_file_that_was_only_touched_has_not_changed(server: Server, book: Path) -> None:
    run(server, book, two_steps())
    image = path_of(book, "OCR-D-IMG", "P2")
    copy = image.with_suffix(".copy")
    copy.write_bytes(image.read_bytes())
    copy.replace(image)  # another inode, another time stamp, the same content
    assert run(server, book, two_steps()) == Done({}, 6)


def test_what_was_corrected_by_hand_stays_and_what_is_behind_it_is_made_anew(server: Server, book: Path) -> None:
    run(server, book, two_steps())
    corrected = path_of(book, "OCR-D-A", "P3")
    text = corrected.read_bytes().replace(b"<pc:PcGts", b"<!-- mended --><pc:PcGts", 1)
    corrected.write_bytes(text)
    assert b"mended" in text
    assert run(server, book, two_steps()) == Done({"P3": 1}, 5)
    assert run(server, book, two_steps()) == Done({}, 6)
    # also when the step that had made it is another by now
    assert run(server, book, two_steps(first="elsewhere")) == Done({"P1": 2, "P2": 2}, 2, kept=1)
    assert corrected.read_bytes() == text
    assert run(server, book, two_steps(first="elsewhere"), fresh=True) == Done(ALL, 0)
    assert corrected.read_bytes() != text


def test_a_file_that_has_gone_from_the_disk_is_made_anew(server: Server, book: Path) -> None:
    run(server, book, two_steps())
    gone = path_of(book, "OCR-D-B", "P1")
    gone.unlink()
    assert run(server, book, two_steps()) == Done({"P1": 1}, 5)
    assert gone.exists()


@pytest.mark.stock_file
def test_what_others_have_made_counts_as_done(server: Server, book: Path) -> None:
    run(server, book, two_steps())
    text = book.read_text().replace("OCR-D-A", "OTHER-A").replace("OCR-D-B", "OTHER-B")
    for group in ("A", "B"):
        (book.parent / f"OCR-D-{group}").rename(book.parent / f"OTHER-{group}")
        for file in (book.parent / f"OTHER-{group}").iterdir():
            file.rename(file.with_name(file.name.replace("OCR-D-", "OTHER-")))
    book.write_text(text)
    others = two_steps("elsewhere").replace("OCR-D-A", "OTHER-A").replace("OCR-D-B", "OTHER-B")
    assert run(server, book, others) == Done({}, 6)


def test_a_step_that_was_added_at_the_end_is_all_that_is_done(server: Server, book: Path) -> None:
    run(server, book, two_steps())
    assert run(server, book, two_steps() + "dummy -I OCR-D-B -O OCR-D-C") == Done({"P1": 1, "P2": 1, "P3": 1}, 6)


def test_fresh_does_everything_again(server: Server, book: Path) -> None:
    run(server, book, two_steps())
    assert run(server, book, two_steps(), fresh=True) == Done(ALL, 0)


def test_the_command_does_only_what_has_changed_and_everything_with_fresh(
    server: Server, book: Path, tmp_path: Path
) -> None:
    workflow = tmp_path / "workflow.txt"
    workflow.write_text(two_steps())

    def command(*options: str) -> dict[str, Any]:
        arguments = ["run", book.parent, "-w", workflow, "--server", server.url, *options]
        done = subprocess.run(
            [sys.executable, "-m", "offizin", *map(str, arguments)],
            capture_output=True,
            text=True,
            check=False,
            cwd=ROOT,
        )
        assert done.returncode == 0, done.stderr
        found: dict[str, Any] = json.loads(done.stdout)["run"] if "--json" in options else {"told": done.stdout}
        return found

    assert command("--json")["jobs"] == 6
    again = command("--json")
    assert (again["jobs"], again["skipped"]) == (0, 6)
    corrected = path_of(book, "OCR-D-A", "P3")
    corrected.write_bytes(corrected.read_bytes() + b"<!-- mended -->")
    workflow.write_text(two_steps(first="elsewhere"))
    assert "1 output kept as changed by hand" in command()["told"]
    assert command("--json", "--fresh")["jobs"] == 6
