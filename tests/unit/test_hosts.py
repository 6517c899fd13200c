"""Requests that web pages of others have browsers make."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from offizin.access.hosts import Hosts
from offizin.errors import NotAllowed

HOSTS = Hosts(["ocr.example.org", "*.lib.example", "10.0.0.1"], ["https://www.example.org/"])


def check(
    *hosts: str, method: str = "POST", origin: str | None = None, site: str = "", mode: str = "", rules: Hosts = HOSTS
) -> None:
    rules.check(method, hosts, [] if origin is None else [origin], site, mode)


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1:8000", "[::1]:8000", "192.0.2.7", "localhost:8000", "LOCALHOST", "testserver", "offizin:8000",
        "ocr.example.org", "OCR.Example.org.:443", "a.lib.example", "a.b.lib.example:1",
    ],
)  # fmt: skip
def test_a_name_that_only_the_server_can_have_is_fine(host: str) -> None:
    check(host)


@pytest.mark.parametrize(
    "host",
    [
        "evil.example", "ocr.example.org.evil.example", "lib.example", "xocr.example.org", "127.0.0.1.nip.io", "", "/",
        "a@127.0.0.1", "127.0.0.1/x", "127.0.0.1:port", "[::1", "ocr.example.org\r\nX: y", "localhost?",
    ],
)  # fmt: skip
def test_another_name_is_refused(host: str) -> None:
    with pytest.raises(NotAllowed) as caught:
        check(host)
    assert "allowed_hosts" in caught.value.advice
    assert "\n" not in caught.value.message


def test_a_request_without_host_is_no_browser_s() -> None:
    check()


def test_twice_is_refused() -> None:
    with pytest.raises(NotAllowed, match="twice"):
        check("localhost", "localhost")


@pytest.mark.parametrize("origin", ["http://localhost:8000", "https://LOCALHOST:8000", "https://www.example.org"])
def test_pages_of_the_server_and_those_that_are_named_may_ask(origin: str) -> None:
    check("localhost:8000", origin=origin)


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize(
    "origin", ["null", "http://evil.example", "http://localhost", "http://localhost:8001", "file://localhost:8000", ""]
)
def test_pages_of_others_may_not(method: str, origin: str) -> None:
    with pytest.raises(NotAllowed, match="web pages of"):
        check("localhost:8000", method=method, origin=origin)


def test_a_link_may_be_followed_and_nothing_else_goes_across_sites() -> None:
    check("localhost", method="GET", site="cross-site", mode="navigate")
    check("localhost", method="GET", site="none", mode="no-cors")
    check("localhost", origin="https://www.example.org", site="cross-site", mode="cors")
    for method, mode in (("GET", "no-cors"), ("POST", "navigate"), ("GET", "")):
        with pytest.raises(NotAllowed, match="somebody else"):
            check("localhost", method=method, site="cross-site", mode=mode)


@given(st.text(), st.text())
def test_whatever_comes_is_fine_or_refused(host: str, origin: str) -> None:
    with contextlib.suppress(NotAllowed):
        check(host, origin=origin)
    with pytest.raises(NotAllowed):
        check("localhost", origin=f"http://{origin}.example")


def test_every_name_is_fine_for_who_says_so() -> None:
    check("evil.example", rules=Hosts(["*"]))


def test_the_name_that_the_server_publishes_is_fine() -> None:
    hosts = Hosts([])
    hosts.add_of("https://server.example:8000/path")
    check("server.example:8000", rules=hosts)
    hosts.add_of("http://[::1")
