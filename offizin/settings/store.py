"""Where the database is, when it is not the one in the home."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from offizin.errors import SettingsInvalid
from offizin.settings.configuration_file import Value
from offizin.settings.database_url import DatabaseUrl
from offizin.settings.readers import flag, mapping, text


@dataclass(frozen=True, slots=True)
class Store:
    """A PostgreSQL; ``skip_deployment``: it is started by somebody else."""

    url: DatabaseUrl
    skip_deployment: bool = True

    def with_password_of(self, environment: Mapping[str, str]) -> Store:
        return replace(self, url=self.url.with_password_of(environment))


def store(value: Value) -> Store:
    """A URL, or a mapping with ``url`` and ``skip_deployment``. No message repeats the URL, which holds a password."""
    if not isinstance(value.content, dict):
        return Store(_url(value))
    content = mapping(value, ("url", "skip_deployment"), required=("url",))
    given = content.get("skip_deployment")
    return Store(_url(content["url"]), flag(given) if given else True)


def _url(value: Value) -> DatabaseUrl:
    written = text(value)
    try:
        url = DatabaseUrl.parse(written, {})
    except SettingsInvalid as error:
        raise value.invalid(error.message, error.advice) from error
    return url if url.password_file is None else replace(url, password_file=value.base / url.password_file)
