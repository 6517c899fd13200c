"""What RabbitMQ's and aiormq's errors mean to somebody who has to mend it. Pure."""

from __future__ import annotations

from shlex import quote

import aiormq

from offizin.brokers.amqp_url import AmqpUrl
from offizin.errors import OffizinError, Unavailable

# What a lost connection or channel, or a broker that is not there, looks like. RuntimeError: aiormq's for a closed one.
LOST = (aiormq.AMQPError, OSError, TimeoutError, RuntimeError)

_REACH = "Look whether it runs and can be reached from here; work goes on by itself when it can."


def unavailable(url: AmqpUrl, error: BaseException | None) -> Unavailable:
    """What to tell when RabbitMQ could not be used for too long; ``error`` is None if it let us in."""
    if error is None:
        return Unavailable(
            f"RabbitMQ at {url} does not answer in time",
            advice="Look for alarms of memory or disk (rabbitmq-diagnostics alarms), and for a queue without a leader "
            "(rabbitmqctl list_queues name leader): it may be deleted, Offizin makes it again.",
        )
    said, advice = _told(url, error)
    return Unavailable(f"RabbitMQ at {url} cannot be used now: {said}", advice=advice)


def declared_otherwise(url: AmqpUrl, queue: str, error: Exception) -> Unavailable:
    return Unavailable(
        f"the queue {queue} of {url} exists with other properties: {_said(error)}",
        advice="Something else, or another version of Offizin, has made it. While nothing of Offizin runs: "
        f"rabbitmqctl delete_queue --vhost {quote(url.vhost)} {queue}",
    )


def _told(url: AmqpUrl, error: BaseException) -> tuple[str, str]:
    """What it is, and what to do."""
    said, vhost = _said(error), quote(url.vhost)
    permit = f"rabbitmqctl set_permissions --vhost {vhost} {quote(url.user)} '.*' '.*' '.*'"
    match error:
        case OffizinError():
            return said, error.advice
        case aiormq.AuthenticationError() | aiormq.ProbableAuthenticationError():
            return said, (
                "Look at user and password in the URL or under process_queue.credentials (rabbitmqctl "
                f"authenticate_user {quote(url.user)}). The user guest may come from RabbitMQ's own machine only."
            )
        case aiormq.InvalidFrameError() | aiormq.ConnectionNotAllowed():
            # The first is how aiormq puts an answer other than yes to the question for the vhost.
            what = f"it does not let the user {url.user} into the vhost {url.vhost}"
            return what, f"Make the vhost (rabbitmqctl add_vhost {vhost}), or let the user in ({permit})."
        case aiormq.ChannelAccessRefused():
            return said, f"Let the user make, write and read queues: {permit}"
        case _:
            return said, _REACH


def _said(error: BaseException) -> str:
    if isinstance(error, TimeoutError):
        return "no answer"
    words = ", ".join(str(argument) for argument in error.args if argument not in (None, ""))
    return words or type(error).__name__
