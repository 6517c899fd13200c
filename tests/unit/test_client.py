"""The client: answers become values, faults become the errors they stand for."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import httpx
import pytest

from offizin import errors
from offizin.client import Client, Order
from offizin.client.event_stream import ServerSentEvent, read_events
from offizin.errors import Conflict, InvalidRequest, NotFound, OffizinError, RunUnknown, Unavailable, WorkflowInvalid

Answer = Callable[[httpx.Request], httpx.Response]


def client(answer: Answer, url: str = "http://host:8000") -> Client:
    return Client(url, transport=httpx.MockTransport(answer))


def always(status: int, body: object) -> Answer:
    content = body if isinstance(body, str) else json.dumps(body)
    return lambda _: httpx.Response(status, text=content)


async def fault_of(answer: Answer) -> OffizinError:
    async with client(answer) as asking:
        with pytest.raises(OffizinError) as caught:
            await asking.run("r")
    return caught.value


def every_error(kind: type[OffizinError] = OffizinError) -> list[type[OffizinError]]:
    return [kind, *(found for below in kind.__subclasses__() for found in every_error(below))]


@pytest.mark.parametrize("kind", [kind for kind in every_error() if kind.__module__ == errors.__name__])
async def test_an_error_comes_back_as_what_it_was(kind: type[OffizinError]) -> None:
    sent = kind("what is wrong", advice="what to do")
    body = {"detail": sent.message, "code": sent.code, "hint": sent.advice}
    fault = await fault_of(always(kind.http_status, body))
    assert type(fault) is kind
    assert (fault.message, fault.advice) == ("what is wrong", "what to do")


async def test_the_line_of_a_workflow_stays_in_the_message() -> None:
    sent = WorkflowInvalid("no output", line=3)
    fault = await fault_of(always(422, {"detail": sent.message, "code": sent.code, "hint": ""}))
    assert str(fault) == "line 3: no output"


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (404, NotFound),
        (409, Conflict),
        (422, InvalidRequest),
        (401, Unavailable),
        (502, Unavailable),
        (500, OffizinError),
    ],
)
async def test_an_answer_of_something_else_is_an_error_of_its_status(status: int, kind: type[OffizinError]) -> None:
    fault = await fault_of(always(status, "<html>no JSON</html>"))
    assert type(fault) is kind
    assert f"http://host:8000 answered {status}" in fault.message


async def test_the_faults_of_the_reference_s_validation_are_told() -> None:
    fault = await fault_of(
        always(422, {"status_code": 10422, "message": "query: mets_path: Field required", "data": None})
    )
    assert isinstance(fault, InvalidRequest)
    assert "mets_path: Field required" in fault.message


async def test_a_server_that_is_not_there_is_unavailable_with_advice() -> None:
    def refuse(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("refused", request=request)

    fault = await fault_of(refuse)
    assert isinstance(fault, Unavailable)
    assert "no server answers at http://host:8000" in fault.message
    assert "offizin serve" in fault.advice


async def test_an_answer_in_another_form_is_told_as_such() -> None:
    assert isinstance(await fault_of(always(200, {"runs": 3})), Unavailable)


@pytest.mark.parametrize("url", ["http://host:port", "nonsense", "ftp://host"])
async def test_what_is_no_address_is_refused(url: str) -> None:
    with pytest.raises(Unavailable):
        async with Client(url) as asking:
            await asking.health()


async def test_user_and_password_are_sent_and_not_told() -> None:
    seen: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request.headers.get("Authorization", ""))
        return httpx.Response(500)

    async with client(answer, "https://user:token@host/offizin") as asking:
        with pytest.raises(OffizinError) as caught:
            await asking.health()
    assert seen == ["Basic dXNlcjp0b2tlbg=="]
    assert "token" not in str(caught.value)
    assert asking.server == "https://host/offizin"


async def test_a_server_below_a_path_is_asked_there() -> None:
    async with client(lambda request: httpx.Response(404, text=request.url.path), "https://host/offizin/") as asking:
        with pytest.raises(NotFound):
            await asking.health()
        assert (await asking._http.get("/healthz")).text == "/offizin/healthz"


async def test_a_workflow_is_submitted_as_text_with_all_that_was_asked_for() -> None:
    sent: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        sent.append(request)
        return httpx.Response(200, json={"job_id": "r1", "processing_job_ids": {}})

    async with client(answer) as asking:
        order = Order(
            Path("/b/ſ 1/mets.xml"), "dummy -I A -O B\n", pages="P1..P3", page_wise=False, priority=7, overwrite=True
        )
        assert await asking.submit(order) == "r1"
    parameters = dict(sent[0].url.params)
    assert parameters == {
        "mets_path": "/b/ſ 1/mets.xml", "page_id": "P1..P3", "page_wise": "false", "priority": "7", "overwrite": "true",
    }  # fmt: skip
    assert b"dummy -I A -O B\n" in sent[0].content


async def test_names_with_odd_characters_stay_one_part_of_the_path() -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        assert request.url.raw_path == b"/workflow/job/..%2Fa%3Fb/summary"
        return httpx.Response(404, json={"detail": "none", "code": "run_unknown", "hint": ""})

    async with client(answer) as asking:
        with pytest.raises(RunUnknown):
            await asking.run("../a?b")


async def lines(text: str) -> AsyncIterator[str]:
    for line in text.split("\n"):
        yield line


async def test_events_are_read_and_comments_are_not() -> None:
    stream = ": hello\n\nid: 4\nevent: changes\ndata: {\ndata: }\n\n: \n\ndata:x\n\nid: 9\n\nevent: broken off"
    assert [event async for event in read_events(lines(stream))] == [
        ServerSentEvent("4", "changes", "{\n}"),
        ServerSentEvent("4", "message", "x"),
    ]
