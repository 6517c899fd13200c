"""Everything that a cluster consists of is killed, again and again, with work in flight."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from random import Random

import pytest

from tests.behaviour.processes import Programs
from tests.chaos.cluster import TROUBLES, Cluster
from tests.chaos.conftest import KillTest
from tests.chaos.kills import Kill
from tests.chaos.server import left_behind
from tests.postgresql_cluster import PostgresqlCluster
from tests.rabbitmq_server import RabbitMqServer, own_server

_ATTEMPTS = 5


@pytest.fixture
def own_rabbitmq() -> Iterator[RabbitMqServer]:
    """One that others do not use, because it is killed."""
    yield from own_server()


@pytest.fixture
def cluster(
    kill_test: KillTest, programs: Programs, postgresql_cluster: PostgresqlCluster, own_rabbitmq: RabbitMqServer,
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Cluster]:  # fmt: skip
    seed = int(os.environ.get("CHAOS_SEED", "1"))
    made = Cluster(
        tmp_path / "cluster", programs, kill_test.processors, postgresql_cluster, own_rabbitmq, Random(seed)
    )  # fmt: skip
    monkeypatch.setenv("OFFIZIN_CHAOS_TEST", made.mark)
    kill_test.ordeals.append(made)
    try:
        made.start()
        yield made
    finally:
        made.close()


@pytest.mark.timeout(600)
def test_a_cluster_ends_its_work_as_undisturbed_whatever_is_killed(cluster: Cluster, kill_test: KillTest) -> None:
    _live_through(cluster, kill_test, list(TROUBLES), Random(5))


@pytest.mark.long
@pytest.mark.timeout(7200)
def test_a_cluster_ends_its_work_as_undisturbed_after_more_than_a_hundred_kills(
    cluster: Cluster, kill_test: KillTest
) -> None:
    random = Random(int(os.environ.get("CHAOS_SEED", "6")))
    _live_through(
        cluster, kill_test, random.choices(list(TROUBLES), k=int(os.environ.get("CHAOS_KILLS", "110"))), random
    )


def _live_through(cluster: Cluster, kill_test: KillTest, troubles: Sequence[str], random: Random) -> None:
    for trouble in troubles:
        _hit(cluster, kill_test, trouble, random)
    server = cluster.server_at_hand
    cluster.finish(server)  # type: ignore[arg-type]
    for outcome in cluster.outcomes(server):  # type: ignore[arg-type]
        assert outcome.states == kill_test.undisturbed.states
        assert outcome.mets == kill_test.undisturbed.mets
        assert outcome.files == kill_test.undisturbed.files
    rest = cluster.in_flight()
    assert (rest.jobs, rest.deltas, rest.ends, rest.callbacks) == (0, 0, 0, 0)
    cluster.stop()
    assert left_behind(cluster.mark) == []


def _hit(cluster: Cluster, kill_test: KillTest, trouble: str, random: Random) -> None:
    """Again, with more work and at once, if there was none in flight: it was done before all was submitted."""
    for attempt in range(_ATTEMPTS):
        cluster.need_work()
        if attempt:
            cluster.new_batch()
        while not cluster.submit_what_is_left(cluster.server_at_hand):  # type: ignore[arg-type]
            pass
        cluster.pass_events(0 if attempt else random.randint(5, 60))
        found = cluster.in_flight()
        TROUBLES[trouble](cluster)
        kill_test.kills.append(Kill(trouble, found))
        if found:
            return
    pytest.fail(
        f"there was never work in flight when this was hit: {trouble}\n{cluster.what_is_open()}\n{cluster.said()}"
    )
