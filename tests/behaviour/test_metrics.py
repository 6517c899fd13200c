"""GET /metrics tells what was done."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from offizin.metrics import DESCRIBED
from tests.behaviour.conftest import Server
from tests.behaviour.sizes import Place


def told(url: str, teller: str = "server") -> dict[tuple[str, ...], float]:
    """Values by the name of the sample and its labels; without the buckets of histograms."""
    answer = httpx.get(f"{url}/metrics")
    assert answer.headers["content-type"].startswith("text/plain")
    found: dict[tuple[str, ...], float] = {}
    for family in text_string_to_metric_families(answer.text):
        described = DESCRIBED.get(family.name) or DESCRIBED[f"{family.name}_total"]
        assert described.kind == family.type
        assert teller in described.tellers
        for sample in family.samples:
            if "le" not in sample.labels:
                found[sample.name, *(sample.labels[label] for label in described.labels)] = sample.value
    return found


def test_what_was_done_is_counted(server: Server, book: Path) -> None:
    """Compared with before: the server is shared."""
    before = told(server.url)

    def more(*name: str) -> float:
        return after.get(name, 0.0) - before.get(name, 0.0)

    run = server.run_workflow(book, "dummy -I OCR-D-IMG -O A\ndummy -I A -O B\n", page_wise=True)["job_id"]
    assert server.wait_for_run(run) == "SUCCESS"
    parameters = {"mode": "fail", "where": "P2"}
    server.wait_for_job(server.run_job(book, "ocrd-scripted", parameters=parameters))
    after = told(server.url)
    assert more("offizin_jobs_submitted_total", "ocrd-dummy") == 6
    assert more("offizin_jobs_ended_total", "ocrd-dummy", "SUCCESS") == 6
    assert more("offizin_jobs_ended_total", "ocrd-scripted", "FAILED") == 1
    assert more("offizin_pieces_ended_total", "ocrd-dummy", "SUCCESS") == 6
    assert more("offizin_pages_failed_total", "ocrd-scripted", "EXCEPTION") == 1
    assert more("offizin_piece_seconds_count", "ocrd-dummy") == 6
    assert more("offizin_piece_seconds_sum", "ocrd-dummy") > 0
    assert more("offizin_mets_saves_total") >= 2
    assert more("offizin_database_transaction_seconds_count", "synced") >= 2
    assert more("offizin_cpu_seconds_total") > 0
    assert after["offizin_pieces_in_flight", "ocrd-dummy"] == 0
    assert after["offizin_window", "ocrd-dummy"] >= 2


def test_what_is_open_is_told(server: Server, book: Path) -> None:
    server.client.put("/pauses/processor/ocrd-scripted")
    job = server.run_job(book, "ocrd-scripted", parameters={"mode": "", "where": ""}, output_file_grps=["C"])
    while (found := told(server.url)).get(("offizin_jobs", "ocrd-scripted", "ready")) != 1:
        pass  # counts may be kept for a moment
    assert (found["offizin_runs_live",], found["offizin_jobs_open",]) == (1, 1)
    assert found["offizin_paused", "processor", "ocrd-scripted"] == 1
    server.client.delete("/pauses/processor/ocrd-scripted")
    assert server.wait_for_job(job)["state"] == "SUCCESS"


@pytest.mark.only("cluster", because="slots of a server tell nothing by themselves")
def test_a_worker_tells_of_itself(own_place: Place, book: Path) -> None:
    server = own_place.server()
    worker = own_place.worker(["ocrd-dummy:2"], options=["--metrics", "127.0.0.1:0"])
    url = worker.wait_until_it_says(r"GET /metrics is answered at (\S+)")[1]
    worker.begun()
    assert server.wait_for_job(server.run_job(book, page_id="P1"))["state"] == "SUCCESS"
    found = told(url, "worker")
    assert found["offizin_piece_seconds_count", "ocrd-dummy"] == 1
    assert found["offizin_worker_slots", "ocrd-dummy"] == 2
    assert found["offizin_worker_pieces", "ocrd-dummy"] == 0
    assert found["offizin_runners", "ocrd-dummy", "idle"] == 1
    assert found["offizin_runners_resident_bytes", "ocrd-dummy"] > 1e6
    assert found["offizin_worker_lease_seconds",] > 0
    assert (found["offizin_worker_sessions_total",], found["offizin_worker_paused",]) == (1, 0)
    assert server.stop() == 0
