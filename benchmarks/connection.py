"""The least a client can be: one connection that is kept open, so that it is the server that is measured."""

from __future__ import annotations

import http.client
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import msgspec

FINAL = ("SUCCESS", "FAILED", "CANCELLED")
PATIENCE = 1800.0

_BOUNDARY = "a-workflow"
# Servers close connections that are idle for some seconds.
_IDLE = 2.0


class _Change(msgspec.Struct):
    run: str
    job: str
    state: str


class _Changes(msgspec.Struct):
    changes: list[_Change]


@dataclass(frozen=True, slots=True)
class Submitted:
    run_id: str
    seconds: float


class Connection:
    """``patience``: seconds without an answer after which TimeoutError is raised."""

    def __init__(self, host: str, port: int, patience: float = PATIENCE) -> None:
        self._http = http.client.HTTPConnection(host, port, timeout=patience)
        self._used_at = 0.0

    def close(self) -> None:
        self._http.close()

    def ask(self, method: str, path: str, body: bytes = b"", content_type: str = "application/json") -> Any:
        """Raises SystemExit with what the server says when it refuses."""
        return msgspec.json.decode(self._asked(method, path, body, content_type))

    def tell(self, method: str, path: str) -> None:
        """As ``ask``, where the answer does not matter."""
        self._asked(method, path)

    def jobs_ended(self) -> int:
        """How many the server has ended since it started."""
        lines = self._asked("GET", "/metrics").decode().splitlines()
        return sum(int(float(line.split()[-1])) for line in lines if line.startswith("offizin_jobs_ended_total{"))

    def _asked(self, method: str, path: str, body: bytes = b"", content_type: str = "") -> bytes:
        if time.monotonic() - self._used_at > _IDLE:
            self._http.close()
        self._http.request(method, path, body, {"Content-Type": content_type} if body else {})
        response = self._http.getresponse()
        answer = response.read()
        self._used_at = time.monotonic()
        if response.status >= 400:
            raise SystemExit(f"{method} {path}: {response.status} {answer.decode(errors='replace')}")
        return answer

    def submit(self, mets: Path, workflow: str, *, pages: str = "", page_wise: bool = True, **more: Any) -> Submitted:
        """POST /workflow/run, and how long its answer took."""
        given = {"mets_path": str(mets), "page_wise": page_wise, **({"page_id": pages} if pages else {}), **more}
        form = (
            f'--{_BOUNDARY}\r\nContent-Disposition: form-data; name="workflow"; filename="workflow.txt"\r\n'
            f"Content-Type: text/plain\r\n\r\n{workflow}\r\n--{_BOUNDARY}--\r\n"
        )
        path = f"/workflow/run?{urlencode(given)}"
        begin = time.perf_counter()
        answer = self.ask("POST", path, form.encode(), f"multipart/form-data; boundary={_BOUNDARY}")
        return Submitted(answer["job_id"], time.perf_counter() - begin)

    def state_of(self, run_id: str) -> str:
        return str(self.ask("GET", f"/workflow/job-simple/{run_id}")["state"])

    def wait_by_asking(self, run_id: str, every: float) -> str:
        """Ask for the simple state until it is final. Any server of the OCR-D Web API can be asked so."""
        while (state := self.state_of(run_id)) not in FINAL:
            time.sleep(every)
        return state

    @contextmanager
    def events(self) -> Iterator[Events]:
        """Uses the connection up."""
        self._http.request("GET", "/events")
        response = self._http.getresponse()
        events = Events(response)
        events.next_block()  # a comment: from here on nothing is missed
        try:
            yield events
        finally:
            response.close()
            self._http.close()


class Events:
    """GET /events as it comes. Only changes of runs are decoded: the client shall cost next to nothing."""

    def __init__(self, response: http.client.HTTPResponse) -> None:
        self._response = response
        self._waiting = b""
        self._ended: dict[str, str] = {}

    def wait_for_end(self, run_id: str) -> str:
        """The state in which the run ended."""
        while run_id not in self._ended:
            block = self.next_block()
            if b'"job":""' in block:
                data = block.partition(b"data: ")[2]
                for change in msgspec.json.decode(data, type=_Changes).changes:
                    if not change.job and change.state in FINAL:
                        self._ended[change.run] = change.state
        return self._ended.pop(run_id)

    def next_block(self) -> bytes:
        while b"\n\n" not in self._waiting:
            part = self._response.read1(1 << 20)
            if not part:
                raise SystemExit("the server ended its events")
            self._waiting += part
        block, _, self._waiting = self._waiting.partition(b"\n\n")
        return block


def split_between(before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, tuple[int, float]]:
    """From two answers of GET /healthz: how often each part was done between them, and its seconds."""
    earlier = {timing["part"]: timing for timing in before["timings"]}
    found = {}
    for timing in after["timings"]:
        part = timing["part"]
        was = earlier.get(part, {"count": 0, "seconds": 0.0})
        found[part] = (timing["count"] - was["count"], timing["seconds"] - was["seconds"])
    return found
