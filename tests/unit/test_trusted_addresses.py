"""The server calls whom it may call, and nobody else: whatever names mean by then."""

from __future__ import annotations

import socket

import httpx
import pytest

from offizin.errors import InvalidRequest, SettingsInvalid, UrlForbidden
from offizin.trust.addresses import Addressees, CheckedTransport, outgoing_url

FAR = Addressees.of((), near=False)
NEAR = Addressees.of((), near=True)

NEVER = [
    "169.254.169.254", "[fe80::1]", "[fd00:ec2::254]", "100.100.100.200", "168.63.129.16", "0.0.0.0", "[::]",
    "224.0.0.1", "[ff02::1]", "[::ffff:169.254.169.254]", "[64:ff9b::a9fe:a9fe]", "[2002:a9fe:a9fe::]", "2852039166",
    "0xa9fea9fe", "169.254.169.254.",
]  # fmt: skip
PRIVATE = [
    "127.0.0.1", "127.1", "[::1]", "10.0.0.1", "192.168.1.1", "172.16.0.1", "[fd00::1]", "100.64.0.1", "localhost",
    "LOCALHOST.", "x.localhost", "2130706433", "0x7f000001", "[::ffff:10.0.0.1]",
]  # fmt: skip


@pytest.mark.parametrize("host", NEVER)
def test_metadata_link_local_and_multicast_addresses_are_never_called(host: str) -> None:
    for addressees in (FAR, NEAR):
        with pytest.raises(UrlForbidden, match="does not call"):
            outgoing_url(f"http://{host}/latest/meta-data", addressees)


@pytest.mark.parametrize("host", PRIVATE)
def test_private_addresses_are_called_by_a_server_on_loopback_alone(host: str) -> None:
    assert outgoing_url(f"http://{host}:9000/done", NEAR).port == 9000
    with pytest.raises(UrlForbidden):
        outgoing_url(f"http://{host}:9000/done", FAR)


@pytest.mark.parametrize("url", [
    "file:///etc/passwd", "ftp://example.org/", "gopher://example.org/", "javascript:alert(1)", "http://", "http:///x",
    "//example.org/x", "example.org", "", "http://[::1", "http://a\r\nX-Injected: 1/", "http://example.org/\r\nX: 1",
    "http://example.org/\tx", "http://example.org:99999/", "http://" + "a" * 9000, "http://exa\0mple.org/", "http://0251.0376.0251.0376/",
])  # fmt: skip
def test_what_is_no_http_url_is_refused(url: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        outgoing_url(url, NEAR)
    assert refused.value.http_status == 422
    assert refused.value.message.isprintable()


def test_a_blank_in_a_url_is_quoted_as_clients_do() -> None:
    assert outgoing_url("http://127.0.0.1:9000/job 1", NEAR).raw_path == b"/job%201"


def test_named_hosts_and_networks_are_called_whatever_they_are() -> None:
    some = Addressees.of(("Callbacks.example", "10.1.0.0/16", "169.254.1.1", "[fd00::7]"), near=False)
    for host in ("callbacks.example", "10.1.2.3", "169.254.1.1", "[fd00::7]"):
        outgoing_url(f"http://{host}/", some)
    some.check("10.9.9.9", "callbacks.example")
    for address, host in (("10.2.0.1", "10.2.0.1"), ("10.9.9.9", "other.example")):
        with pytest.raises(UrlForbidden):
            some.check(address, host)


@pytest.mark.parametrize("entry", ["10.0.0.0/99", "host:80", "http://host/"])
def test_a_setting_that_is_no_host_is_told(entry: str) -> None:
    with pytest.raises(SettingsInvalid):
        Addressees.of((entry,), near=False)


class Recorded(httpx.AsyncBaseTransport):
    """``dead`` addresses refuse connections."""

    def __init__(self, dead: tuple[str, ...] = ()) -> None:
        self.requests: list[httpx.Request] = []
        self._dead = dead

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        if request.url.host in self._dead:
            raise httpx.ConnectError("refused")
        self.requests.append(request)
        return httpx.Response(302, headers={"Location": "http://169.254.169.254/"})


async def call(url: str, addresses: list[list[str]], inner: Recorded, addressees: Addressees = FAR) -> httpx.Response:
    """``addresses``: what the name means, each time that it is asked for."""

    async def resolve(host: str, port: int) -> list[str]:
        if not addresses:
            raise socket.gaierror(-2, "unknown")
        return addresses.pop(0)

    async with httpx.AsyncClient(transport=CheckedTransport(addressees, inner, resolve)) as client:
        return await client.post(url, content=b"done")


async def test_the_address_that_was_checked_is_the_one_that_is_called_under_the_hosts_name() -> None:
    inner = Recorded()
    await call("https://user:pass@example.org:8443/x?y=1", [["93.184.216.34"], ["169.254.169.254"]], inner)
    [sent] = inner.requests
    assert str(sent.url.copy_with(userinfo=None)) == "https://93.184.216.34:8443/x?y=1"
    assert sent.headers["host"] == "example.org:8443"
    assert sent.extensions["sni_hostname"] == "example.org"
    assert sent.headers["authorization"].startswith("Basic ")


@pytest.mark.parametrize("addresses", [
    ["169.254.169.254"], ["93.184.216.34", "127.0.0.1"], ["fe80::1%eth0"], ["::ffff:10.0.0.1"],
])  # fmt: skip
async def test_a_name_that_means_a_forbidden_address_is_not_called_at_all(addresses: list[str]) -> None:
    inner = Recorded()
    with pytest.raises(UrlForbidden):
        await call("http://rebound.example/", [addresses], inner)
    assert inner.requests == []


async def test_redirects_are_not_followed() -> None:
    inner = Recorded()
    answer = await call("http://example.org/", [["93.184.216.34"]] * 2, inner)
    assert (answer.status_code, len(inner.requests)) == (302, 1)


async def test_the_next_address_is_called_when_nobody_answers_at_the_first() -> None:
    inner = Recorded(dead=("::1",))
    await call("http://localhost:9000/", [["::1", "127.0.0.1"]], inner, NEAR)
    assert [request.url.host for request in inner.requests] == ["127.0.0.1"]


async def test_a_name_without_address_is_a_failed_connection() -> None:
    with pytest.raises(httpx.ConnectError):
        await call("http://nowhere.example/", [], Recorded())


async def test_a_real_connection_over_ipv6_or_ipv4_comes_to_its_end() -> None:
    import asyncio

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 204 No Content\r\n\r\n")
        await writer.drain()
        writer.close()

    listening = await asyncio.start_server(answer, "127.0.0.1", 0)
    port = listening.sockets[0].getsockname()[1]
    async with listening, httpx.AsyncClient(transport=CheckedTransport(NEAR)) as client:
        assert (await client.get(f"http://localhost:{port}/")).status_code == 204
