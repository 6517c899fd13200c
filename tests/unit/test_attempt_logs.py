"""What goes from a worker's logs to its servers, and by which way."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import httpx
import pytest

from offizin.brokers.broker import Delivery, Kind, Message, results_of
from offizin.brokers.in_process import InProcessBroker
from offizin.clock import SystemClock
from offizin.errors import Unavailable
from offizin.logs import attempt_log_name
from offizin.messages import LogPart, PieceTicket, Result, decode_log_part, decode_result, encode, with_log
from offizin.workers import attempt_logs, log_upload
from offizin.workers.attempt_logs import MOST_WITH_RESULT, AttemptLogs
from offizin.workers.live_logs import LiveLogs
from offizin.workers.log_upload import LogUpload
from offizin.workers.membership import Held

SERVER = "one"


class StandStill:
    """A clock that goes on when somebody sleeps."""

    def __init__(self) -> None:
        self.at = 1000.0

    def now(self) -> float:
        return self.at

    def monotonic(self) -> float:
        return self.at

    def new_id(self) -> str:
        return "id"

    async def sleep(self, seconds: float) -> None:
        self.at += seconds


class HttpServer:
    """Takes parts as a server does, and answers with the status that a test wants."""

    def __init__(self) -> None:
        self.parts: list[tuple[str, dict[str, str], bytes]] = []
        self.statuses: list[int] = []
        self.asked = 0

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.asked += 1
        status = self.statuses.pop(0) if self.statuses else 204
        if status == 0:
            raise httpx.ConnectError("nobody listens")
        if status < 300:
            self.parts.append((request.url.path, dict(request.url.params), request.content))
        return httpx.Response(status)

    @property
    def whole(self) -> bytes:
        found = bytearray()
        for _, where, content in self.parts:
            assert int(where["offset"]) == len(found)
            found += content
        return bytes(found)


class Scene:
    def __init__(self, directory: Path, *, with_server: bool = True) -> None:
        self.directory = directory
        self.clock = StandStill()
        self.server = HttpServer()
        self.broker = InProcessBroker()
        self.messages: list[Message] = []
        self.upload = LogUpload("http://there", self.clock, httpx.MockTransport(self.server)) if with_server else None
        self.logs = AttemptLogs(directory, self.broker, self.upload, self.clock)

    async def listen(self) -> None:
        def receive(deliveries: list[Delivery]) -> None:
            for delivery in deliveries:
                self.messages.append(delivery.message)
                delivery.acknowledge()

        await self.broker.consume(results_of(SERVER), 100, receive)

    def attempt(self, content: bytes, job: str = "job", attempt: int = 1) -> Held:
        name = attempt_log_name(job, attempt, 0)
        (self.directory / name).write_bytes(content)
        ticket = PieceTicket(job, attempt, 0, "ocrd-any", name)
        delivery = SimpleNamespace(message=Message(Kind.PIECE, b"", sender=SERVER))
        return Held(cast(Delivery, delivery), ticket)

    def left(self) -> list[str]:
        return sorted(path.name for path in self.directory.iterdir())


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    return Scene(tmp_path)


async def test_a_short_log_goes_with_the_result_alone(scene: Scene) -> None:
    held = scene.attempt(b"a line\n")
    assert await scene.logs.ends([held]) == [(b"a line\n", 0)]
    assert scene.server.asked == 0
    await scene.logs.delete([held])
    assert scene.left() == []


async def test_who_wrote_nothing_sends_nothing(scene: Scene) -> None:
    held = scene.attempt(b"")
    await scene.logs.delete([held])
    assert await scene.logs.ends([held]) == [(b"", 0)]


async def test_what_is_too_long_goes_before_and_nothing_is_lost_between(scene: Scene) -> None:
    content = bytes(range(256)) * 4000
    [(end, offset)] = await scene.logs.ends([scene.attempt(content)])
    assert len(end) == MOST_WITH_RESULT
    assert offset == len(content) - MOST_WITH_RESULT
    assert scene.server.whole + end == content
    assert {path for path, _, _ in scene.server.parts} == {"/processor/job/job/log"}


async def test_of_a_flood_beginning_and_end_are_sent(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(attempt_logs, "MOST_OF_EACH", 1000)
    content = b"x" * 1000 + b"y" * 10**6 + b"z" * 1000 + b"e" * MOST_WITH_RESULT
    [(end, _)] = await scene.logs.ends([scene.attempt(content)])
    assert end == b"e" * MOST_WITH_RESULT
    assert [(int(where["offset"]), content) for _, where, content in scene.server.parts] == [
        (0, b"x" * 1000),
        (1000 + 10**6, b"z" * 1000),
    ]


async def test_where_the_server_does_not_answer_the_end_still_goes(scene: Scene) -> None:
    scene.server.statuses = [0] * 3
    [(end, offset)] = await scene.logs.ends([scene.attempt(b"x" * 200_000)])
    assert (len(end), offset) == (MOST_WITH_RESULT, 200_000 - MOST_WITH_RESULT)
    assert scene.server.parts == []


async def test_what_somebody_follows_is_sent_and_not_sent_again_with_the_result(scene: Scene) -> None:
    held = scene.attempt(b"one\n")
    live = LiveLogs(scene.logs, lambda: [held], scene.clock)
    live.follow("another", 1.0)
    live.follow("job", 1.0)
    assert live._task is not None
    await live._task  # until the order has run out
    assert scene.server.whole == b"one\n"
    with (scene.directory / held.ticket.log).open("ab") as log:
        log.write(b"two\n")
    assert await scene.logs.ends([held]) == [(b"two\n", 4)]


async def test_where_no_server_is_known_live_parts_go_through_the_queue_a_little_at_a_time(tmp_path: Path) -> None:
    scene = Scene(tmp_path, with_server=False)
    await scene.listen()
    held = scene.attempt(b"x" * 40_000)
    while await scene.logs.send_new(held):
        pass
    parts = [decode_log_part(message.body) for message in scene.messages if message.kind is Kind.LOG]
    assert [(part.offset, len(part.content)) for part in parts] == [(0, 16384), (16384, 16384), (32768, 7232)]


async def test_a_queue_that_cannot_be_reached_costs_nothing_but_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scene = Scene(tmp_path, with_server=False)

    async def publish(*_: object) -> None:
        raise Unavailable("not now")

    monkeypatch.setattr(scene.broker, "publish", publish)
    held = scene.attempt(b"one\n")
    live = LiveLogs(scene.logs, lambda: [held], scene.clock)
    live.follow("job", 1.0)
    assert live._task is not None
    await live._task
    assert await scene.logs.ends([held]) == [(b"one\n", 0)]


async def test_what_an_earlier_session_left_is_sent_once(scene: Scene) -> None:
    scene.attempt(b"it died of this\n", job="dead", attempt=3)
    (scene.directory / "something.log").write_text("of nobody's attempt")
    await scene.logs.send_left()
    assert scene.logs._sending_left is not None
    await scene.logs._sending_left
    where = {"attempt": "3", "piece": "0", "offset": "0"}
    assert scene.server.parts == [("/processor/job/dead/log", where, b"it died of this\n")]
    assert scene.left() == []


async def test_what_was_left_is_kept_for_a_while_if_no_server_takes_it(scene: Scene) -> None:
    scene.attempt(b"it died of this\n")
    scene.clock.at = (scene.directory / attempt_log_name("job", 1, 0)).stat().st_mtime
    for expected in (["job.1.0.log"], []):
        scene.server.statuses = [404]
        await scene.logs.send_left()
        assert scene.logs._sending_left is not None
        await scene.logs._sending_left
        assert scene.left() == expected
        scene.clock.at += attempt_logs.KEEP_LEFT + 1


@pytest.mark.parametrize(("statuses", "asked"), [([500, 204], 2), ([0, 503, 204], 3), ([204], 1)])
async def test_a_server_that_is_about_to_start_is_asked_again(scene: Scene, statuses: list[int], asked: int) -> None:
    scene.server.statuses = statuses
    assert scene.upload is not None
    await scene.upload.send(LogPart("job", 1, 0, 0, b"x"))
    assert scene.server.asked == asked


async def test_a_server_that_is_away_is_left_alone_for_a_while(scene: Scene) -> None:
    assert scene.upload is not None
    part = LogPart("job", 1, 0, 0, b"x")
    scene.server.statuses = [0] * 3
    for _ in range(2):
        with pytest.raises(Unavailable):
            await scene.upload.send(part)
    assert scene.server.asked == 3
    scene.clock.at += log_upload.REST
    await scene.upload.send(part)


async def test_a_part_that_is_refused_is_not_offered_again_and_others_are(scene: Scene) -> None:
    assert scene.upload is not None
    scene.server.statuses = [422]
    with pytest.raises(Unavailable, match="422"):
        await scene.upload.send(LogPart("unknown", 1, 0, 0, b"x"))
    await scene.upload.send(LogPart("job", 1, 0, 0, b"x"))
    assert scene.server.asked == 2


@pytest.mark.parametrize(
    ("url", "sent"),
    [("http://there", "Bearer secret"), ("http://me:other@there", "Basic bWU6b3RoZXI=")],
)
async def test_a_token_goes_along_and_that_in_the_url_goes_before_it(url: str, sent: str) -> None:
    seen: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(204)

    async with LogUpload(url, StandStill(), httpx.MockTransport(answer), token="secret") as upload:
        await upload.send(LogPart("job", 1, 0, 0, b"x"))
    assert [request.headers["Authorization"] for request in seen] == [sent]


@pytest.mark.parametrize("url", ["http://[::1", "there:8000", "http://", "unix:/run/offizin"])
def test_a_server_that_is_none_is_told_at_once(url: str) -> None:
    with pytest.raises(Unavailable, match="is no address"):
        LogUpload(url, SystemClock())


@pytest.mark.parametrize("make", [encode, lambda result: encode(result) + b" \n"])
def test_a_result_gets_its_log_unopened(make: Callable[[Result], bytes]) -> None:
    result = Result("job", 1, 0, message='ends with "}')
    found: Any = decode_result(with_log(make(result), b"\xff\x00", 7))
    assert (found.log, found.log_offset, found.message) == (b"\xff\x00", 7, result.message)
    assert with_log(make(result), b"", 0) == make(result)
