"""Undoing a run, and what becomes of file groups at the end of one."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
import pytest
from ocrd_models import OcrdMets

from tests.behaviour.conftest import Gate
from tests.behaviour.processes import ROOT, Server
from tests.behaviour.sizes import Place
from tests.behaviour.test_rerun import Done, content, path_of, two_steps
from tests.behaviour.test_rerun import run as run_again

ONE_MORE = "dummy -I OCR-D-B -O OCR-D-C"


def run(server: Server, book: Path, workflow: str, **params: Any) -> str:
    """The id of a run that has succeeded."""
    submitted = server.run_workflow(book, workflow, **{"page_wise": True, **params})
    assert server.wait_for_run(submitted["job_id"]) == "SUCCESS"
    return str(submitted["job_id"])


def undo(server: Server, run_id: str, **params: Any) -> dict[str, Any]:
    answer = server.client.post(f"/workflow/job/{run_id}/undo", params=params)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def refused(server: Server, run_id: str) -> str:
    answer = server.client.post(f"/workflow/job/{run_id}/undo")
    assert answer.status_code == 409
    return str(answer.json()["detail"])


def state_of(book: Path) -> tuple[dict[str, list[str]], list[str], list[str]]:
    """What the reference reads: IDs by file group and the agents' names; and the files on disk."""
    mets = OcrdMets(filename=str(book))
    groups = {group: sorted(f.ID for f in mets.find_files(fileGrp=group)) for group in mets.file_groups}
    pages = {page: sorted(mets.get_physical_pages(for_fileIds=ids)) for page, ids in groups.items() if ids}
    assert all(None not in each for each in pages.values())
    there = sorted(str(path.relative_to(book.parent)) for path in book.parent.rglob("*"))
    return groups, [agent.name for agent in mets.agents], there


@pytest.mark.stock_file
@pytest.mark.parametrize("page_wise", [True, False])
def test_after_an_undo_all_is_as_before(server: Server, book: Path, page_wise: bool) -> None:
    before = state_of(book)
    run_id = run(server, book, two_steps(), page_wise=page_wise)
    assert undo(server, run_id) == {"files": 6, "file_grps": ["OCR-D-A", "OCR-D-B"]}
    assert state_of(book) == before
    assert server.summary(run_id)["undone_at"] > 0
    assert run_again(server, book, two_steps()) == Done({"P1": 2, "P2": 2, "P3": 2}, 0)


def test_only_what_the_run_has_made_goes(server: Server, book: Path) -> None:
    run(server, book, two_steps(), page_id="P1")
    before = state_of(book)
    run_id = run(server, book, two_steps())
    assert undo(server, run_id) == {"files": 4, "file_grps": []}
    assert state_of(book) == before


def test_a_run_that_a_later_one_has_read_is_not_undone_before_that_one(server: Server, book: Path) -> None:
    before = state_of(book)
    first = run(server, book, two_steps())
    second = run(server, book, ONE_MORE)
    assert second in refused(server, first)
    undo(server, second)
    undo(server, first)
    assert state_of(book) == before
    assert "undone already" in refused(server, first)
    assert server.client.post(f"/workflow/job/{first}/retry").status_code == 409


def test_a_run_is_not_undone_while_another_is_under_way(server: Server, book: Path, gate: Gate) -> None:
    first = run(server, book, "dummy -I OCR-D-IMG -O OCR-D-A", page_id="P1")
    text = f"scripted -I OCR-D-IMG -O OCR-D-W -P mode wait -P where '{gate.path}'"
    waiting = server.run_workflow(book, text, page_wise=True, page_id="P1")
    assert "under way" in refused(server, first)
    gate.lift()
    server.wait_for_run(waiting["job_id"])
    undo(server, first)


def test_what_was_replaced_cannot_be_brought_back(server: Server, book: Path) -> None:
    run(server, book, two_steps())
    after = state_of(book)
    changed = run(server, book, two_steps("elsewhere"))
    assert "replaced" in refused(server, changed)
    assert state_of(book)[0] == after[0]


def test_what_was_changed_by_hand_goes_only_by_force(server: Server, book: Path) -> None:
    before = state_of(book)
    run_id = run(server, book, two_steps())
    path = path_of(book, "OCR-D-B", "P2")
    path.write_bytes(path.read_bytes() + b"<!-- mended -->")
    assert "changed by hand" in refused(server, run_id)
    assert path.exists()
    undo(server, run_id, force=True)
    assert state_of(book) == before


def test_a_job_by_itself_is_undone(server: Server, book: Path) -> None:
    before = state_of(book)
    job_id = server.run_job(book)
    server.wait_for_job(job_id)
    undo(server, server.details(job_id)["run_id"])
    assert state_of(book) == before


def test_the_command_undoes_a_run_and_says_what_is_gone(server: Server, book: Path) -> None:
    before = state_of(book)
    run_id = run(server, book, two_steps())
    command = [sys.executable, "-m", "offizin", "undo", run_id[:12], "--server", server.url]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)
    assert (done.returncode, done.stderr) == (0, "")
    assert "6 files" in done.stdout
    assert "OCR-D-A, OCR-D-B" in done.stdout
    assert state_of(book) == before
    again = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)
    assert again.returncode == 4


@pytest.mark.only("embedded", because="the fault point is in the server's own process")
def test_an_undo_that_was_cut_short_is_completed_by_the_next_start(
    own_place: Place, book: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = state_of(book)
    server = own_place.server()
    run_id = run(server, book, two_steps())
    server.stop()
    monkeypatch.setenv("OFFIZIN_FAULT", "undo: after commit")
    server = own_place.server(save_interval=0.2)
    monkeypatch.delenv("OFFIZIN_FAULT")
    with pytest.raises(httpx.TransportError):
        server.client.post(f"/workflow/job/{run_id}/undo")
    server.ended()
    assert state_of(book) != before
    server = own_place.server(save_interval=0.2)
    assert "undone already" in refused(server, run_id)
    assert run_again(server, book, ONE_MORE.replace("OCR-D-B", "OCR-D-IMG"))  # its end saves all
    groups, _, there = state_of(book)
    assert sorted(groups) == ["OCR-D-C", "OCR-D-IMG"]
    assert not [name for name in there if "OCR-D-A" in name or "OCR-D-B" in name]
    assert server.stop() == 0


# Finish lines


def groups_of(book: Path) -> list[str]:
    groups, _, there = state_of(book)
    on_disk = {name.split("/")[0] for name in there if "/" in name}
    assert on_disk == set(groups)
    return sorted(groups)


@pytest.mark.stock_file
def test_groups_that_are_not_kept_go_and_count_as_made(server: Server, book: Path) -> None:
    text = two_steps() + "finish keep OCR-D-B\n"
    run(server, book, text)
    assert groups_of(book) == ["OCR-D-B", "OCR-D-IMG"]
    assert run_again(server, book, text) == Done({}, 6)
    # what is needed for something that has changed is made again
    assert run_again(server, book, two_steps("elsewhere") + "finish keep OCR-D-B\n") == Done(
        {"P1": 2, "P2": 2, "P3": 2}, 0
    )
    assert groups_of(book) == ["OCR-D-B", "OCR-D-IMG"]


def test_a_group_that_is_dropped_goes_from_the_pages_of_the_run(server: Server, book: Path) -> None:
    run(server, book, two_steps())
    run(server, book, two_steps() + "finish drop OCR-D-A\n", page_id="P1,P2")
    groups, _, _ = state_of(book)
    assert (len(groups["OCR-D-A"]), len(groups["OCR-D-B"])) == (1, 3)


def test_what_offizin_has_not_made_stays_on_disk(server: Server, book: Path) -> None:
    run(server, book, two_steps() + "finish drop OCR-D-IMG\n")
    groups, _, there = state_of(book)
    assert "OCR-D-IMG" not in groups
    assert "OCR-D-IMG/IMG_1.png" in there


@pytest.mark.stock_file
def test_a_group_is_renamed_with_its_files(server: Server, book: Path) -> None:
    text = two_steps() + "finish keep OCR-D-B\nfinish rename OCR-D-B FULLTEXT\n"
    run(server, book, text)
    assert groups_of(book) == ["FULLTEXT", "OCR-D-IMG"]
    groups, _, _ = state_of(book)
    assert all(file_id.startswith("FULLTEXT") for file_id in groups["FULLTEXT"])
    assert sorted(content(book, "FULLTEXT")) == ["P1", "P2", "P3"]
    assert run_again(server, book, text) == Done({}, 6)
    before = content(book, "FULLTEXT")
    changed = two_steps("elsewhere") + "finish keep OCR-D-B\nfinish rename OCR-D-B FULLTEXT\n"
    assert run_again(server, book, changed) == Done({"P1": 2, "P2": 2, "P3": 2}, 0)
    assert groups_of(book) == ["FULLTEXT", "OCR-D-IMG"]
    assert all(now != before[page] for page, now in content(book, "FULLTEXT").items())


def test_a_finished_run_is_undone_whole(server: Server, book: Path) -> None:
    before = state_of(book)
    run_id = run(server, book, two_steps() + "finish keep OCR-D-B\nfinish rename OCR-D-B FULLTEXT\n")
    undo(server, run_id)
    assert state_of(book) == before
    assert run_again(server, book, two_steps()) == Done({"P1": 2, "P2": 2, "P3": 2}, 0)


def test_a_run_with_failures_leaves_all_groups(server: Server, book: Path) -> None:
    text = "scripted -I OCR-D-IMG -O OCR-D-A -P mode fail -P where P2\ndummy -I OCR-D-A -O OCR-D-B\n"
    submitted = server.run_workflow(book, text + "finish keep OCR-D-B\n", page_wise=True)
    assert server.wait_for_run(submitted["job_id"]) == "FAILED"
    assert groups_of(book) == ["OCR-D-A", "OCR-D-B", "OCR-D-IMG"]


@pytest.mark.only("embedded", because="the fault point is in the server's own process")
def test_a_finish_that_was_cut_short_is_completed_by_the_next_start(
    own_place: Place, book: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OFFIZIN_FAULT", "finish: after commit")
    server = own_place.server()
    monkeypatch.delenv("OFFIZIN_FAULT")
    text = two_steps() + "finish keep OCR-D-B\nfinish rename OCR-D-B FULLTEXT\n"
    run_id = server.run_workflow(book, text, page_wise=True)["job_id"]
    server.ended()
    server = own_place.server()
    assert server.wait_for_run(run_id) == "SUCCESS"
    assert groups_of(book) == ["FULLTEXT", "OCR-D-IMG"]
    assert run_again(server, book, text) == Done({}, 6)
    assert server.stop() == 0


@pytest.mark.parametrize("line", ["keep OCR-D-X", "drop OCR-D-X", "rename OCR-D-B OCR-D-IMG", "keep OCR-D-IMG"])
def test_finish_lines_that_cannot_be_meant_are_refused(server: Server, book: Path, line: str) -> None:
    answer = server.client.post(
        "/workflow/run",
        params={"mets_path": str(book)},
        files={"workflow": ("w.txt", two_steps() + f"finish {line}\n")},
    )
    assert answer.status_code in (400, 404, 422), answer.text
    assert "line 4" in json.dumps(answer.json())
