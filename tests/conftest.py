"""What all rooms of tests share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import settings

from tests.podman_service import PodmanService, podman_for_session
from tests.postgresql_cluster import PostgresqlCluster, cluster_for_session
from tests.rabbitmq_server import RabbitMqServer, own_server
from tests.sshd_server import SshdServer, sshd_for_session

# On a busy machine a single example may take any time; how long a room may take is said in CONTRIBUTING.md.
settings.register_profile("offizin", deadline=None, print_blob=True)
settings.load_profile("offizin")


@pytest.fixture(scope="session")
def postgresql_cluster() -> Iterator[PostgresqlCluster]:
    yield from cluster_for_session()


@pytest.fixture(scope="session")
def rabbitmq_server() -> Iterator[RabbitMqServer]:
    yield from own_server()


@pytest.fixture(scope="session")
def sshd_server() -> Iterator[SshdServer]:
    yield from sshd_for_session()


@pytest.fixture(scope="session")
def podman_service() -> Iterator[PodmanService]:
    yield from podman_for_session()
