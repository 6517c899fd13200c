"""Requests whose answers by the reference were recorded, so that ours can be compared.

Run as a program it records them anew, from a reference that runs on this machine with workers for ocrd-dummy::

    python -m tests.behaviour.reference_requests http://127.0.0.1:8100 3.13.3 > tests/behaviour/reference_answers.json
"""

from __future__ import annotations

import json
import re
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from tests.behaviour.books import make_book

DUMMY = "dummy -I OCR-D-IMG -O {fresh}"
UNKNOWN = "00000000-0000-0000-0000-000000000000"


@dataclass(frozen=True)
class Request:
    """``{mets}``, ``{job}`` and so on in paths and bodies are filled in from ``prepare``; ``{fresh}`` is a file group
    that nobody has used yet."""

    name: str
    method: str
    path: str
    params: dict[str, str] = field(default_factory=dict)
    json: Any = None
    content: bytes | None = None
    files: dict[str, bytes] = field(default_factory=dict)
    form: dict[str, str] = field(default_factory=dict)

    def send(self, client: httpx.Client, known: dict[str, str]) -> httpx.Response:
        def fill(value: Any) -> Any:
            match value:
                case str():
                    return re.sub(r"\{(\w+)\}", lambda found: known[found[1]], value)
                case bytes():
                    return fill(value.decode("latin-1")).encode("latin-1")
                case list():
                    return [fill(each) for each in value]
                case dict():
                    return {key: fill(each) for key, each in value.items()}
            return value

        known["fresh"] = "OCR-D-" + self.name.upper().replace(" ", "-")
        given: dict[str, Any] = {"params": fill(self.params)}
        if self.json is not None:
            given["json"] = fill(self.json)
        if self.content is not None:
            given |= {"content": self.content, "headers": {"Content-Type": "application/json"}}
        if self.files:
            given["files"] = {key: ("workflow.txt", fill(content)) for key, content in self.files.items()}
        if self.form:
            given["data"] = fill(self.form)
        return client.request(self.method, fill(self.path), **given)


def _run_job(name: str, **changes: Any) -> Request:
    body = {"path_to_mets": "{mets}", "input_file_grps": ["OCR-D-IMG"], "output_file_grps": ["{fresh}"], **changes}
    body = {key: value for key, value in body.items() if value is not ...}
    return Request(name, "POST", "/processor/run/ocrd-dummy", json=body)


def _run_workflow(name: str, text: str | bytes | None = DUMMY, **params: str) -> Request:
    content = text.encode() if isinstance(text, str) else text
    return Request(
        name, "POST", "/workflow/run", {"mets_path": "{mets}", **params},
        files={} if content is None else {"workflow": content},
    )  # fmt: skip


def _mets(
    name: str, method: str, url: str, expected: str = "dict", data: Any = None, workspace: str = "{shelf}", **more: Any
) -> Request:
    """As ocrd.mets_server.MpxReq wraps it."""
    body = {"workspace_path": workspace, "method_type": method, "response_type": expected, "request_url": url,
            "request_data": {} if data is None else data, **more}  # fmt: skip
    body = {key: value for key, value in body.items() if value is not ...}
    return Request(f"METS server: {name}", "POST", "/tcp_mets", json=body)


def _mets_file(name: str, **changes: Any) -> Request:
    form = {"file_grp": "OCR-D-NEW", "file_id": "NEW_1", "page_id": "P1", "mimetype": "text/xml", "url": None,
            "local_filename": "OCR-D-NEW/NEW_1.xml", **changes}  # fmt: skip
    return _mets(name, "POST", "file", "class", {"form": form})


AGENT = {"name": "me", "type": "OTHER", "role": "OTHER", "otherrole": None, "othertype": "SOFTWARE",
         "notes": [[{"option": "page-id"}, "P1"]]}  # fmt: skip

REQUESTS = [
    Request("home page", "GET", "/"),
    Request("no such route", "GET", "/nothing/here"),
    Request("no such method", "DELETE", "/processor"),
    Request("list processors", "GET", "/processor"),
    Request("processor info", "GET", "/processor/info/ocrd-dummy"),
    Request("info on unknown processor", "GET", "/processor/info/ocrd-unknown"),
    _run_job("job"),
    _run_job("job on pages", page_id="P1..P2"),
    _run_job("job with all fields", description="d", page_id="P1", parameters={"copy_files": True},
             result_queue_name="results", callback_url="http://127.0.0.1:9/done", depends_on=[]),
    _run_job("job with an unknown field", surprise=1),
    _run_job("job with an id", job_id=UNKNOWN),
    _run_job("job without METS", path_to_mets=...),
    _run_job("job with METS and workspace", workspace_id="w"),
    _run_job("job in unknown workspace", path_to_mets=..., workspace_id="w"),
    _run_job("job on missing METS", path_to_mets="{directory}/missing/mets.xml"),
    _run_job("job with unknown parameter", parameters={"surprise": 1}),
    _run_job("job with wrong parameter", parameters={"copy_files": "perhaps"}),
    _run_job("job without parameters", parameters=None),
    _run_job("job without input groups", input_file_grps=...),
    _run_job("job with a text for groups", input_file_grps="OCR-D-IMG"),
    _run_job("job that depends on a text", depends_on="job"),
    Request("job of unknown processor", "POST", "/processor/run/ocrd-unknown",
            json={"path_to_mets": "{mets}", "input_file_grps": ["OCR-D-IMG"], "output_file_grps": ["X"]}),
    Request("job without a body", "POST", "/processor/run/ocrd-dummy"),
    Request("job of broken JSON", "POST", "/processor/run/ocrd-dummy", content=b'{"path_to_mets": '),
    Request("job of a JSON list", "POST", "/processor/run/ocrd-dummy", json=[1]),
    _run_job("job without output group", output_file_grps=...),
    _run_job("job on missing input group", input_file_grps=["OCR-D-MISSING"]),
    _run_job("job on an unknown page", page_id="P99"),
    _run_job("job that depends on an unknown one", depends_on=[UNKNOWN]),
    _run_job("job with a callback that is no URL", callback_url="nowhere"),
    _run_job("job on a METS that is none", path_to_mets="{directory}/broken/mets.xml"),
    Request("job status", "GET", "/processor/job/{job}"),
    Request("status of unknown job", "GET", f"/processor/job/{UNKNOWN}"),
    Request("job log", "GET", "/processor/log/{job}"),
    Request("log of unknown job", "GET", f"/processor/log/{UNKNOWN}"),
    Request("result of a known job", "POST", "/result_callback",
            json={"job_id": "{job}", "state": "SUCCESS", "path_to_mets": "{mets}"}),
    Request("result of an unknown job", "POST", "/result_callback",
            json={"job_id": UNKNOWN, "state": "SUCCESS", "path_to_mets": "{mets}"}),
    Request("result in an unknown workspace", "POST", "/result_callback",
            json={"job_id": "{job}", "state": "SUCCESS", "workspace_id": "w"}),
    Request("result without a job", "POST", "/result_callback", json={"state": "SUCCESS"}),
    Request("result with a wrong state", "POST", "/result_callback", json={"job_id": "j", "state": "DONE"}),
    Request("upload workflow", "POST", "/workflow", files={"workflow": b"dummy -I OCR-D-IMG -O UPLOADED"}),
    Request("upload workflow again", "POST", "/workflow", files={"workflow": b"dummy -I OCR-D-IMG -O UPLOADED"}),
    Request("upload empty workflow", "POST", "/workflow", files={"workflow": b"\n"}),
    Request("upload broken workflow", "POST", "/workflow", files={"workflow": b"dummy -I OCR-D-IMG --surprise"}),
    Request("upload no workflow", "POST", "/workflow"),
    Request("upload workflow as text", "POST", "/workflow", form={"workflow": "dummy -I OCR-D-IMG -O AS-TEXT"}),
    Request("upload workflow in another field", "POST", "/workflow", files={"other": b"dummy -I OCR-D-IMG -O X"}),
    Request("upload workflow that is no UTF-8", "POST", "/workflow", files={"workflow": b"dummy -I OCR-D-\xff -O X"}),
    Request("upload workflow with a comment", "POST", "/workflow",
            files={"workflow": b"# a comment\ndummy -I OCR-D-IMG -O COMMENTED"}),
    Request("download workflow", "GET", "/workflow/{workflow}"),
    Request("download unknown workflow", "GET", f"/workflow/{UNKNOWN}"),
    Request("replace workflow", "PUT", "/workflow/{workflow}", files={"workflow": b"dummy -I OCR-D-IMG -O REPLACED"}),
    Request("replace by empty workflow", "PUT", "/workflow/{workflow}", files={"workflow": b""}),
    Request("replace by broken workflow", "PUT", "/workflow/{workflow}", files={"workflow": b"dummy --surprise"}),
    Request("replace unknown workflow", "PUT", f"/workflow/{UNKNOWN}", files={"workflow": b"dummy -I A -O B"}),
    Request("replace by nothing", "PUT", "/workflow/{workflow}"),
    _run_workflow("run workflow"),
    _run_workflow("run workflow page-wise", page_wise="True"),
    _run_workflow("run workflow on pages", page_id="P1..P2"),
    _run_workflow("run workflow page-wise on pages", page_id="P2,P3", page_wise="true"),
    _run_workflow("run stored workflow", None, workflow_id="{workflow}"),
    _run_workflow("run workflow of file and id", workflow_id="{other_workflow}"),
    _run_workflow("run unknown workflow", None, workflow_id=UNKNOWN),
    _run_workflow("run no workflow", None),
    _run_workflow("run workflow with callback", workflow_callback_url="http://127.0.0.1:9/done"),
    _run_workflow("run workflow on missing METS", mets_path="{directory}/missing/mets.xml"),
    _run_workflow("run empty workflow", "\n"),
    _run_workflow("run broken workflow", "dummy -I OCR-D-IMG --surprise"),
    _run_workflow("run workflow that is no UTF-8", b"dummy -I OCR-D-\xff -O {fresh}"),
    _run_workflow("run workflow of unknown processor", "unknown -I OCR-D-IMG -O {fresh}"),
    _run_workflow("run workflow on missing group", "dummy -I OCR-D-MISSING -O {fresh}"),
    _run_workflow("run workflow with wrong parameter", DUMMY + " -P surprise 1"),
    _run_workflow("run workflow page-wise on unknown page", page_id="P99", page_wise="true"),
    _run_workflow("run workflow page-wise perhaps", page_wise="perhaps"),
    Request("run workflow without METS", "POST", "/workflow/run", files={"workflow": DUMMY.encode()}),
    Request("run workflow of text", "POST", "/workflow/run", {"mets_path": "{mets}"}, form={"workflow": DUMMY}),
    _run_workflow("run workflow on a METS that is none", mets_path="{directory}/broken/mets.xml"),
    Request("run status", "GET", "/workflow/job/{run}"),
    Request("status of unknown run", "GET", f"/workflow/job/{UNKNOWN}"),
    Request("simple run status", "GET", "/workflow/job-simple/{run}"),
    Request("simple status of unknown run", "GET", f"/workflow/job-simple/{UNKNOWN}"),
    Request("METS server request without a body", "POST", "/tcp_mets"),
    _mets("pages", "GET", "physical_pages"),
    _mets("groups", "GET", "file_groups"),
    _mets("workspace", "GET", "workspace_path", "text"),
    _mets("identifier", "GET", "unique_identifier", "text"),
    _mets("find all files", "GET", "file", "class", {"params": {}}),
    _mets("find files", "GET", "file", "class", {"params": {"file_grp": "OCR-D-IMG", "page_id": "P1..P2"}}),
    _mets("find no files", "GET", "file", "class", {"params": {"file_grp": "OCR-D-NONE"}}),
    _mets("find by a broken pattern", "GET", "file", "class", {"params": {"file_grp": "//("}}),
    _mets("find on an unknown page", "GET", "file", "class", {"params": {"page_id": "P99"}}),
    _mets_file("add a file"),
    _mets_file("add it again"),
    _mets_file("add it by force", force=True),
    _mets_file("add a file of another page with its ID", page_id="P2"),
    _mets_file("add a file without an ID", file_id=None),
    _mets_file("add a file with an ID that is none", file_id="7"),
    _mets("find what was added", "GET", "file", "class", {"params": {"file_grp": "OCR-D-NEW"}}),
    _mets("add an agent", "POST", "agent", "class", {"class": AGENT}),
    _mets("add half an agent", "POST", "agent", "class", {"class": {"name": "me"}}),
    _mets("agents", "GET", "agent", "class"),
    _mets("save", "PUT", "", "text"),
    _mets("reload", "POST", "reload", "text"),
    _mets("text as JSON", "GET", "workspace_path", "dict"),
    _mets("nothing of an answer", "GET", "file_groups", "empty"),
    _mets("an answer of an unknown kind", "GET", "file_groups", "other"),
    _mets("an unknown method", "PATCH", "file"),
    _mets("an unknown route", "GET", "nothing"),
    _mets("data of an unknown kind", "GET", "file", "class", {"surprise": 1}),
    _mets("no workspace", "GET", "file_groups", workspace=...),
    _mets("a workspace that is not there", "GET", "file_groups", workspace="{directory}/missing"),
    _mets("stop", "DELETE", "", "text"),
    Request("zombies, to look only", "DELETE", "/kill_mets_server_zombies", {"dry_run": "true"}),
]  # fmt: skip


def prepare(client: httpx.Client, directory: Path) -> dict[str, str]:
    """Books, a job and a run that are over, a stored workflow: what the placeholders stand for."""
    known = {"directory": str(directory), "mets": str(make_book(directory / "book", 3))}
    known["shelf"] = str(make_book(directory / "shelf", 3).parent)
    (directory / "broken").mkdir()
    (directory / "broken" / "mets.xml").write_text("this is no METS")
    done = {"path_to_mets": known["mets"], "input_file_grps": ["OCR-D-IMG"], "output_file_grps": ["OCR-D-DONE"]}
    known["job"] = client.post("/processor/run/ocrd-dummy", json=done).json()["job_id"]
    for name in ("workflow", "other_workflow"):
        stored = {"workflow": (name, f"dummy -I OCR-D-IMG -O OCR-D-{name.upper()}")}
        known[name] = client.post("/workflow", files=stored).json()["workflow_id"]
    text = {"workflow": ("run.txt", b"dummy -I OCR-D-IMG -O OCR-D-RUN")}
    known["run"] = client.post("/workflow/run", params={"mets_path": known["mets"]}, files=text).json()["job_id"]
    return known


def client_of(server: str) -> httpx.Client:
    """One that opens a connection for each request: the reference closes idle ones without a word."""
    return httpx.Client(base_url=server, timeout=60, headers={"Connection": "close"})


def record(server: str, version: str) -> dict[str, Any]:
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as scratch, client_of(server) as client:
        known = prepare(client, Path(scratch))
        for _ in range(300):
            job = client.get(f"/processor/job/{known['job']}").json()
            run = client.get(f"/workflow/job-simple/{known['run']}").json()
            if job["state"] == run["state"] == "SUCCESS":
                break
            time.sleep(0.1)
        else:
            raise SystemExit("the reference has no worker for ocrd-dummy that works")
        groups = next(request for request in REQUESTS if request.name == "METS server: groups")
        while groups.send(client, known).status_code != 200:
            time.sleep(0.5)  # the METS server begins
        answers = {request.name: recorded(request.send(client, known), known) for request in REQUESTS}
    return {"version": version, "answers": answers}


def recorded(answer: httpx.Response, known: dict[str, str]) -> dict[str, Any]:
    """Without what differs from machine to machine and from time to time."""
    text = answer.text
    for name, value in known.items():
        text = text.replace(value, f"{{{name}}}")
    text = re.sub(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", "{id}", text)
    text = re.sub(r'"[^"]*/processing_jobs/', '"{logs}/', text)
    try:
        body = json.loads(text)
    except ValueError:
        body = text if len(text) < 100 else "..."
    if answer.status_code == 422 and "message" in body:
        body["message"] = body["message"].partition("  File ")[0]
    return {"status": answer.status_code, "content_type": answer.headers.get("content-type", ""), "body": body}


if __name__ == "__main__":
    json.dump(record(*sys.argv[1:3]), sys.stdout, indent=1, ensure_ascii=False, sort_keys=True)
