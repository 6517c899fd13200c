"""One client cannot keep the server from the others: by connections, by requests that do not end, or by streams."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import ExitStack

import httpx
import pytest

from offizin.api.connections import MOST_HEAD, client_of
from tests.behaviour.processes import Server
from tests.behaviour.sizes import EMBEDDED, Place

pytestmark = pytest.mark.only(EMBEDDED, because="what listens is the same everywhere")

CONNECTIONS = 12


@pytest.fixture(scope="module")
def tight(shared_place: Place) -> Iterator[Server]:
    """A server with narrow bounds."""
    server = shared_place.server(connections_per_client=CONNECTIONS, streams_per_client=2, client_pause_limit=0.5)
    yield server
    assert server.stop() == 0
    assert not [line for line in server.said if "Traceback" in line or "ERROR" in line], server.said


def connect(server: Server) -> socket.socket:
    url = httpx.URL(server.url)
    return socket.create_connection((url.host, url.port or 80), timeout=30)


def rest(connection: socket.socket) -> bytes:
    """What comes until the server closes the connection."""
    found = b""
    try:
        while part := connection.recv(65536):
            found += part
    except ConnectionResetError:
        pass
    return found


@pytest.mark.parametrize("beginning", [
    b"", b"GET / HT", b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Slow: 1",
    b"POST /workflow HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 1000000\r\n\r\n",
    b"POST /processor/run/ocrd-dummy HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
    b"Content-Length: 100\r\n\r\n{",
    b"PUT /workspace/x HTTP/1.1\r\nHost: 127.0.0.1\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabc",
], ids=["nothing", "line", "headers", "form", "JSON", "chunks"])  # fmt: skip
def test_a_request_that_does_not_go_on_is_closed(tight: Server, beginning: bytes) -> None:
    with connect(tight) as connection:
        connection.sendall(beginning)
        told = rest(connection)
        assert not told or told.startswith(b"HTTP/1.1 4"), told
    assert tight.client.get("/").status_code == 200


def test_a_head_that_is_fed_byte_by_byte_has_no_more_time(tight: Server) -> None:
    with connect(tight) as connection:
        connection.sendall(b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Slow: ")
        connection.settimeout(0.05)
        fed = 0
        while True:
            try:
                told = connection.recv(65536)
                assert not told or told.startswith(b"HTTP/1.1 408"), told
                break
            except TimeoutError:
                connection.sendall(b"x")
                fed += 1
        assert fed < 1000


def test_a_second_request_of_a_connection_is_watched_like_the_first(tight: Server) -> None:
    with connect(tight) as connection:
        connection.sendall(b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\nGET / HTTP/1.1\r\nX-")
        told = rest(connection)
    assert told.startswith(b"HTTP/1.1 200")


def test_a_head_without_end_is_refused(tight: Server) -> None:
    with connect(tight) as connection:
        try:
            connection.sendall(b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Long: " + b"x" * (2 * MOST_HEAD))
        except OSError:
            pass  # it is closed before all is sent
        told = rest(connection)
    assert not told or told.startswith(b"HTTP/1.1 431"), told


def test_one_client_has_so_many_connections_and_can_go_on_when_it_closes_some(tight: Server) -> None:
    tight.client.close()
    with ExitStack() as opened:
        connections = [opened.enter_context(connect(tight)) for _ in range(CONNECTIONS + 1)]
        assert rest(connections[-1]).startswith(b"HTTP/1.1 429")
    tight.client = httpx.Client(base_url=tight.url, timeout=60)
    with connect(tight) as other:  # those before may not be gone yet: this one waits for its turn
        other.sendall(b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n")
        assert rest(other).startswith((b"HTTP/1.1 200", b"HTTP/1.1 429"))


def test_one_client_has_so_many_streams(tight: Server) -> None:
    with ExitStack() as opened:
        for _ in range(2):
            stream = opened.enter_context(tight.client.stream("GET", "/events"))
            assert stream.status_code == 200
        refused = tight.client.get("/events")
        assert (refused.status_code, refused.json()["code"]) == (429, "too_many_streams")
        assert tight.client.get("/healthz").status_code == 200
    # Once the server has seen that they are gone, there is room again.
    while (answer := _begin_of_events(tight)) == 429:
        pass
    assert answer == 200


def _begin_of_events(server: Server) -> int:
    with server.client.stream("GET", "/events") as stream:
        return stream.status_code


def test_all_addresses_of_one_customer_are_one_client() -> None:
    assert client_of("2001:db8:1:2::1") == client_of("2001:db8:1:2:ffff::9") != client_of("2001:db8:1:3::1")
    assert client_of("::ffff:10.0.0.1") == client_of("10.0.0.1") != client_of("10.0.0.2")
    assert client_of("fe80::1%eth0") == client_of("fe80::2%eth1")
