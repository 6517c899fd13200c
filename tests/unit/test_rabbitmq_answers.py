"""Answers to deliveries share frames, and no frame answers for what has no answer yet."""

from __future__ import annotations

import subprocess
import sys
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from offizin.brokers.rabbitmq import Backoff
from offizin.brokers.rabbitmq.answers import Answer, Frame, frames

OPEN = st.none()
FATES = st.lists(st.one_of(OPEN, st.sampled_from(Answer)), max_size=30)


def settled(sent: list[Frame], outstanding: set[int]) -> dict[int, Answer]:
    """What a broker makes of it (AMQP 0-9-1, basic.ack and basic.reject)."""
    left, done = set(outstanding), {}
    for frame in sent:
        assert frame.tag in left, "RabbitMQ closes the channel over a tag it does not know"
        held_for = {tag for tag in left if tag <= frame.tag} if frame.multiple else {frame.tag}
        done.update(dict.fromkeys(held_for, frame.answer))
        left -= held_for
    return done


@given(FATES, st.randoms())
def test_every_delivery_gets_its_own_answer_and_an_open_one_gets_none(
    fates: list[Answer | None], order: Random
) -> None:
    given_now = [(tag, fate) for tag, fate in enumerate(fates, 1) if fate is not None]
    order.shuffle(given_now)
    still_open = [tag for tag, fate in enumerate(fates, 1) if fate is None]
    sent = list(frames(dict(given_now), min(still_open, default=None)))
    assert settled(sent, set(range(1, len(fates) + 1))) == dict(given_now)


def test_what_is_acknowledged_in_order_takes_one_frame() -> None:
    assert list(frames(dict.fromkeys(range(1, 100), Answer.ACKNOWLEDGE), 100)) == [
        Frame(99, Answer.ACKNOWLEDGE, multiple=True)
    ]


@given(st.integers(0, 10_000), st.floats(0, 1))
def test_the_wait_before_another_try_grows_to_a_limit_and_is_spread(failures: int, chance: float) -> None:
    backoff = Backoff(first=0.1, most=10.0)
    longest = backoff.pause(failures, 1.0)
    assert longest / 2 <= backoff.pause(failures, chance) <= longest <= 10.0
    assert backoff.pause(failures + 1, 0.5) >= backoff.pause(failures, 0.5)


def test_nothing_but_the_broker_itself_needs_its_library() -> None:
    code = "import sys, offizin.offizin, offizin.brokers.amqp_url; sys.exit('aiormq' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
