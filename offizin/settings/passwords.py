"""Passwords need not stand in the configuration: a file or a variable of the environment may hold them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from offizin.errors import SettingsInvalid
from offizin.settings.configuration_file import Value
from offizin.settings.readers import path, plain_text, text

PASSWORD_KEYS = ("password", "password_file", "password_env")


def password(content: Mapping[str, Value], environment: Mapping[str, str]) -> str | None:
    """What one of PASSWORD_KEYS in ``content`` says, None if none is there.

    Raises SettingsInvalid, also when the file cannot be read or the variable is not set; never with the password.
    """
    given = [key for key in PASSWORD_KEYS if key in content]
    if not given:
        return None
    if len(given) > 1:
        raise content[given[1]].invalid(f"{given[0]} is given, too", "Leave all of them out but one.")
    (key,) = given
    value = content[key]
    if key == "password_file":
        return _from_file(value)
    if key == "password_env":
        return _from_environment(value, environment)
    if isinstance(value.content, str):
        return plain_text(value)
    raise value.invalid("this is not a text", "Put the password in quotes.")


def password_in(file: Path, what: str) -> str:
    """What stands in the file that a URL names. Raises SettingsInvalid, which says ``what`` cannot be read."""
    try:
        return file.read_text().rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsInvalid(
            f"{what} cannot be read from {file}: {error}",
            advice="The file holds the password alone, and the server's user must be allowed to read it.",
        ) from error


def _from_file(value: Value) -> str:
    """The file's text without the end of its last line."""
    file = path(value)
    try:
        found = file.read_text(encoding="utf-8")
    except OSError as error:
        raise value.invalid(
            f"{file} cannot be read: {error.strerror}", "Name a file that holds the password."
        ) from None
    except UnicodeDecodeError:
        raise value.invalid(f"{file} is not UTF-8", "Save it as UTF-8.") from None
    return found.removesuffix("\n").removesuffix("\r")


def _from_environment(value: Value, environment: Mapping[str, str]) -> str:
    name = text(value)
    found = environment.get(name)
    if found is None:
        raise value.invalid(f"the variable {name} is not set", f"Set it where the server is started: {name}=….")
    return found
