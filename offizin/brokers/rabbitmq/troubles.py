"""What RabbitMQ's and aiormq's errors mean to somebody who has to mend it. Pure."""

from __future__ import annotations

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
            advice="Look at its log for alarms of memory or disk, and for queues without a majority of their members.",
        )
    said = _said(error)
    return Unavailable(f"RabbitMQ at {url} cannot be used now: {said}", advice=_advice(url, error, said))


def declared_otherwise(url: AmqpUrl, queue: str, error: Exception) -> Unavailable:
    return Unavailable(
        f"the queue {queue} of {url} exists with other properties: {_said(error)}",
        advice="Something else, or another version of Offizin, has made it. While nothing of Offizin runs: "
        f"rabbitmqctl delete_queue --vhost '{url.vhost}' {queue}",
    )


def _advice(url: AmqpUrl, error: BaseException, said: str) -> str:
    if isinstance(error, OffizinError):
        return error.advice
    if isinstance(error, (aiormq.AuthenticationError, aiormq.ProbableAuthenticationError)):
        return (
            f"Look at user and password in the URL or under process_queue.credentials (rabbitmqctl authenticate_user "
            f"{url.user} PASSWORD). The user guest may come from RabbitMQ's own machine only."
        )
    if isinstance(error, aiormq.ConnectionNotAllowed):
        if "not found" in said:
            return f"Make the vhost: rabbitmqctl add_vhost '{url.vhost}'"
        return f"Let the user in: rabbitmqctl set_permissions --vhost '{url.vhost}' {url.user} '.*' '.*' '.*'"
    if isinstance(error, aiormq.ChannelAccessRefused):
        return f"Let the user in: rabbitmqctl set_permissions --vhost '{url.vhost}' {url.user} '.*' '.*' '.*'"
    return _REACH


def _said(error: BaseException) -> str:
    if isinstance(error, TimeoutError):
        return "no answer"
    words = ", ".join(str(argument) for argument in error.args if argument not in (None, ""))
    return words or type(error).__name__
