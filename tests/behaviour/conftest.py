"""The library of tests that look at Offizin from outside: servers of each size, books, and gates that hold work back.

A test that takes ``server`` or ``place`` runs on one machine and on a cluster; with ``@pytest.mark.stock_file`` also on
what a stock configuration file gives. ``@pytest.mark.only("embedded", because="…")`` is for what one size alone has.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.behaviour.books import make_book
from tests.behaviour.processes import Programs, Server
from tests.behaviour.sizes import CLUSTER, EMBEDDED, STOCK, Place, place


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "size" not in metafunc.fixturenames:
        return
    sizes = [EMBEDDED, CLUSTER]
    if metafunc.definition.get_closest_marker("stock_file"):
        sizes.append(STOCK)
    if only := metafunc.definition.get_closest_marker("only"):
        assert only.kwargs["because"]
        sizes = list(only.args)
    metafunc.parametrize("size", sizes, indirect=True, scope="module")


@pytest.fixture(scope="session")
def programs(tmp_path_factory: pytest.TempPathFactory) -> Programs:
    return Programs.make(tmp_path_factory.mktemp("programs"))


@pytest.fixture(scope="module")
def size(request: pytest.FixtureRequest) -> str:
    """Where nothing is said, one machine."""
    return str(getattr(request, "param", EMBEDDED))


@pytest.fixture(scope="module")
def shared_place(
    size: str, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Place]:
    """For the servers of a module."""
    with place(size, tmp_path_factory.mktemp(size.replace(" ", "-")), request) as made:
        yield made


@pytest.fixture(scope="module")
def server(shared_place: Place) -> Iterator[Server]:
    """A running server of each size, with somebody who does its work, shared by the tests of a module."""
    running = shared_place.server()
    shared_place.staff()
    yield running
    assert running.stop() == 0


@pytest.fixture
def own_place(size: str, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Place]:
    """For the servers of one test."""
    with place(size, tmp_path, request, beside=True) as made:
        yield made


@pytest.fixture
def book(tmp_path: Path) -> Path:
    """The METS of a book of three pages."""
    return make_book(tmp_path / "book", 3)


@dataclass(frozen=True)
class Gate:
    """Holds back jobs of ocrd-scripted with the parameters ``mode`` wait and ``where`` ``path``."""

    path: Path

    @classmethod
    def make(cls, path: Path) -> Gate:
        os.mkfifo(path)
        return cls(path)

    @property
    def parameters(self) -> dict[str, str]:
        return {"mode": "wait", "where": str(self.path)}

    def open(self) -> None:
        """Let the one go on that waits, or comes to wait."""
        self.path.write_bytes(b"")

    def lift(self) -> None:
        """Let all go on, from now on."""
        writer = os.open(self.path, os.O_RDWR)  # who waits for one waits for its end now
        in_its_place = self.path.with_suffix(".lifted")
        in_its_place.touch()
        in_its_place.replace(self.path)
        os.close(writer)


@pytest.fixture
def gate(tmp_path: Path) -> Gate:
    return Gate.make(tmp_path / "gate")
