"""One home, many servers: each is killed, the last one may finish."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from tests.chaos import outcome
from tests.chaos.callback_receiver import CallbackReceiver
from tests.chaos.in_flight import InFlight, look_at_what_is_left
from tests.chaos.orders import BOOKS, ORDERS, Order, make_books
from tests.chaos.outcome import Outcome
from tests.chaos.server import Server

FINAL = ("SUCCESS", "FAILED", "CANCELLED")
# A batch has some eighty jobs.
ENOUGH_JOBS = 60
# The whole rest of the work, with everybody else on this machine.
FINISH_SECONDS = 90.0

# What a client sees of a server that dies.
Gone = (httpx.NetworkError, httpx.RemoteProtocolError)


@dataclass
class Batch:
    """``accepted``: names of the orders of which a server has said that they are taken or cancelled."""

    number: int
    directory: Path
    submitted: set[str] = field(default_factory=set)
    cancelled: bool = False

    def label(self, order: Order) -> str:
        return f"{self.number} {order.name}"


class Ordeal:
    """Everything under ``directory``. ``with ordeal.server() as server`` is one life.

    ``save_interval``: seconds between saves in the middle of runs. These last a second or two; by default each METS is
    saved at their ends only.
    """

    def __init__(self, directory: Path, processors: Path, save_interval: float = 10.0) -> None:
        directory.mkdir()
        self.directory = directory
        self.home = directory / "home"
        self.mark = str(uuid.uuid4())
        self.lives = 0
        self.batches: list[Batch] = []
        self._runs: dict[str, dict[str, Any]] = {}  # that were seen, by id
        self.receiver = CallbackReceiver()
        self._processors = processors
        self._save_interval = save_interval

    @contextmanager
    def server(self, fault: str = "") -> Iterator[Server]:
        self.lives += 1
        server = Server(
            self.home, self._processors, self.mark, self.directory / "server.log",
            save_interval=self._save_interval, fault=fault,
        )  # fmt: skip
        try:
            yield server
        finally:
            if server.process.poll() is None:
                server.kill_everything()

    def new_batch(self) -> Batch:
        number = len(self.batches) + 1
        batch = Batch(number, self.directory / f"batch-{number}")
        make_books(batch.directory)
        self.batches.append(batch)
        return batch

    def need_work(self) -> None:
        """A new batch of runs, unless there is about as much to do already."""
        if self.in_flight().open_jobs < ENOUGH_JOBS:
            self.new_batch()

    def in_flight(self) -> InFlight:
        """What the last server, which is dead, was in the middle of."""
        return look_at_what_is_left(self.home)

    # What is asked of a server

    def submit_what_is_left(self, server: Server) -> bool:
        """All orders that no server has taken yet, and the cancellations; False when the server dies over it."""
        try:
            with httpx.Client(base_url=server.url, timeout=FINISH_SECONDS) as client:
                known = self._known(client)
                for batch in self.batches:
                    for order in ORDERS:
                        if batch.label(order) not in known and order.name not in batch.submitted:
                            self._submit(client, batch, order)
                        batch.submitted.add(order.name)
                    if not batch.cancelled:
                        self._cancel(client, batch)
                        batch.cancelled = True
        except Gone:
            return False
        return True

    def _known(self, client: httpx.Client, *, as_they_are_now: bool = False) -> dict[str, dict[str, Any]]:
        """All runs by their labels; only what is new is asked for, unless their states matter. One that the server took
        and could not tell of must be among them, once."""
        if as_they_are_now:
            self._runs.clear()
        earlier: dict[str, Any] = {}
        while True:
            answer = client.get("/workflow/jobs", params={"limit": 50, **earlier}).raise_for_status().json()
            new = [run for run in answer["runs"] if run["run_id"] not in self._runs]
            self._runs.update((run["run_id"], run) for run in new)
            if answer["next"] is None or not new:
                break
            earlier = {"before": answer["next"]}
        found: dict[str, dict[str, Any]] = {}
        for run in self._runs.values():
            assert run["description"] not in found, f"{run['description']} was taken twice"
            found[run["description"]] = run
        return found

    def _submit(self, client: httpx.Client, batch: Batch, order: Order) -> None:
        mets, label = str(batch.directory / order.book / "mets.xml"), batch.label(order)
        if order.by_itself:
            body = {
                "path_to_mets": mets, "input_file_grps": ["OCR-D-IMG"], "output_file_grps": [order.workflow],
                "description": label, "callback_url": self.receiver.url + label,
            }  # fmt: skip
            answer = client.post("/processor/run/ocrd-dummy", json=body)
            assert answer.is_success, answer.text
            return
        answer = client.post(
            "/workflow/run",
            params={
                "mets_path": mets, "page_wise": order.page_wise, "overwrite": order.overwrite, "description": label,
                "workflow_callback_url": self.receiver.url + label,
            },
            data={"workflow": order.workflow},
        )  # fmt: skip
        assert answer.is_success, answer.text

    def _cancel(self, client: httpx.Client, batch: Batch) -> None:
        known = self._known(client)
        for order in ORDERS:
            if order.cancelled:
                answer = client.delete(f"/workflow/job/{known[batch.label(order)]['run_id']}")
                assert answer.is_success or answer.status_code == 409, answer.text

    @staticmethod
    def until(
        server: Server,
        enough: Callable[[list[dict[str, Any]]], bool],
        after: int | None = None,
        patience: float = FINISH_SECONDS,
    ) -> bool:
        """Follow the server's events, from number ``after`` or from now, until the changes since are enough.

        False when it died before, or said nothing for ``patience`` seconds.
        """
        seen: list[dict[str, Any]] = []
        parameters = {} if after is None else {"after": after}
        try:
            with httpx.stream("GET", f"{server.url}/events", params=parameters, timeout=patience) as answer:
                if enough(seen):
                    return True
                for line in answer.iter_lines():
                    if line.startswith("data: "):
                        seen += json.loads(line.removeprefix("data: "))["changes"]
                        if enough(seen):
                            return True
        except (*Gone, httpx.ReadTimeout):
            pass
        return False

    def finish(self, server: Server) -> None:
        """Wait until every run has ended and was called back, then end the server in good order."""
        assert self.submit_what_is_left(server), server.said
        with httpx.Client(base_url=server.url, timeout=FINISH_SECONDS) as client:
            known = self._known(client, as_they_are_now=True)
        labels = {batch.label(order) for batch in self.batches for order in ORDERS}
        assert known.keys() == labels, f"runs are missing: {labels - known.keys()}"
        run_ids = {run["run_id"] for run in known.values()}

        def all_ended(changes: list[dict[str, Any]]) -> bool:
            return run_ids <= {c["run"] for c in changes if not c["job"] and c["state"] in FINAL}

        assert self.until(server, all_ended, after=0), server.said
        assert not (silent := self.receiver.wait_for(labels, within=30)), f"not called back: {silent}"

    def outcomes(self, server: Server) -> list[Outcome]:
        """How each batch has ended; asked of the server that runs, before it ends."""
        with httpx.Client(base_url=server.url, timeout=FINISH_SECONDS) as client:
            known = self._known(client, as_they_are_now=True)
            names = {run["run_id"]: label.partition(" ")[2] for label, run in known.items()}
            return [self._outcome(client, batch, known, names) for batch in self.batches]

    def _outcome(
        self, client: httpx.Client, batch: Batch, known: dict[str, dict[str, Any]], names: dict[str, str]
    ) -> Outcome:
        states: dict[str, str] = {}
        for order in ORDERS:
            run = known[batch.label(order)]
            states[order.name] = run["state"]
            for job in client.get("/processor/jobs", params={"run": run["run_id"], "limit": 1000}).json()["jobs"]:
                key = f"{order.name} / {job['step']} / {job['page_id'] or 'all pages'}"
                assert key not in states, f"job {key} stands twice"
                states[key] = f"{job['state']} {job['cause']}"
                for page in client.get(f"/processor/job/{job['job_id']}/details").json()["page_states"]:
                    states[f"{key} / {page['page_id']}"] = f"{page['state']} {page['cause']}"
            for body in self.receiver.of(batch.label(order)):
                wanted = "SUCCESS" if run["state"] == "SUCCESS" else "FAILED"
                assert body["state"] == wanted, f"{batch.label(order)} called back {body}"
        mets: dict[str, str] = {}
        files: dict[str, str] = {}
        for book in BOOKS:
            path = batch.directory / book / "mets.xml"
            assert not (doubled := outcome.doubled_ids(path)), f"{path} has twice: {doubled}"
            assert not (missing := outcome.missing_files(path)), f"{path} names what is not there: {missing}"
            mets[book] = outcome.canonical_mets(path, names)
            files |= {f"{book}/{name}": digest for name, digest in outcome.digests(path.parent).items()}
        return Outcome(states, mets, files)
