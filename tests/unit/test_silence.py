"""When a server counts as dead."""

from __future__ import annotations

from dataclasses import replace

from offizin.store.servers import LEFT, ServerRow
from offizin.upkeep.silence import LEAST_LOOKS, Silence

ROW = ServerRow(2, "other", 1, "http://other", 7, 0.0)


def test_a_server_whose_beat_changes_lives() -> None:
    silence = Silence(10.0)
    for second in range(0, 100, 2):
        silence.look([replace(ROW, beat=second + 1)], float(second))
        assert [row.seq for row in silence.living()] == [2]
        assert silence.dead() == []


def test_one_whose_beat_has_not_changed_for_the_lease_is_dead() -> None:
    silence = Silence(10.0)
    for second in range(0, 10, 2):
        silence.look([ROW], float(second))
        assert silence.dead() == []
    silence.look([ROW], 10.0)
    assert silence.dead() == [ROW]
    assert silence.living() == []
    silence.look([replace(ROW, beat=8)], 12.0)
    assert silence.dead() == []


def test_whoever_was_held_up_himself_looks_again_before_he_says_so() -> None:
    silence = Silence(10.0)
    silence.look([ROW], 0.0)
    for look in range(1, LEAST_LOOKS):
        silence.look([ROW], 1000.0 + look)
        assert silence.dead() == []
    silence.look([ROW], 1010.0)
    assert silence.dead() == [ROW]


def test_a_server_that_has_left_is_not_waited_for() -> None:
    silence = Silence(10.0)
    silence.look([replace(ROW, beat=LEFT)], 0.0)
    assert len(silence.dead()) == 1


def test_a_server_that_starts_again_is_another_one() -> None:
    silence = Silence(10.0)
    silence.look([ROW], 0.0)
    silence.look([replace(ROW, incarnation=2)], 9.0)
    for second in (10.0, 12.0, 14.0):
        silence.look([replace(ROW, incarnation=2)], second)
    assert silence.dead() == []
