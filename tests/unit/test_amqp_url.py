"""Where RabbitMQ is, from a URL or from the reference's configuration; its password is never shown."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from offizin.brokers.amqp_url import AmqpUrl, password_of
from offizin.errors import SettingsInvalid
from offizin.settings.reference_config import Credentials, Service


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("amqp://rabbit", AmqpUrl("rabbit", 5672)),
        ("amqp://rabbit:5673/", AmqpUrl("rabbit", 5673)),
        ("amqp://u:p@rabbit/books", AmqpUrl("rabbit", 5672, "u", "books", password="p")),
        ("amqp://u%40x:p%2F%23@rabbit/%2Fbooks", AmqpUrl("rabbit", 5672, "u@x", "/books", password="p/#")),
        ("amqps://[::1]/?cafile=ca.pem", AmqpUrl("::1", 5671, tls=True, options=(("cafile", "ca.pem"),))),
        ("amqp://u@rabbit?password_file=/run/p", AmqpUrl("rabbit", 5672, "u", password_file=Path("/run/p"))),
    ],
)
def test_a_url_is_read(text: str, url: AmqpUrl) -> None:
    assert AmqpUrl.parse(text) == url


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("http://u:secret@rabbit", "neither amqp:// nor amqps://"),
        ("amqp://u:secret@", "names no host"),
        ("amqp://u:secret@rabbit:many", "cannot be read"),
        ("amqp://u:secret@rabbit/a/b", "written %2F"),
        ("amqp://u:sec#ret@rabbit", "cannot be read|written %23"),
        ("amqp://u:secret@rabbit?cafile=x", "not known for amqp: cafile"),
        ("amqps://u:secret@rabbit?frame_max=x", "not known for amqps: frame_max"),
    ],
)
def test_a_wrong_url_is_refused_without_its_password(text: str, said: str) -> None:
    with pytest.raises(SettingsInvalid, match=said) as caught:
        AmqpUrl.parse(text)
    assert "sec" not in caught.value.message + caught.value.advice
    assert caught.value.advice


def test_the_password_is_in_nothing_that_is_shown() -> None:
    url = AmqpUrl.parse("amqp://u:secret@rabbit/books")
    assert str(url) == "amqp://u@rabbit:5672/books"
    assert "secret" not in repr(url)


def test_the_references_process_queue_gives_a_url() -> None:
    queue = Service("rabbit", 5673, Credentials("admin", "s3:cr@t/"))
    url = AmqpUrl.of_process_queue(queue)
    assert url == AmqpUrl("rabbit", 5673, "admin", "/", password="s3:cr@t/")
    assert url.with_password(password_of(url)) == "amqp://admin:s3%3Acr%40t%2F@rabbit:5673/%2F"


def test_a_virtual_host_of_our_own_may_stand_beside_it() -> None:
    assert AmqpUrl.of_process_queue(Service("rabbit", 5672, vhost="books")).vhost == "books"
    assert AmqpUrl.of_process_queue(Service("rabbit", 5672, Credentials("a", "b"), vhost="books")).vhost == "books"


def test_without_credentials_it_is_the_user_that_rabbitmq_takes_for_granted() -> None:
    url = AmqpUrl.of_process_queue(Service("localhost", 5672))
    assert url.with_password(password_of(url)) == "amqp://guest:guest@localhost:5672/%2F"


def test_a_password_is_read_from_its_file(tmp_path: Path) -> None:
    file = tmp_path / "password"
    file.write_text("secret\n")
    assert password_of(AmqpUrl.parse(f"amqp://u@rabbit?password_file={file}")) == "secret"
    with pytest.raises(SettingsInvalid, match=r"amqp://u@rabbit:5672 cannot be read from .*missing"):
        password_of(AmqpUrl.parse(f"amqp://u@rabbit?password_file={tmp_path}/missing"))


@given(st.text(min_size=1), st.text(), st.text(min_size=1))
def test_whatever_stands_in_a_name_or_password_survives_the_way_to_the_driver(u: str, p: str, vhost: str) -> None:
    url = AmqpUrl("rabbit", 5672, u, vhost, password=p)
    whole = url.with_password(p, heartbeat="10")
    assert AmqpUrl.parse(whole.removesuffix("?heartbeat=10")) == url
    assert urlsplit(whole).query == "heartbeat=10"
