"""What a token is good for."""

from __future__ import annotations

from pathlib import Path

import pytest
from fastapi.routing import APIRoute

from offizin.access import scopes
from offizin.access.scopes import Scope
from offizin.processing_server import ProcessingServer
from offizin.settings import Settings


def may(scope: Scope, method: str, path: str) -> bool:
    return scopes.allows(scope, scopes.needed(method, path))


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("GET", "/workflow/jobs", "read run admin"),
        ("HEAD", "/metrics", "read run admin"),
        ("GET", "/docs", "read run admin"),
        ("POST", "/workflow/run", "run admin"),
        ("POST", "/processor/run/ocrd-dummy", "run admin"),
        ("DELETE", "/workflow/job/1", "run admin"),
        ("PATCH", "/workflow/job/1", "run admin"),
        ("POST", "/workflow/job/1/undo", "run admin"),
        ("PUT", "/workspace/1", "run admin"),
        ("POST", "/tcp_mets", "run admin worker"),
        ("POST", "/result_callback", "run admin worker"),
        ("PUT", "/processor/job/1/log", "admin worker"),
        ("PUT", "/pauses/host and processor/a/b", "admin"),
        ("POST", "/stop", "admin"),
        ("DELETE", "/kill_mets_server_zombies", "admin"),
        ("GET", "/tokens", "admin"),
        ("DELETE", "/tokens/a", "admin"),
        ("POST", "/what-nobody-thought-of", "admin"),
        ("POST", "/stop/", "admin"),
        ("POST", "/workflow/run/", "admin"),
    ],
)
def test_routes_are_for(method: str, path: str, allowed: str) -> None:
    assert {scope for scope in Scope if may(scope, method, path)} == set(allowed.split())


@pytest.mark.parametrize("path", ["/healthz", "/tcp_mets/abc"])
def test_what_is_open(path: str) -> None:
    assert scopes.is_open(path)


@pytest.mark.parametrize("path", ["/tcp_mets", "/tcp_mets/", "/tcp_mets/a/b", "/healthz/", "/", "/healthz/../stop"])
def test_what_is_not(path: str) -> None:
    assert not scopes.is_open(path)


def test_every_route_has_a_scope(tmp_path: Path) -> None:
    """Whoever adds a route that changes something says in offizin/access/scopes.py who may ask for it."""
    app = ProcessingServer(settings=Settings(home=tmp_path))
    routes = [
        (method, path)
        for path, operations in app.openapi()["paths"].items()
        for method in (name.upper() for name in operations)
    ]
    assert len(routes) > 30
    assert [route for route in routes if not scopes.is_known(*route)] == []
    hidden = [route for route in app.routes if isinstance(route, APIRoute) and not route.include_in_schema]
    assert [each for route in hidden for each in route.methods if not scopes.is_known(each, route.path)] == []
