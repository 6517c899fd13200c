"""The URL of a PostgreSQL database, read and shown without its password. Pure, but for ``password_of``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from urllib.parse import parse_qsl, unquote, urlsplit

from offizin.errors import SettingsInvalid
from offizin.settings.passwords import password_in

FORM = "postgresql://user:password@host:5432/database"
OPTIONS = ("host", "sslmode", "password_file")
SSL_MODES = ("disable", "allow", "prefer", "require", "verify-ca", "verify-full")


@dataclass(frozen=True, slots=True)
class DatabaseUrl:
    """``host`` is a name, an address, or the directory of a Unix socket (begins with ``/``); "" leaves it to libpq's
    rules, as None does for ``user``. The password is in no ``str`` or ``repr`` of this."""

    database: str
    user: str | None = None
    host: str = ""
    port: int | None = None
    ssl_mode: str | None = None
    password: str | None = field(default=None, repr=False)
    password_file: Path | None = None

    @classmethod
    def parse(cls, text: str, environment: Mapping[str, str]) -> DatabaseUrl:
        """Read ``postgresql://user:password@host:port/database?host=/run/postgresql&sslmode=require&password_file=…``.

        A password in the URL goes before that of ``password_file``, and that before PGPASSWORD of ``environment``.
        Raises SettingsInvalid, whose message never repeats the URL: a password may stand anywhere in a wrong one.
        """
        try:
            parts = urlsplit(text)
            port = parts.port
        except ValueError as error:
            raise _wrong("cannot be read as a URL") from error
        if parts.scheme not in ("postgresql", "postgres"):
            raise _wrong("does not begin with postgresql://")
        database = unquote(parts.path.removeprefix("/"))
        if not database or "/" in database:
            raise _wrong("names no database")
        if parts.fragment:
            raise _wrong("has a '#' in it; in a password it is written %23")
        options = dict(parse_qsl(parts.query, keep_blank_values=True))
        if unknown := sorted(options.keys() - set(OPTIONS)):
            raise _wrong(f"has an option that is not known: {unknown[0]}", f"Known are {', '.join(OPTIONS)}.")
        ssl_mode = options.get("sslmode")
        if ssl_mode is not None and ssl_mode not in SSL_MODES:
            raise _wrong("has an sslmode that is not known", f"Known are {', '.join(SSL_MODES)}.")
        password = unquote(parts.password) if parts.password is not None else None
        password_file = options.get("password_file")
        url = cls(
            database=database,
            user=unquote(parts.username) if parts.username else None,
            host=options.get("host") or unquote(parts.hostname or ""),
            port=port,
            ssl_mode=ssl_mode,
            password=password,
            password_file=Path(password_file) if password_file and password is None else None,
        )
        return url.with_password_of(environment)

    def with_password_of(self, environment: Mapping[str, str]) -> DatabaseUrl:
        """The same with that of PGPASSWORD, if it has none of its own."""
        own = self.password is not None or self.password_file is not None
        return self if own else replace(self, password=environment.get("PGPASSWORD"))

    def __str__(self) -> str:
        user = f"{self.user}@" if self.user else ""
        port = f":{self.port}" if self.port else ""
        return f"postgresql://{user}{self.host}{port}/{self.database}"


def password_of(url: DatabaseUrl) -> str | None:
    """The password, from its file if it has one. Raises SettingsInvalid when that cannot be read."""
    if url.password_file is None:
        return url.password
    return password_in(url.password_file, f"the password of {url}")


def _wrong(what: str, advice: str = "") -> SettingsInvalid:
    return SettingsInvalid(f"the database's URL {what}", advice=advice or f"Its form is {FORM}.")
