"""Where RabbitMQ is and who we are there, read and shown without the password. Pure, but for ``password_of``.

Source: https://www.rabbitmq.com/docs/uri-spec and https://www.rabbitmq.com/docs/uri-query-parameters.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import parse_qsl, quote, unquote, urlencode, urlsplit

from offizin.errors import SettingsInvalid
from offizin.settings.passwords import password_in
from offizin.settings.reference_config import Service

FORM = "amqp://user:password@host:5672/vhost"
PORTS = {"amqp": 5672, "amqps": 5671}
# What RabbitMQ itself takes for granted; it lets this user in from its own machine only.
USER = PASSWORD = "guest"
# Of amqps: files with certificates and keys, and whether the broker's certificate is looked at ("1": it is not).
TLS_OPTIONS = ("cafile", "capath", "certfile", "keyfile", "no_verify_ssl")


@dataclass(frozen=True, slots=True)
class AmqpUrl:
    """The password is in no ``str`` or ``repr`` of this."""

    host: str
    port: int
    user: str = USER
    vhost: str = "/"
    tls: bool = False
    password: str = field(default=PASSWORD, repr=False)
    password_file: Path | None = None
    options: tuple[tuple[str, str], ...] = ()

    @classmethod
    def parse(cls, text: str) -> AmqpUrl:
        """Read ``amqps://user:password@host:port/vhost?cafile=…&password_file=…``.

        Without a vhost, or with ``/`` alone, it is the one named ``/``. Raises SettingsInvalid, whose message never
        repeats the URL: a password may stand anywhere in a wrong one.
        """
        try:
            parts = urlsplit(text)
            port = parts.port
        except ValueError as error:
            raise _wrong("cannot be read as a URL") from error
        if parts.scheme not in PORTS:
            raise _wrong("begins with neither amqp:// nor amqps://")
        if not parts.hostname:
            raise _wrong("names no host")
        vhost = parts.path.removeprefix("/")
        if "/" in vhost:
            raise _wrong("has a '/' in the name of the vhost; there it is written %2F")
        if parts.fragment:
            raise _wrong("has a '#' in it; in a password it is written %23")
        options = dict(parse_qsl(parts.query, keep_blank_values=True))
        password_file = options.pop("password_file", None)
        known = TLS_OPTIONS if parts.scheme == "amqps" else ()
        if unknown := sorted(options.keys() - set(known)):
            advice = f"Known are {', '.join(('password_file', *known))}."
            raise _wrong(f"has an option that is not known for {parts.scheme}: {unknown[0]}", advice)
        return cls(
            host=unquote(parts.hostname),
            port=port or PORTS[parts.scheme],
            user=unquote(parts.username) if parts.username else USER,
            vhost=unquote(vhost) or "/",
            tls=parts.scheme == "amqps",
            password=PASSWORD if parts.password is None else unquote(parts.password),
            password_file=Path(password_file) if password_file and parts.password is None else None,
            options=tuple(options.items()),
        )

    @classmethod
    def of_process_queue(cls, queue: Service) -> AmqpUrl:
        """What ``process_queue`` of the configuration names: never TLS, and in the reference's files always the vhost
        ``/`` (ocrd_network/runtime_data/network_services.py DataRabbitMQ)."""
        if queue.credentials is None:
            return cls(queue.address, queue.port, vhost=queue.vhost)
        login = queue.credentials
        return cls(queue.address, queue.port, login.username, queue.vhost, password=login.password)

    def __str__(self) -> str:
        vhost = "" if self.vhost == "/" else f"/{quote(self.vhost, safe='')}"
        return f"{self._scheme}://{self.user}@{self._host}:{self.port}{vhost}"

    def with_password(self, password: str, **options: str) -> str:
        """The whole URL for the driver, never to be shown."""
        login = f"{quote(self.user, safe='')}:{quote(password, safe='')}"
        query = urlencode([*self.options, *options.items()], quote_via=quote)
        place = f"{self._host}:{self.port}/{quote(self.vhost, safe='')}"
        return f"{self._scheme}://{login}@{place}" + (f"?{query}" if query else "")

    @property
    def _scheme(self) -> str:
        return "amqps" if self.tls else "amqp"

    @property
    def _host(self) -> str:
        return f"[{self.host}]" if ":" in self.host else self.host


def password_of(url: AmqpUrl) -> str:
    """The password, from its file if it has one. Raises SettingsInvalid when that cannot be read."""
    if url.password_file is None:
        return url.password
    return password_in(url.password_file, f"the password for {url}")


def _wrong(what: str, advice: str = "") -> SettingsInvalid:
    return SettingsInvalid(f"the queue's URL {what}", advice=advice or f"Its form is {FORM}.")
