"""The URL of a database is read, and its password is shown to nobody."""

from __future__ import annotations

from pathlib import Path

import pytest

from offizin.errors import SettingsInvalid
from offizin.settings.database_url import DatabaseUrl, password_of

SECRET = "pa:ss/wörd#1"
WRITTEN = "pa%3Ass%2Fw%C3%B6rd%231"


def parse(text: str, **environment: str) -> DatabaseUrl:
    return DatabaseUrl.parse(text, environment)


def test_all_parts() -> None:
    url = parse(f"postgresql://ocr%40lib:{WRITTEN}@db.example:5433/books?sslmode=verify-full")
    assert url == DatabaseUrl("books", "ocr@lib", "db.example", 5433, "verify-full", SECRET)


def test_a_unix_socket() -> None:
    assert parse("postgresql:///books?host=/run/postgresql") == DatabaseUrl("books", host="/run/postgresql")


def test_an_address_of_ip_6() -> None:
    assert parse("postgres://u@[::1]:5/b") == DatabaseUrl("b", "u", "::1", 5)


def test_the_password_of_the_url_goes_first_then_its_file_then_the_environment(tmp_path: Path) -> None:
    path = tmp_path / "password"
    path.write_text("from the file\n")
    in_url, in_file = "postgresql://u:here@h/b", f"postgresql://u@h/b?password_file={path}"
    assert password_of(parse(f"{in_url}?password_file={path}", PGPASSWORD="there")) == "here"
    assert password_of(parse(in_file, PGPASSWORD="there")) == "from the file"
    assert password_of(parse("postgresql://u@h/b", PGPASSWORD="there")) == "there"
    assert password_of(parse("postgresql://u@h/b")) is None


def test_a_password_file_is_read_anew_each_time(tmp_path: Path) -> None:
    path = tmp_path / "password"
    url = parse(f"postgresql://u@h/b?password_file={path}")
    with pytest.raises(SettingsInvalid, match="password"):
        password_of(url)
    path.write_text("new")
    assert password_of(url) == "new"


def test_the_password_is_never_shown() -> None:
    url = parse(f"postgresql://u:{WRITTEN}@h:1/b")
    assert str(url) == "postgresql://u@h:1/b"
    for shown in (str(url), repr(url)):
        assert SECRET not in shown
        assert WRITTEN not in shown


@pytest.mark.parametrize(
    "wrong",
    [
        "mysql://u:tellnobody@h/b",
        "postgresql://u:tellnobody@h",
        "postgresql://u:tellnobody@h/",
        "postgresql://u:tellnobody@h/b/c",
        "postgresql://u:tellnobody@h:port/b",
        "postgresql://u:tell#nobody@h/b",
        "postgresql://u:tellnobody@[h/b",
        "postgresql://u:tellnobody@h/b?sslmode=maybe",
        "postgresql://u@h/b?password=tellnobody",
    ],
)
def test_what_is_wrong_is_told_without_the_password(wrong: str) -> None:
    with pytest.raises(SettingsInvalid) as refused:
        parse(wrong)
    told = str(refused.value) + refused.value.advice
    assert "database's URL" in told
    assert "nobody" not in told
