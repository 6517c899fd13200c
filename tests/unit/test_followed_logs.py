"""Which workers are told to send a log, and how often."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from offizin.messages import AttemptName, Follow
from offizin.scheduling.remote.followed_logs import AGAIN_AFTER, HOLDS, FollowedLogs


class Scene:
    def __init__(self, *out: Any, said: dict[AttemptName, str] | None = None, living: tuple[str, ...] = ()) -> None:
        self.at = 0.0
        self.given: list[tuple[str, Follow]] = []
        dispatcher = SimpleNamespace(out={(piece.id, piece.piece): piece for piece in out})
        sessions = SimpleNamespace(holder=(said or {}).get, living=dict.fromkeys(living))
        orders = SimpleNamespace(give=lambda session, order: self.given.append((session, order)))
        clock = SimpleNamespace(monotonic=lambda: self.at)
        self.logs = FollowedLogs(dispatcher, sessions, orders, clock)  # type: ignore[arg-type]

    def told(self) -> set[str]:
        return {session for session, _ in self.given}


def piece(job: str, number: int = 0, holder: str | None = None) -> Any:
    return SimpleNamespace(id=job, piece=number, attempt=1, holder=holder)


def test_all_who_have_pieces_of_the_job_are_told_and_nobody_else() -> None:
    said = {AttemptName("book", 1, 2): "third"}
    out = [piece("book", 0, "first"), piece("book", 1, "first"), piece("book", 2), piece("book", 3), piece("x", 0, "y")]
    scene = Scene(*out, said=said, living=("first", "third", "y"))
    scene.logs.read("book")
    assert scene.told() == {"first", "third"}
    assert len(scene.given) == 2


def test_the_dead_are_told_nothing() -> None:
    scene = Scene(piece("job", 0, "gone"))
    scene.logs.read("job")
    assert scene.given == []


def test_an_order_is_given_again_before_it_runs_out_and_not_at_each_look() -> None:
    scene = Scene(piece("job", 0, "one"), living=("one",))
    while scene.at < HOLDS:
        scene.logs.read("job")
        scene.at += 0.2
    assert 2 <= len(scene.given) <= HOLDS / AGAIN_AFTER + 1
    assert scene.given[0] == ("one", Follow("job", HOLDS))
