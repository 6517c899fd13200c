"""Nobody writes lines of their own into the server's log."""

from __future__ import annotations

import logging

import pytest

from offizin.cli.verbosity import show_log


@pytest.fixture
def log() -> logging.Logger:
    return logging.getLogger("offizin.test")


def test_a_record_stays_one_line_whatever_is_in_it(log: logging.Logger, capsys: pytest.CaptureFixture[str]) -> None:
    root = logging.getLogger()
    handlers, root.handlers = root.handlers, []
    level = logging.getLogger("offizin").level
    try:
        show_log(logging.INFO)
        log.warning("callback to %s failed", "http://a/\r\n12:00:00 ERROR forged\x1b[2J")
        try:
            raise ValueError("one\n12:00:00 ERROR forged")
        except ValueError:
            log.exception("it failed")
    finally:
        root.handlers = handlers
        logging.getLogger("offizin").setLevel(level)
    lines = capsys.readouterr().err.splitlines()
    assert r"http://a/\r\n12:00:00 ERROR forged\x1b[2J" in lines[0]
    assert not [line for line in lines if line.startswith("12:00:00 ERROR forged")]
    assert any("ValueError: one" in line for line in lines)
