"""What requests say of who asks, and what servers sign for each other."""

from __future__ import annotations

import base64
import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from offizin.access.credentials import Credentials, read_credentials
from offizin.access.scopes import Scope
from offizin.access.signatures import TIME_APART, Signatures
from offizin.access.tokens import Holder
from offizin.clock import SystemClock
from offizin.errors import TokenNeeded


def basic(text: str) -> str:
    return "Basic " + base64.b64encode(text.encode()).decode()


@pytest.mark.parametrize(
    ("header", "read"),
    [
        ("Bearer abc", Credentials(None, "abc")),
        ("bearer  abc ", Credentials(None, "abc")),
        (basic("me:a:b"), Credentials("me", "a:b")),
        (basic("me:"), Credentials("me", "")),
        (basic("ü:s"), Credentials("ü", "s")),
    ],
)
def test_names_and_secrets_are_read(header: str, read: Credentials) -> None:
    assert read_credentials(header) == read


@pytest.mark.parametrize("header", ["", "Bearer", "Basic", "Basic x", "Basic %%%%", basic("me"), "Digest a", "abc"])
def test_what_cannot_be_read_is_never_repeated(header: str) -> None:
    with pytest.raises(TokenNeeded) as caught:
        read_credentials(header)
    assert not header or header.rsplit(maxsplit=1)[-1] not in caught.value.message.split()


@given(st.text())
def test_whatever_comes_is_read_or_refused(text: str) -> None:
    for read in (
        lambda: read_credentials(text),
        lambda: read_credentials(f"Basic {text}"),
        lambda: ONE.asker("GET", "/", f"Offizin-Server {text}"),
    ):
        with contextlib.suppress(TokenNeeded):
            read()


def test_no_secret_is_shown() -> None:
    assert "abc" not in repr(Credentials("me", "abc"))


class Moved(SystemClock):
    def __init__(self, by: float) -> None:
        self._by = by

    def now(self) -> float:
        return super().now() + self._by


ONE = Signatures("secret", SystemClock())


def test_a_server_knows_what_another_has_signed() -> None:
    signed = ONE.sign("POST", "/a?b=c", "me: ü")
    assert Signatures("secret", Moved(200)).asker("POST", "/a?b=c", signed) == Holder("me: ü", Scope.ADMIN)


@pytest.mark.parametrize(
    ("reader", "method", "target"),
    [
        (Signatures("another", SystemClock()), "POST", "/a"),
        (ONE, "DELETE", "/a"),
        (ONE, "POST", "/b"),
        (Signatures("secret", Moved(TIME_APART + 5)), "POST", "/a"),
        (Signatures("secret", Moved(-TIME_APART - 5)), "POST", "/a"),
    ],
)
def test_a_signature_is_for_one_request_at_one_time(reader: Signatures, method: str, target: str) -> None:
    with pytest.raises(TokenNeeded):
        reader.asker(method, target, ONE.sign("POST", "/a", "me"))


@pytest.mark.parametrize("wrong", ["", "Offizin-Server", "Offizin-Server nan:me:x", "Offizin-Server 1:2:3:4", "a:b:ü"])
def test_what_is_no_signature_is_refused(wrong: str) -> None:
    with pytest.raises(TokenNeeded):
        ONE.asker("POST", "/a", wrong)


def test_workers_have_a_secret_that_gives_nothing_else_away() -> None:
    assert ONE.worker_token == Signatures("secret", SystemClock()).worker_token
    assert ONE.worker_token != Signatures("another", SystemClock()).worker_token
    assert ONE.worker_token.startswith("offizin_")
