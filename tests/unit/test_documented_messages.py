"""docs/messages.md tells the truth about every message."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from offizin import messages
from offizin.api.job_log_parts import MOST_BYTES
from offizin.brokers.broker import (
    DEAD_LETTERS,
    HELLO,
    MOST_DEAD_LETTERS,
    RESULTS,
    Kind,
    Message,
    control_of,
    queue_of,
    results_of,
)
from offizin.brokers.rabbitmq.envelope import Letter
from offizin.brokers.rabbitmq.queues import DELIVERY_LIMIT
from offizin.scheduling.remote.followed_logs import AGAIN_AFTER, HOLDS
from offizin.scheduling.remote.hearing import MARGIN
from offizin.scheduling.retry_policy import Limits, after_loss
from offizin.workers.attempt_logs import CHUNK, CHUNK_IN_QUEUE, MOST_WITH_RESULT
from offizin.workers.live_logs import EVERY
from offizin.workers.session import INTRODUCE_EVERY
from offizin.workers.slot import NOTE_AFTER, TAKE_ALL_AFTER

PAGE = (Path(__file__).parents[2] / "docs/messages.md").read_text()
TYPES: dict[Kind, type[msgspec.Struct]] = {
    Kind.PIECE: messages.Piece,
    Kind.TAKEN: messages.Taken,
    Kind.RESULT: messages.Result,
    Kind.LOADED: messages.Handshake,
    Kind.UNLOADABLE: messages.Unloadable,
    Kind.HELLO: messages.Hello,
    Kind.WELCOME: messages.Welcome,
    Kind.HEARTBEAT: messages.Heartbeat,
    Kind.ASK: messages.Ask,
    Kind.CLAIM: messages.Claim,
    Kind.CLAIMED: messages.Claimed,
    Kind.GOODBYE: messages.Goodbye,
    Kind.END: messages.End,
    Kind.LOAD: messages.Load,
    Kind.PAUSE: messages.Pause,
    Kind.FOLLOW: messages.Follow,
    Kind.LOG: messages.LogPart,
    Kind.TICK: messages.Tick,
    Kind.MARK: messages.Mark,
}
EXAMPLES = dict(re.findall(r"```json (\w+)\n(.*?)```", PAGE, re.DOTALL))


def test_every_kind_of_message_has_an_example_and_no_other() -> None:
    assert set(TYPES) == set(Kind)
    assert set(EXAMPLES) == {kind.value for kind in Kind}


@pytest.mark.parametrize("kind", Kind)
def test_an_example_is_read_as_it_would_be_written(kind: Kind) -> None:
    """So no field in it is unknown, misspelt or at its default."""
    value = msgspec.json.decode(EXAMPLES[kind], type=TYPES[kind])
    assert json.loads(messages.encode(value)) == json.loads(EXAMPLES[kind])


@pytest.mark.parametrize("kind", Kind)
def test_an_example_shows_every_field_and_a_table_says_what_it_is(kind: Kind) -> None:
    fields = {field.encode_name for field in msgspec.structs.fields(TYPES[kind])}
    assert set(json.loads(EXAMPLES[kind])) == fields
    section = PAGE.partition(f"\n## {kind.value}\n")[2].partition("\n## ")[0]
    told = {name for row in re.findall(r"^\| (`.*?) \|", section, re.MULTILINE) for name in re.findall(r"`(\w+)`", row)}
    assert told == fields


def _objects(value: object) -> Iterator[dict[str, object]]:
    if isinstance(value, dict):
        yield value
    for inner in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from _objects(inner)


@pytest.mark.parametrize(
    "struct", [messages.File, messages.Slice, messages.PageOutcome, messages.Counts, messages.Tool, messages.ServerName]
)
def test_the_examples_show_every_field_of_what_is_inside(struct: type[msgspec.Struct]) -> None:
    fields = {field.encode_name for field in msgspec.structs.fields(struct)}
    shown = [set(found) for text in EXAMPLES.values() for found in _objects(json.loads(text)) if set(found) <= fields]
    assert fields == set().union(*shown)


def test_the_envelope_is_as_described() -> None:
    properties = Letter("id", Message(Kind.PIECE, b"{}", sender="server")).once_more().properties()
    headers = properties.headers or {}
    assert set(re.findall(r"^\| header `(\w+)`", PAGE, re.MULTILINE)) == set(headers)
    assert f"| header `version` | {messages.ENVELOPE_VERSION}." in PAGE
    assert f"| `content_type` | `{properties.content_type}` |" in PAGE
    assert f"| `delivery_mode` | {properties.delivery_mode}:" in PAGE
    assert f"| `app_id` | `{properties.app_id}` |" in PAGE
    assert ", ".join(f"`{kind}`" for kind in Kind) in PAGE


def test_the_queues_are_named_as_they_are() -> None:
    for name in (RESULTS, results_of("SERVER"), HELLO, control_of("SESSION"), DEAD_LETTERS, queue_of("ocrd-dummy")):
        assert f"`{name}`" in PAGE
    assert f"more than {DELIVERY_LIMIT} times; the newest {MOST_DEAD_LETTERS:,} |" in PAGE


def test_the_table_of_queues_says_where_each_kind_goes() -> None:
    table = PAGE.partition("## Queues")[2].partition("\n## ")[0]
    assert {name.removesuffix("s") for name in re.findall(r"\(#(\w+)\)", table)} == {kind.value for kind in Kind}


@pytest.mark.parametrize(("said", "holds"), [
    (f"runs longer than {NOTE_AFTER * 1000:g} ms", True),
    ("for two seconds behind another piece", TAKE_ALL_AFTER == 2),
    ("again every two seconds until it is welcomed", INTRODUCE_EVERY == 2),
    ("for the lease and a fifth more", MARGIN == 0.2),
    ("after two it gets a worker for itself", after_loss(2, Limits()).alone and not after_loss(1, Limits()).alone),
    ("go its last 64 KiB", MOST_WITH_RESULT == 64 * 1024),
    ("Base64, at most 64 KiB", MOST_WITH_RESULT == 64 * 1024),
    ("at most 1 MiB", MOST_BYTES == 1024 * 1024 >= CHUNK),
    (f"at most {CHUNK_IN_QUEUE // 1024} KiB, five times a second", EVERY == 0.2),
    ("again every\ntwo seconds as long as somebody reads", AGAIN_AFTER == 2 < HOLDS),
    ("with the sixth it has failed", after_loss(6, Limits()).give_up and not after_loss(5, Limits()).give_up),
])  # fmt: skip
def test_the_figures_of_the_rules_are_those_of_the_program(said: str, holds: bool) -> None:
    assert said in PAGE
    assert holds
