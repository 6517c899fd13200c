"""Somebody else writes mets.xml while it is open here: noticed, never overwritten, and brought together later."""

from __future__ import annotations

import json
import os
from itertools import islice
from pathlib import Path
from typing import Any

from tests.behaviour.conftest import Gate
from tests.behaviour.processes import Server
from tests.chaos.outcome import doubled_ids, missing_files

_FINAL = {"SUCCESS", "FAILED", "CANCELLED"}
THEIRS = '<mets:dmdSec ID="THEIRS"><mets:mdWrap MDTYPE="OTHER"/></mets:dmdSec>'
TWO_STEPS = "scripted -I OCR-D-IMG -O {group}-A -p '{parameters}'\ndummy -I {group}-A -O {group}-B"


def change(mets: Path, what: str = THEIRS) -> str:
    """As an editor would: read, change, write. What is in the file then."""
    text = mets.read_text().replace("<mets:fileSec>", what + "<mets:fileSec>", 1)
    mets.write_text(text)
    return text


def begin(server: Server, mets: Path, gate: Gate, group: str = "OURS") -> dict[str, Any]:
    """A page-wise run on P1 whose first step waits at the gate."""
    workflow = TWO_STEPS.format(group=group, parameters=json.dumps(gate.parameters))
    run = server.run_workflow(mets, workflow, page_wise=True, page_id="P1")
    server.wait_for(run["job_id"], job=run["processing_job_ids"]["P1"][0], state="RUNNING")
    return run


def state_at_end(server: Server, run: dict[str, Any], number: int = 1) -> str:
    """How the run ends for the first, the second … time."""
    ends = (
        str(change["state"])
        for event in server.events(after=0, run=run["job_id"])
        for change in event["changes"]
        if not change["job"] and change["state"] in _FINAL
    )
    return next(islice(ends, number - 1, None))


def retry(server: Server, run: dict[str, Any]) -> str:
    """The state of the run when it has ended for the second time."""
    answer = server.client.post(f"/workflow/job/{run['job_id']}/retry")
    assert answer.status_code == 200, answer.text
    return state_at_end(server, run, 2)


def assert_both_are_there(mets: Path, group: str = "OURS") -> None:
    text = mets.read_text()
    assert text.count('ID="THEIRS"') == 1
    assert f'ID="{group}-A_P1"' in text
    assert f'ID="{group}-B_P1"' in text
    assert doubled_ids(mets) == []
    assert missing_files(mets) == []


def test_a_changed_mets_is_left_alone_and_the_run_fails_aloud(server: Server, book: Path, gate: Gate) -> None:
    run = begin(server, book, gate)
    theirs = change(book)
    gate.open()
    assert state_at_end(server, run) == "FAILED"
    message = server.summary(run["job_id"])["message"]
    assert str(book) in message
    assert "changed by somebody else" in message
    assert book.read_text() == theirs
    assert {path.name for path in book.parent.iterdir()} == {"mets.xml", "OCR-D-IMG", "OURS-A", "OURS-B"}


def test_a_retry_brings_both_together_and_does_nothing_again(server: Server, book: Path, gate: Gate) -> None:
    run = begin(server, book, gate)
    change(book)
    gate.open()
    assert state_at_end(server, run) == "FAILED"
    assert retry(server, run) == "SUCCESS"
    assert_both_are_there(book)
    jobs = server.client.get("/processor/jobs", params={"run": run["job_id"]}).json()["jobs"]
    assert [(job["state"], job["attempt"]) for job in jobs] == [("SUCCESS", 1), ("SUCCESS", 1)]


def test_one_retry_is_enough_although_they_wrote_again(server: Server, book: Path, gate: Gate) -> None:
    run = begin(server, book, gate)
    change(book)
    gate.open()
    assert state_at_end(server, run) == "FAILED"
    # another job opens the workspace as it is now, and then they write once more
    other = server.run_job(book, output_file_grps=["OTHER"])
    assert server.wait_for_job(other)["state"] == "SUCCESS"
    change(book, '<mets:dmdSec ID="AGAIN"><mets:mdWrap MDTYPE="OTHER"/></mets:dmdSec>')
    assert retry(server, run) == "SUCCESS"
    assert_both_are_there(book)
    assert book.read_text().count('ID="AGAIN"') == 1


def test_another_run_on_the_same_book_goes_on(server: Server, book: Path, gate: Gate) -> None:
    """Its first step is at work while the end of the other run is refused; its second step reads what that makes."""
    other_gate = Gate(gate.path.with_name("other gate"))
    os.mkfifo(other_gate.path)
    ours, other = begin(server, book, gate), begin(server, book, other_gate, "OTHER")
    change(book)
    other_gate.open()
    assert state_at_end(server, other) == "FAILED"
    gate.open()
    assert state_at_end(server, ours) == "SUCCESS"
    assert_both_are_there(book)
    assert retry(server, other) == "SUCCESS"
    assert_both_are_there(book, "OTHER")


def test_a_mets_that_is_gone_is_not_made_anew(server: Server, book: Path, gate: Gate) -> None:
    run = begin(server, book, gate)
    aside = book.rename(book.parent.parent / "aside.xml")
    gate.open()
    assert state_at_end(server, run) == "FAILED"
    assert str(book) in server.summary(run["job_id"])["message"]
    assert not book.exists()
    aside.rename(book)
    assert retry(server, run) == "SUCCESS"
    assert 'ID="OURS-B_P1"' in book.read_text()
