"""Events and logs: what is followed while it goes on."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx

from tests.behaviour.conftest import Gate
from tests.behaviour.processes import Server


def test_events_tell_each_change_of_a_run_once_and_in_order(server: Server, book: Path) -> None:
    run = server.run_workflow(book, "dummy -I OCR-D-IMG -O OCR-D-A\ndummy -I OCR-D-A -O OCR-D-B", page_wise=True)
    server.wait_for_run(run["job_id"])
    changes = []
    for event in server.events(after=0, run=run["job_id"]):
        changes += event["changes"]
        if changes[-1]["job"] == "" and changes[-1]["state"] == "SUCCESS":
            break
    assert {change["run"] for change in changes} == {run["job_id"]}
    ended = [change["job"] for change in changes if change["state"] == "SUCCESS" and change["job"]]
    assert sorted(ended) == sorted(job for jobs in run["processing_job_ids"].values() for job in jobs)
    for first, second in run["processing_job_ids"].values():
        assert ended.index(first) < ended.index(second)
    assert set(changes[0]) == {"run", "job", "step", "page", "state", "cause", "message"}


def test_events_go_on_after_the_one_that_was_seen_last(server: Server, book: Path) -> None:
    server.wait_for_job(server.run_job(book))
    numbers = _numbers(server, {"params": {"after": 0}}, 3)
    assert numbers == sorted(set(numbers))
    assert _numbers(server, {"params": {"after": numbers[0]}}, 2) == numbers[1:]
    assert _numbers(server, {"headers": {"Last-Event-ID": str(numbers[1])}}, 1) == numbers[2:]


def _numbers(server: Server, query: dict[str, dict[str, object]], count: int) -> list[int]:
    found: list[int] = []
    with server.client.stream("GET", "/events", **query) as answer:  # type: ignore[arg-type]
        for line in answer.iter_lines():
            if line.startswith("id: "):
                found.append(int(line.removeprefix("id: ")))
            if len(found) == count:
                break
    return found


def test_many_readers_hear_of_the_same_run(server: Server, book: Path) -> None:
    def read(client: httpx.Client) -> int:
        with client.stream("GET", "/events", params={"run": "all"}) as answer:
            lines = answer.iter_lines()
            return int(next(lines).removeprefix(": after "))

    begin = read(server.client)
    with ThreadPoolExecutor(8) as threads:
        heard = [threads.submit(_first_end, server, begin) for _ in range(8)]
        run = server.run_workflow(book, "dummy -I OCR-D-IMG -O OCR-D-A")
        assert {each.result(60) for each in heard} == {(run["job_id"], "SUCCESS")}


def _first_end(server: Server, after: int) -> tuple[str, str]:
    for event in server.events(after=after):
        for change in event["changes"]:
            if not change["job"] and change["state"] == "SUCCESS":
                return change["run"], change["state"]
    raise AssertionError("the stream ended")


def test_without_a_beginning_only_new_events_are_told(server: Server, book: Path) -> None:
    old = server.run_workflow(book, "dummy -I OCR-D-IMG -O OCR-D-OLD")["job_id"]
    server.wait_for_run(old)
    with server.client.stream("GET", "/events") as answer:
        lines = answer.iter_lines()
        next(lines)
        new = server.run_workflow(book, "dummy -I OCR-D-IMG -O OCR-D-NEW")["job_id"]
        told = next(line for line in lines if line.startswith("data: "))
    assert new in told
    assert old not in told


def test_a_log_is_followed_while_its_job_runs(server: Server, book: Path, gate: Gate) -> None:
    job_id = server.run_job(book, "ocrd-scripted", parameters=gate.parameters, page_id="P1")
    with server.client.stream("GET", f"/processor/log/{job_id}", params={"follow": True}) as answer:
        lines = answer.iter_lines()
        waiting = next(line for line in lines if line.startswith("waiting"))
        assert server.client.get(f"/processor/job/{job_id}").json()["state"] in ("QUEUED", "RUNNING")
        gate.open()
        rest = list(lines)
    assert waiting == "waiting \ufffd"
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    whole = server.client.get(f"/processor/log/{job_id}").text
    assert whole.splitlines()[-len(rest) :] == rest
    size = Path(server.wait_for_job(job_id)["log_file_path"]).stat().st_size
    assert server.client.get(f"/processor/log/{job_id}", params={"offset": size - 5}).text == whole[-5:]
    assert server.client.get(f"/processor/log/{job_id}", params={"offset": size + 5}).text == ""


def test_the_log_of_a_job_that_has_not_begun_is_empty(server: Server, book: Path, gate: Gate) -> None:
    first = server.run_job(book, "ocrd-scripted", parameters=gate.parameters, page_id="P1")
    second = server.run_job(book, output_file_grps=["OCR-D-SECOND"], page_id="P1", depends_on=[first])
    answer = server.client.get(f"/processor/log/{second}")
    assert (answer.status_code, answer.text) == (200, "")
    gate.open()
    server.wait_for_job(second)
