"""Our answers beside the recorded ones of the reference (tests/behaviour/reference_requests.py)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.behaviour.books import make_book
from tests.behaviour.processes import Server
from tests.behaviour.reference_requests import REQUESTS, Request, prepare, recorded

HERE = Path(__file__).parent
RECORDED: dict[str, Any] = json.loads((HERE / "reference_answers.json").read_text())["answers"]
COMPATIBILITY = HERE.parents[1] / "docs" / "compatibility.md"

# Where we answer with another status on purpose. docs/compatibility.md has the reasons, under these names.
DIFFERENT = {
    "job without output group": 422,
    "job on missing input group": 422,
    "job on an unknown page": 422,
    "job that depends on an unknown one": 422,
    "job with a callback that is no URL": 422,
    "job on a METS that is none": 422,
    "result of a known job": 200,
    "upload workflow as text": 201,
    "upload workflow that is no UTF-8": 422,
    "upload workflow with a comment": 201,
    "run empty workflow": 422,
    "run workflow that is no UTF-8": 422,
    "run workflow page-wise on unknown page": 422,
    "run workflow of text": 200,
    "run workflow on a METS that is none": 422,
    "METS server request without a body": 422,
    "METS server: an answer of an unknown kind": 422,
    "METS server: an unknown method": 422,
    "METS server: data of an unknown kind": 422,
    "METS server: no workspace": 422,
    "METS server: text as JSON": 422,
    "METS server: a workspace that is not there": 404,
}
# What a METS server refuses: all of it is one line there.
REFUSED = {
    name: 400 for name, answer in RECORDED.items() if isinstance(answer["body"], dict) and "error" in answer["body"]
}


@pytest.fixture(scope="module")
def known(server: Server, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    known = prepare(server.client, tmp_path_factory.mktemp("books"))
    server.wait_for_job(known["job"])
    server.wait_for_run(known["run"])
    return known


@pytest.mark.parametrize("request_", REQUESTS, ids=lambda request: request.name)
def test_answers_as_the_reference_does(request_: Request, server: Server, known: dict[str, str]) -> None:
    theirs = RECORDED[request_.name]
    ours = request_.send(server.client, known)
    assert ours.status_code == {**DIFFERENT, **REFUSED}.get(request_.name, theirs["status"]), ours.text
    if ours.status_code >= 400:
        _assert_error(ours, theirs)
    elif theirs["status"] == ours.status_code:
        _assert_same_shape(ours, theirs)


# What the reference has no words for, and where it says more.
_OTHER_WORDS = ("an ID that is none", "an unknown page", "half an agent")


@pytest.mark.only("embedded", because="it is the same protocol everywhere")
def test_a_mets_server_answers_word_for_word(server: Server, tmp_path: Path) -> None:
    known = {"directory": str(tmp_path), "shelf": str(make_book(tmp_path / "shelf", 3).parent)}
    for request in (each for each in REQUESTS if each.name.startswith("METS server: ")):
        ours = recorded(request.send(server.client, known), known)["body"]
        theirs = RECORDED[request.name]["body"]
        if request.name in REFUSED and not request.name.endswith(_OTHER_WORDS):
            assert ours["error"] == theirs["error"]
        elif request.name not in DIFFERENT and request.name not in REFUSED:
            assert ours == theirs


def _assert_error(ours: httpx.Response, theirs: dict[str, Any]) -> None:
    assert ours.status_code == 501 or ours.status_code < 500
    body = ours.json()
    assert {"detail", "code", "hint"} <= body.keys()
    assert all(isinstance(body[key], str) for key in ("detail", "code", "hint"))
    if isinstance(theirs["body"], dict) and "status_code" in theirs["body"]:
        assert body["status_code"] == theirs["body"]["status_code"]
        assert body["message"] == body["detail"]
        assert body["data"] is None


def _assert_same_shape(ours: httpx.Response, theirs: dict[str, Any]) -> None:
    if theirs["content_type"] != "application/json":
        assert ours.headers["content-type"].startswith("text/plain")
        return
    assert _shape(ours.json(), theirs["body"]) == _shape(theirs["body"], theirs["body"])


# The reference does not know the log's path of a job that has not begun, and has its own copy of ocrd-tool.json.
_MORE = {"log_file_path", "resource_locations", "cacheable"}


def _shape(body: Any, theirs: Any) -> Any:
    """Keys and types; what is a state may differ, what is ours in addition is left out."""
    if isinstance(body, dict):
        return {key: _shape(value, theirs.get(key)) for key, value in body.items() if key in theirs or key not in _MORE}
    if isinstance(body, list):
        return [_shape(value, None if not isinstance(value, dict) else value) for value in body[:1]]
    return type(body).__name__


def test_the_documentation_names_each_difference() -> None:
    text = COMPATIBILITY.read_text()
    assert set(DIFFERENT) <= RECORDED.keys()
    assert [name for name in [*DIFFERENT, "METS server: what is refused"] if f"| {name} |" not in text] == []


def test_every_recorded_answer_has_its_request() -> None:
    assert {request.name for request in REQUESTS} == RECORDED.keys()
