"""What a token is good for, and what each route asks for. Pure."""

from __future__ import annotations

import re
from enum import StrEnum


class Scope(StrEnum):
    """READ < RUN < ADMIN; a worker's token is beside them: good for what workers do, and for nothing else."""

    READ = "read"
    RUN = "run"
    ADMIN = "admin"
    WORKER = "worker"


_RANKS = {Scope.READ: 1, Scope.RUN: 2, Scope.ADMIN: 3}

# For everybody: whoever looks after servers must see that one lives.
OPEN_PATHS = frozenset({"/healthz"})

READ, RUN, ADMIN, WORKER = ({scope} for scope in (Scope.READ, Scope.RUN, Scope.ADMIN, Scope.WORKER))
# All that changes something, by method and path. What only reads (GET, HEAD, OPTIONS) is READ.
_CHANGES = (
    ("POST", "/stop", ADMIN),
    ("DELETE", "/kill_mets_server_zombies", ADMIN),
    ("*", "/pauses/{kind}/{name:path}", ADMIN),
    ("*", "/tokens", ADMIN),
    ("*", "/tokens/{name}", ADMIN),
    ("POST", "/tcp_mets", RUN | WORKER),
    ("POST", "/result_callback", RUN | WORKER),
    ("PUT", "/processor/job/{job_id}/log", WORKER),
    ("POST", "/processor/run/{processor_name}", RUN),
    ("DELETE", "/processor/job/{job_id}", RUN),
    ("POST", "/workflow", RUN),
    ("POST", "/workflow/run", RUN),
    ("PUT", "/workflow/{workflow_id}", RUN),
    ("*", "/workflow/job/{run_id}", RUN),
    ("POST", "/workflow/job/{run_id}/{what}", RUN),
    ("*", "/workspace", RUN),
    ("*", "/workspace/{rest:path}", RUN),
)
# The URL is the right (access/capabilities.py): whoever answers these looks at it.
_BY_CAPABILITY = re.compile(r"/tcp_mets/[^/]+")
_READING = frozenset({"GET", "HEAD", "OPTIONS"})


def _pattern(template: str) -> re.Pattern[str]:
    parts = re.split(r"(\{[^}]+\})", template)
    return re.compile(
        "".join(re.escape(part) if part[:1] != "{" else ".+" if ":path" in part else "[^/]+" for part in parts)
    )


_RULES = [(method, _pattern(template), scopes) for method, template, scopes in _CHANGES]


def is_open(path: str) -> bool:
    """Whether a request there needs no token."""
    return path in OPEN_PATHS or _BY_CAPABILITY.fullmatch(path) is not None


def is_known(method: str, path: str) -> bool:
    """Whether it has been said what this needs: an admin's token is asked for what nobody thought of."""
    return is_open(path) or method in _READING or _rule(method, path) is not None


def needed(method: str, path: str) -> frozenset[Scope]:
    """The smallest scopes, one of which such a request needs; an admin may do all that others may."""
    if path.startswith("/tokens"):
        return frozenset(ADMIN)
    if method in _READING:
        return frozenset(READ)
    return frozenset(_rule(method, path) or ADMIN)


def allows(scope: Scope, needs: frozenset[Scope]) -> bool:
    if scope in needs or scope is Scope.ADMIN:
        return True
    return any(_RANKS.get(scope, 0) >= rank for need in needs if (rank := _RANKS.get(need)) is not None)


def _rule(method: str, path: str) -> set[Scope] | None:
    for verb, pattern, scopes in _RULES:
        if verb in (method, "*") and pattern.fullmatch(path):
            return scopes
    return None
