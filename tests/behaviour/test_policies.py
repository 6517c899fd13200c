"""Policies: what becomes of pages without output, with output already, and without input; page by page and on whole
books, over HTTP and as lines of a workflow."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ocrd_models import OcrdMets

from tests.behaviour.books import make_book
from tests.behaviour.plain_programs import write_plain_program
from tests.behaviour.processes import Server
from tests.behaviour.scripted_processors import write_processor
from tests.behaviour.sizes import Place

PAGES = 4
PLAIN = "misbehaving-plain"
BAD = "P3"
ALL = {f"P{number}" for number in range(1, PAGES + 1)}
GOOD = ALL - {BAD}
_MISBEHAVING = """
    class Scripted(Described):
        def process_page_file(self, *files):
            mode, where, page = self.parameter["mode"], self.parameter["where"], files[0].pageId
            if page in where.split(","):
                if mode == "raise":
                    raise ValueError("no ink")
                if mode == "crash":
                    os.kill(os.getpid(), signal.SIGSEGV)
                if mode == "hang":
                    time.sleep(600)
                if mode == "nothing":
                    return
            super().process_page_file(*files)

        def process_page_pcgts(self, *pages, page_id=None):
            return OcrdPageResult(pages[0])
"""
_WHOLE = """
    class Scripted(Described):
        def process_workspace(self, workspace):
            super().process_workspace(workspace)

        def process_page_file(self, *files):
            if files[0].pageId in self.parameter["where"].split(","):
                raise ValueError("no ink")
            super().process_page_file(*files)

        def process_page_pcgts(self, *pages, page_id=None):
            return OcrdPageResult(pages[0])
"""
_READER = """
    from ocrd_models.ocrd_page import CoordsType, TextEquivType, TextLineType, TextRegionType, WordType

    class Scripted(Described):
        def process_page_pcgts(self, *pages, page_id=None):
            page, coords = pages[0].get_Page(), CoordsType(points="0,0 1,0 1,1")
            if page_id in self.parameter["where"].split(","):
                return OcrdPageResult(pages[0])
            region = TextRegionType(id="r", Coords=coords)
            line = TextLineType(id="l", Coords=coords)
            for number, conf in enumerate((0.75, 0.25)):
                word = WordType(id=f"w{number}", Coords=coords)
                word.add_TextEquiv(TextEquivType(Unicode="ink", conf=conf))
                line.add_Word(word)
            region.add_TextLine(line)
            page.add_TextRegion(region)
            return OcrdPageResult(pages[0])

    if "own" in sys.argv[0]:  # writes its PAGE by itself
        class Scripted(Scripted):
            def process_page_file(self, file):
                name = self.output_file_grp + "/" + file.pageId + ".xml"
                os.makedirs(self.output_file_grp, exist_ok=True)
                space = "http://schema.primaresearch.org/PAGE/gts/pagecontent/2019-07-15"
                Path(name).write_text(f"<PcGts xmlns='{space}'><Page><TextRegion/></Page></PcGts>")
                self.workspace.add_file(self.output_file_grp, file_id="own_" + file.pageId, page_id=file.pageId,
                                        local_filename=name, mimetype="application/vnd.prima.page+xml")
"""
# What would turn failures into silence, if the administrator's environment counted.
_ENVIRONMENT = {
    "OCRD_MISSING_OUTPUT": "COPY",
    "OCRD_EXISTING_OUTPUT": "OVERWRITE",
    "OCRD_MISSING_INPUT": "ABORT",
    "OCRD_MAX_MISSING_OUTPUTS": "-1",
}


@pytest.fixture(scope="module")
def server(shared_place: Place) -> Iterator[Server]:
    write_processor(shared_place.processors, _MISBEHAVING, "ocrd-troubled")
    write_processor(shared_place.processors, _WHOLE, "ocrd-whole")
    write_processor(shared_place.processors, _READER, "ocrd-reader")
    write_processor(shared_place.processors, _READER, "ocrd-own-reader")
    write_plain_program(shared_place.processors)
    with pytest.MonkeyPatch.context() as patch:
        for name, value in _ENVIRONMENT.items():
            patch.setenv(name, value)
        running = shared_place.server()
        # one slot of each, whose runner stays warm
        names = ("dummy", "troubled", "whole", "reader", "own-reader", "misbehaving-plain")
        shared_place.staff([f"ocrd-{name}:1" for name in names])
    yield running
    assert running.stop() == 0


@pytest.fixture
def book(tmp_path: Path) -> Path:
    return make_book(tmp_path / "book", PAGES)


page_wise = pytest.mark.parametrize("page_wise", [True, False], ids=["page-wise", "whole book"])


def steps(mode: str = "raise", where: str = BAD, head: str = "", after: str = "", processor: str = "troubled") -> str:
    parameters = json.dumps({"mode": mode, "where": where})
    first = f"{processor} -I OCR-D-IMG -O OCR-D-OUT -p '{parameters}'"
    return f"{head}\n{first}\n{after}\ndummy -I OCR-D-OUT -O OCR-D-NEXT\n"


def pages_with(mets: Path, file_grp: str) -> set[str]:
    return {file.pageId for file in OcrdMets(filename=str(mets)).find_files(fileGrp=file_grp)}


def run(server: Server, mets: Path, workflow: str, **asked: Any) -> tuple[str, str]:
    run_id = server.run_workflow(mets, workflow, **asked)["job_id"]
    return run_id, server.wait_for_run(run_id)


def accounts(server: Server, run_id: str) -> list[tuple[int, int, int, int, int]]:
    names = ("pages_in", "pages_out", "missing", "skipped", "copied")
    return [tuple(step["account"][name] for name in names) for step in server.summary(run_id)["steps"]]  # type: ignore[misc]


def gaps(server: Server, run_id: str) -> set[tuple[int, str, str, str]]:
    found = server.client.get(f"/workflow/job/{run_id}/gaps").json()
    assert not found["more"]
    return {(gap["step"], gap["page_id"], gap["became"], gap["cause"]) for gap in found["gaps"]}


@page_wise
def test_without_policies_a_page_without_output_is_missing(server: Server, book: Path, page_wise: bool) -> None:
    run_id, state = run(server, book, steps(), page_wise=page_wise)
    assert state == "FAILED"
    assert accounts(server, run_id) == [(4, 3, 1, 0, 0), (4, 3, 1, 0, 0)]
    assert gaps(server, run_id) == {(0, BAD, "failed", "EXCEPTION"), (1, BAD, "cancelled", "NO_INPUT")}


@page_wise
@pytest.mark.parametrize(
    ("mode", "cause"), [("raise", "EXCEPTION"), ("nothing", "NO_OUTPUT"), ("crash", "CRASH"), ("hang", "TIMEOUT")]
)
def test_a_page_without_output_is_skipped_and_skipped_along(
    server: Server, book: Path, page_wise: bool, mode: str, cause: str
) -> None:
    text = steps(mode, head="policy on_missing_output=skip", after="policy page_timeout=3" if mode == "hang" else "")
    run_id, state = run(server, book, text, page_wise=page_wise)
    assert (state, pages_with(book, "OCR-D-OUT"), pages_with(book, "OCR-D-NEXT")) == ("SUCCESS", GOOD, GOOD)
    assert accounts(server, run_id) == [(4, 3, 0, 1, 0), (4, 3, 0, 1, 0)]
    assert gaps(server, run_id) == {(0, BAD, "skipped", cause), (1, BAD, "skipped", "NO_INPUT")}
    failed = [a["cause"] for job in _jobs(server, run_id) for a in server.details(job["job_id"])["attempts"]]
    assert set(failed) == {cause}


@page_wise
@pytest.mark.parametrize(("mode", "cause"), [("raise", "EXCEPTION"), ("crash", "CRASH")])
def test_the_input_is_copied_where_there_is_no_output(
    server: Server, book: Path, page_wise: bool, mode: str, cause: str
) -> None:
    asked = {"on_missing_output": "copy"}
    run_id, state = run(server, book, steps(mode), page_wise=page_wise, **asked)
    assert (state, pages_with(book, "OCR-D-OUT"), pages_with(book, "OCR-D-NEXT")) == ("SUCCESS", ALL, ALL)
    assert accounts(server, run_id) == [(4, 4, 0, 0, 1), (4, 4, 0, 0, 0)]
    assert gaps(server, run_id) == {(0, BAD, "copied", cause)}
    [copy] = OcrdMets(filename=str(book)).find_files(fileGrp="OCR-D-OUT", pageId=BAD)
    text = (book.parent / copy.local_filename).read_text()
    assert copy.ID in text
    assert '<mets:note xmlns:ocrd="https://ocr-d.de" ocrd:option="input-copied">P3</mets:note>' in book.read_text()
    assert "IMG_3.png" in text


def _jobs(server: Server, run_id: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = server.client.get("/processor/jobs", params={"run": run_id, "limit": 100}).json()[
        "jobs"
    ]
    return found


@page_wise
def test_a_processor_that_does_books_itself_is_held_to_the_same(server: Server, book: Path, page_wise: bool) -> None:
    run_id, state = run(server, book, steps(processor="whole"), page_wise=page_wise, on_missing_output="skip")
    assert (state, pages_with(book, "OCR-D-OUT")) == ("SUCCESS", GOOD)
    assert accounts(server, run_id)[0] == (4, 3, 0, 1, 0)
    shutil.rmtree(book.parent / "OCR-D-OUT")
    other = make_book(book.parent / "other", PAGES)
    run_id, state = run(server, other, steps(processor="whole"), page_wise=page_wise, on_missing_output="copy")
    assert (state, pages_with(other, "OCR-D-OUT")) == ("SUCCESS", ALL)


@page_wise
def test_so_many_pages_may_be_missing(server: Server, book: Path, tmp_path: Path, page_wise: bool) -> None:
    run_id, state = run(server, book, steps(), page_wise=page_wise, max_missing_outputs="25%")
    assert (state, pages_with(book, "OCR-D-NEXT")) == ("SUCCESS", GOOD)
    assert accounts(server, run_id) == [(4, 3, 1, 0, 0), (4, 3, 1, 0, 0)]
    other = make_book(tmp_path / "other", PAGES)
    run_id, state = run(server, other, steps(where="P2,P3"), page_wise=page_wise, max_missing_outputs=0.25)
    assert (state, pages_with(other, "OCR-D-NEXT")) == ("FAILED", {"P1", "P4"})


@page_wise
def test_too_many_skipped_pages_are_a_failure_all_the_same(server: Server, book: Path, page_wise: bool) -> None:
    asked = {"on_missing_output": "skip", "max_missing_outputs": 1}
    _, state = run(server, book, steps(where="P2,P3"), page_wise=page_wise, **asked)
    assert (state, pages_with(book, "OCR-D-NEXT")) == ("FAILED", {"P1", "P4"})


@page_wise
def test_what_is_there_already_is_left_made_anew_or_refused(server: Server, book: Path, page_wise: bool) -> None:
    text = "dummy -I OCR-D-IMG -O OCR-D-OUT\n"
    run(server, book, text, page_id="P1,P2")
    before = {path: path.stat().st_mtime_ns for path in (book.parent / "OCR-D-OUT").iterdir()}
    run_id, state = run(server, book, "policy on_existing_output=fail\n" + text, page_wise=page_wise)
    assert (state, pages_with(book, "OCR-D-OUT")) == ("FAILED", ALL)
    assert gaps(server, run_id) == {(0, "P1", "failed", "BAD_OUTPUT"), (0, "P2", "failed", "BAD_OUTPUT")}
    assert {path: path.stat().st_mtime_ns for path in before} == before
    run_id, state = run(server, book, text, page_wise=page_wise)
    assert (state, server.summary(run_id)["skipped"]) == ("SUCCESS", PAGES)
    run_id, state = run(server, book, text, page_wise=page_wise, on_existing_output="overwrite")
    assert state == "SUCCESS"
    assert all(path.stat().st_mtime_ns > then for path, then in before.items())


@page_wise
def test_pages_without_input_are_skipped_where_that_is_said(server: Server, book: Path, page_wise: bool) -> None:
    text = steps(after="dummy -I OCR-D-OUT -O OCR-D-SIDE\npolicy on_missing_input=skip")
    run_id, state = run(server, book, text, page_wise=page_wise)
    assert state == "FAILED"
    assert accounts(server, run_id) == [(4, 3, 1, 0, 0), (4, 3, 0, 1, 0), (4, 3, 1, 0, 0)]
    other = make_book(book.parent / "other", PAGES)
    run(server, other, "dummy -I OCR-D-IMG -O OCR-D-OUT\n", page_id="P1..P3")
    last = "dummy -I OCR-D-OUT -O OCR-D-NEXT\n"
    run_id, state = run(server, other, last, page_wise=page_wise, on_missing_input="skip")
    assert (state, accounts(server, run_id)) == ("SUCCESS", [(4, 3, 0, 1, 0)])


def test_what_is_asked_for_goes_before_the_head_and_the_line_of_a_step_before_both(server: Server, book: Path) -> None:
    text = steps(head="policy on_missing_output=skip page_timeout=77", after="policy page_timeout=99")
    run_id, state = run(server, book, text, on_missing_output="fail", page_timeout=88)
    assert state == "FAILED"
    said = [step["policies"] for step in server.summary(run_id)["steps"]]
    assert said == [
        {"on_missing_output": "fail", "page_timeout": 99},
        {"on_missing_output": "fail", "page_timeout": 88},
    ]


def test_jobs_by_themselves_have_policies_of_their_own_on_one_warm_runner(server: Server, book: Path) -> None:
    parameters = {"mode": "raise", "where": BAD}
    asked: list[tuple[dict[str, Any], str, set[str]]] = [
        ({}, "FAILED", GOOD),
        ({"on_missing_output": "skip"}, "SUCCESS", GOOD),
        ({"on_missing_output": "copy"}, "SUCCESS", ALL),
        ({"on_missing_output": "skip", "max_missing_outputs": 0}, "FAILED", GOOD),
        ({"max_missing_outputs": 1}, "SUCCESS", GOOD),
    ]
    ids = [
        server.run_job(book, "ocrd-troubled", output_file_grps=[f"OUT-{number}"], parameters=parameters, **policies)
        for number, (policies, _, _) in enumerate(asked)
    ]
    for number, (job, (_, state, pages)) in enumerate(zip(ids, asked, strict=True)):
        assert server.wait_for_job(job)["state"] == state
        assert pages_with(book, f"OUT-{number}") == pages
    for page_id in (BAD,):
        job = server.run_job(
            book, "ocrd-troubled", output_file_grps=["ALONE"], parameters=parameters, page_id=page_id,
            on_missing_output="skip",
        )  # fmt: skip
        assert server.wait_for_job(job)["state"] == "SUCCESS"
        details = server.details(job)
        assert (details["mark"], details["cause"], details["account"]["skipped"]) == ("skipped", "EXCEPTION", 1)


@page_wise
def test_programs_that_are_no_python_are_held_to_the_same(server: Server, book: Path, page_wise: bool) -> None:
    run_id, state = run(server, book, steps("exit", processor=PLAIN), page_wise=page_wise, on_missing_output="skip")
    assert (state, pages_with(book, "OCR-D-OUT")) == ("SUCCESS", GOOD)
    assert (0, BAD, "skipped", "EXIT") in gaps(server, run_id)
    again = f"policy on_existing_output=fail\n{steps(processor=PLAIN)}"
    run_id, state = run(server, book, again, page_wise=page_wise)
    assert state == "FAILED"
    assert {gap[1:] for gap in gaps(server, run_id) if gap[0] == 0} == {(p, "failed", "BAD_OUTPUT") for p in GOOD}
    other = make_book(book.parent / "other", PAGES)
    run_id, state = run(server, other, steps("exit", processor=PLAIN), page_wise=page_wise, on_missing_output="copy")
    assert (state, pages_with(other, "OCR-D-OUT")) == ("SUCCESS", ALL)
    [copy] = OcrdMets(filename=str(other)).find_files(fileGrp="OCR-D-OUT", pageId=BAD)
    assert (other.parent / copy.local_filename).read_bytes() == (other.parent / "OCR-D-IMG/IMG_3.png").read_bytes()


@page_wise
def test_words_lines_regions_and_confidence_are_counted_in_results(server: Server, book: Path, page_wise: bool) -> None:
    run_id, state = run(server, book, steps(processor="reader"), page_wise=page_wise)
    assert state == "SUCCESS"
    found = [step["recognised"] for step in server.summary(run_id)["steps"]]
    assert found == [{"regions": 3, "lines": 3, "words": 6, "confidence": 0.5}] * 2
    [first, *_] = _jobs(server, run_id)
    details = server.details(first["job_id"])
    one = {"regions": 1, "lines": 1, "words": 2, "confidence": 0.5}
    if page_wise:
        assert details["recognised"] == one
    else:
        assert {p["page_id"]: p["recognised"] for p in details["page_states"]} == {
            page: None if page == BAD else one for page in ALL
        }


def test_files_that_a_processor_writes_by_itself_are_counted_too(server: Server, book: Path) -> None:
    run_id, _ = run(server, book, "own-reader -I OCR-D-IMG -O OCR-D-OUT", page_wise=True)
    [step] = server.summary(run_id)["steps"]
    assert step["recognised"] == {"regions": 4, "lines": 0, "words": 0, "confidence": None}


def test_the_command_takes_policies_and_names_the_pages_that_are_missing(server: Server, book: Path) -> None:
    text = steps(after="reader -I OCR-D-OUT -O OCR-D-READ")
    (book.parent / "workflow.txt").write_text(text)
    command = [sys.executable, "-m", "offizin", "run", book, "-w", book.parent / "workflow.txt", "--server", server.url]
    ended = subprocess.run([*command, "--on-missing-output", "skip"], capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
    assert "3 of 4 pages came out of the last step" in ended.stdout
    skipped = "step 1 troubled: 1 of 4 pages are missing, because they were skipped: P3 (EXCEPTION: ValueError: no ink)"
    assert skipped in ended.stdout
    assert "Step 2 reader: 6 words in 3 lines in 3 regions, mean confidence 50 %" in ended.stdout
    ended = subprocess.run(
        [*command, "--overwrite", "--max-missing-outputs", "0", "--page-timeout", "60", "--json"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert ended.returncode == 1
    told = json.loads(ended.stdout)
    assert told["run"]["steps"][0]["policies"] == {
        "on_existing_output": "overwrite", "max_missing_outputs": 0, "page_timeout": 60,
    }  # fmt: skip
    assert {(gap["step"], gap["page_id"], gap["became"]) for gap in told["gaps"]} == {
        (0, BAD, "failed"), (1, BAD, "cancelled"), (2, BAD, "cancelled"),
    }  # fmt: skip
    status = [sys.executable, "-m", "offizin", "status", told["run"]["run_id"], "--server", server.url]
    ended = subprocess.run(status, capture_output=True, text=True, check=False)
    assert "step 1 troubled: 1 of 4 pages are missing, because they failed: P3" in ended.stdout


def test_what_is_no_policy_is_refused(server: Server, book: Path) -> None:
    asked = {"mets_path": str(book), "on_missing_output": "perhaps"}
    answer = server.client.post("/workflow/run", params=asked, files={"workflow": (None, steps())})
    assert answer.status_code == 422
    assert "on_missing_output: there is no 'perhaps'" in answer.json()["detail"]
    body = {"path_to_mets": str(book), "input_file_grps": ["OCR-D-IMG"], "max_missing_outputs": "some"}
    answer = server.client.post("/processor/run/ocrd-dummy", json=body)
    assert answer.status_code == 422
    assert "max_missing_outputs" in answer.json()["detail"]
