"""What token commands read and show."""

from __future__ import annotations

import pytest

from offizin.cli.connection import Place
from offizin.cli.tokens import seconds_in
from offizin.errors import InvalidRequest
from offizin.settings import Settings
from offizin.trust.shown_url import shown_url


@pytest.mark.parametrize(
    ("text", "seconds"), [("90d", 7776000), ("12h", 43200), ("30m", 1800), ("45s", 45), ("2w", 1209600), ("1 d", 86400)]
)
def test_times_are_read(text: str, seconds: float) -> None:
    assert seconds_in(text) == seconds


@pytest.mark.parametrize("text", ["", "90", "d", "0d", "-1d", "1.5h", "1y", "1d2h", "9999999d", "١d"])
def test_other_text_is_no_time(text: str) -> None:
    with pytest.raises(InvalidRequest, match="is no time"):
        seconds_in(text)


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("http://me:secret@host:8000/a", "http://me:…@host:8000/a"),
        ("http://me:se:cr@et@host", "http://me:…@host"),
        ("http://:secret@host", "http://:…@host"),
        ("http://me@host", "http://me@host"),
        ("http://host:80/a@b:c", "http://host:80/a@b:c"),
        ("http://host/\n", "http://host/\\n"),
        ("http://host:8000", "http://host:8000"),
        ("http://[::1]:8000", "http://[::1]:8000"),
    ],
)
def test_an_address_is_shown_without_its_secret(url: str, shown: str) -> None:
    assert shown_url(url) == shown


def test_commands_that_are_told_hold_no_secret() -> None:
    assert "secret" not in Place("http://me:secret@host:8000").options


def test_a_token_in_the_environment_is_taken_for_no_misspelt_setting() -> None:
    assert Settings.load(None, {}, {"OFFIZIN_TOKEN": "x"}).notices == ()
