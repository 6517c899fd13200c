"""Whom the server calls on behalf of others: callbacks, and a METS or files that are fetched by URL.

Names are resolved when the call is made, and the addresses that were checked are those that are connected to, so that a
name which changes its meaning in between (DNS rebinding) gains nothing. Blocks: RFC 6890, RFC 4291.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Self

import httpx

from offizin.errors import InvalidRequest, SettingsInvalid, UrlForbidden
from offizin.trust.one_line import one_line

Address = IPv4Address | IPv6Address
Resolve = Callable[[str, int], Awaitable[list[str]]]

_LONGEST = 8000
# Of clouds, outside of the link-local block: Alibaba, Azure, Oracle, AWS over IPv6.
_METADATA = frozenset(map(ip_address, ("100.100.100.200", "168.63.129.16", "192.0.0.192", "fd00:ec2::254")))
_NAT64 = ip_network("64:ff9b::/96")


async def resolve_by_system(host: str, port: int) -> list[str]:
    """The addresses of a host, in the order of the system. Raises OSError."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


def is_loopback(host: str) -> bool:
    """Whether who listens at ``host`` is reached from its own machine alone."""
    return host.lower() == "localhost" or ((found := _written_address(host)) is not None and _plain(found).is_loopback)


@dataclass(frozen=True, slots=True)
class Addressees:
    """Whom the server may call. ``hosts`` (lower case), ``networks``: allowed by name and by address, whatever it is.
    ``near``: loopback and private addresses are allowed to all, because the server itself listens on loopback alone.
    """

    hosts: frozenset[str] = frozenset()
    networks: tuple[IPv4Network | IPv6Network, ...] = ()
    near: bool = False

    @classmethod
    def of_server(cls, named: Iterable[str] | None, *, loopback: bool) -> Self:
        """``named`` as the settings have it. Not given, a server that listens on loopback alone calls its own network:
        whoever reaches it can do that, too."""
        return cls.of(named or (), near=named is None and loopback)

    @classmethod
    def of(cls, allowed: Iterable[str], *, near: bool) -> Self:
        """``allowed`` are host names, addresses and networks (``10.1.0.0/16``). Raises SettingsInvalid."""
        hosts, networks = set(), []
        for entry in allowed:
            try:
                networks.append(ip_network(entry.strip("[]")))
            except ValueError:
                if "/" in entry or ":" in entry:
                    raise SettingsInvalid(
                        f"callback_hosts: {entry!r} is no host, address or network",
                        advice="Write a name, or an address without a port, as in 10.1.2.3 or 10.1.0.0/16.",
                    ) from None
                hosts.add(entry.lower().rstrip("."))
        return cls(frozenset(hosts), tuple(networks), near)

    def check(self, address: str, host: str) -> None:
        """Raises UrlForbidden. ``host`` is the name that led to the address."""
        found = _plain(address)
        if host in self.hosts or any(found in network for network in self.networks):
            return
        if found.is_link_local or found in _METADATA or found.is_multicast or found.is_unspecified:
            allowed = False
        elif found.is_loopback or not found.is_global:
            allowed = self.near
        else:
            allowed = True
        if not allowed:
            raise UrlForbidden(
                f"the server does not call {one_line(host, 200)}: its address is {found}",
                advice="Only public addresses are called; who runs the server can name others in callback_hosts.",
            )

    async def addresses(self, url: httpx.URL, resolve: Resolve = resolve_by_system) -> list[str]:
        """All addresses of the URL's host, each of them allowed. Raises UrlForbidden; OSError if it has none."""
        port = url.port or (443 if url.scheme == "https" else 80)
        found = await resolve(url.host, port)
        for address in found:
            self.check(address, url.host.lower().rstrip("."))
        return found


def outgoing_url(url: str, addressees: Addressees) -> httpx.URL:
    """The URL if it may be called as far as can be told without asking for its host's address, which
    ``CheckedTransport`` does.

    Raises InvalidRequest unless it is http or https and has a host, UrlForbidden for an address that is not called.
    """
    try:
        parsed = httpx.URL(url)
        sound = parsed.scheme in ("http", "https") and bool(parsed.host) and (parsed.port or 0) <= 65535
        sound = sound and len(url) <= _LONGEST and not any(character < " " or character == "\x7f" for character in url)
    except (httpx.InvalidURL, ValueError):
        sound = False
    if not sound:
        raise InvalidRequest(
            f"the URL {one_line(url, 200)!r} is no http or https URL",
            advice="Give a URL that the server can call, as in http://127.0.0.1:9000/done.",
        )
    host = parsed.host.lower().rstrip(".")
    if (address := _written_address(host)) is not None:
        addressees.check(address, host)
    elif host == "localhost" or host.endswith(".localhost"):
        addressees.check("127.0.0.1", host)
    return parsed


class CheckedTransport(httpx.AsyncBaseTransport):
    """Connects to the addresses that were checked; TLS and the Host header keep the host's name.

    ``inner`` makes the connections. Raises UrlForbidden, and httpx.ConnectError when there is no way to the host.
    Environment variables of proxies are not looked at: a proxy would resolve the name once more.
    """

    def __init__(
        self,
        addressees: Addressees,
        inner: httpx.AsyncBaseTransport | None = None,
        resolve: Resolve = resolve_by_system,
    ) -> None:
        self._addressees = addressees
        self._inner = inner or httpx.AsyncHTTPTransport(trust_env=False)
        self._resolve = resolve

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        url = request.url
        try:
            addresses = await self._addressees.addresses(url, self._resolve)
        except (OSError, UnicodeError) as error:
            raise httpx.ConnectError(f"{url.host} has no address: {error}", request=request) from error
        failed = httpx.ConnectError(f"{url.host} has no address", request=request)
        for address in addresses:
            extensions = {**request.extensions, "sni_hostname": url.host}
            towards = httpx.Request(
                request.method, url.copy_with(host=address), headers=request.headers, stream=request.stream,
                extensions=extensions,
            )  # fmt: skip
            try:
                return await self._inner.handle_async_request(towards)
            except httpx.ConnectError as error:  # nothing has been sent: the next address may do
                failed = error
        raise failed

    async def aclose(self) -> None:
        await self._inner.aclose()


def _plain(address: str) -> Address:
    """Without zone, and the IPv4 address that is hidden in one of IPv6 (mapped, NAT64, 6to4, Teredo)."""
    found = ip_address(address.partition("%")[0])
    if isinstance(found, IPv6Address):
        if found in _NAT64:
            return IPv4Address(int(found) & 0xFFFFFFFF)
        return found.ipv4_mapped or found.sixtofour or (found.teredo[1] if found.teredo else found)
    return found


def _written_address(host: str) -> str | None:
    """The address that the host is, also in the old ways to write it (``0x7f.1``, ``2130706433``)."""
    try:
        return str(ip_address(host.strip("[]").partition("%")[0]))
    except ValueError:
        pass
    if host.replace(".", "").isascii() and host[:1].isdigit():
        try:
            return socket.inet_ntoa(socket.inet_aton(host))
        except OSError:
            pass
    return None
