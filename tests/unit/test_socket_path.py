"""Where the socket of a workspace is."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from offizin.errors import Conflict, InvalidRequest
from offizin.mets_server.socket_path import ROOT, bound_socket, socket_path


def test_it_is_where_the_reference_has_it() -> None:
    assert socket_path("/srv/books/one.2", {ROOT: "/run/o"}) == Path("/run/o/_srv_books_one_2.sock")
    assert socket_path("/b", {}).name == "_b.sock"


def test_a_name_that_is_too_long_gets_another_of_its_own() -> None:
    one, other = (socket_path(f"/{'x' * 200}/{name}", {ROOT: "/run/o"}) for name in ("one", "other"))
    assert one != other
    assert len(str(one)) < 108
    assert one == socket_path(f"/{'x' * 200}/one", {ROOT: "/run/o"})
    with pytest.raises(InvalidRequest, match="too long"):
        socket_path("/b", {ROOT: "/" + "r" * 120})


def test_one_at_which_nobody_listens_is_replaced_and_another_not(tmp_path: Path) -> None:
    path = tmp_path / "s" / "x.sock"
    bound_socket(path).close()
    assert path.is_socket()
    with bound_socket(path):
        assert path.stat().st_mode & 0o777 == 0o600
        with pytest.raises(Conflict, match="listens"):
            bound_socket(path)
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(str(path))


def test_what_is_no_socket_stays(tmp_path: Path) -> None:
    path = tmp_path / "x.sock"
    path.write_text("mine")
    with pytest.raises(InvalidRequest):
        bound_socket(path)
    assert path.read_text() == "mine"
