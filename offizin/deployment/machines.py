"""What to start where, from the configuration. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from urllib.parse import urlsplit, urlunsplit

from offizin.deployment.containers import Container
from offizin.deployment.ssh_login import label_of
from offizin.deployment.wanted import Kind, Wanted
from offizin.deployment.worker_program import worker_program, worker_secrets, worker_words
from offizin.errors import SettingsInvalid
from offizin.settings.reference_config import DeployType, Host, ReferenceConfig, Ssh, Workers

# The user of the login has no home in the image; the worker makes this one.
CONTAINER_HOME = "/tmp/offizin"


@dataclass(frozen=True, slots=True)
class HostPlan:
    """A login on a machine, and the workers for it. Entries of the configuration with the same login are one."""

    address: str
    login: Ssh
    workers: tuple[Workers, ...]
    offizin: str | None = None
    socket: str | None = None

    @property
    def label(self) -> str:
        return label_of(self.address, self.login)


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What workers of one host are told. ``queue`` is a URL with a password, ``server`` where they find our HTTP API,
    ``token`` what that lets them in by, ``owner`` the name of the server that they are of; ``grace``: seconds that what
    runs may take when they are to end."""

    queue: str
    server: str | None
    owner: str
    grace: float
    token: str = field(default="", repr=False)


def host_plans(config: ReferenceConfig) -> tuple[HostPlan, ...]:
    """Raises SettingsInvalid for what cannot be started: containers without an image, workers without a queue."""
    if config.hosts and config.process_queue is None:
        raise SettingsInvalid(
            "hosts are given, but no process_queue",
            advice="Workers on other machines get their work through RabbitMQ: add `process_queue:`, or leave out "
            "`hosts:`.",
        )
    plans: dict[str, HostPlan] = {}
    for host in config.hosts:
        for workers in host.workers:
            if workers.deploy_type is DeployType.DOCKER and workers.image is None:
                raise SettingsInvalid(
                    f"{workers.place or host.address}: image is missing",
                    advice="Add a line `image: …`: an image with offizin and the processor in it.",
                )
        plan = _plan(host)
        earlier = plans.get(plan.label)
        plans[plan.label] = plan if earlier is None else _together(earlier, plan)
    return tuple(plans.values())


def wanted_on(plan: HostPlan, around: Surroundings) -> list[Wanted]:
    """One native worker for all processors of the host that need no container, and a container for each that does."""
    native = _counted([workers for workers in plan.workers if workers.deploy_type is DeployType.NATIVE])
    found: list[Wanted] = []
    if native:
        program = worker_program(
            native, server=around.server, queue=around.queue, place=f"workers/{around.owner}/{_file_name(plan.label)}",
            program=plan.offizin, grace=around.grace, token=around.token,
        )  # fmt: skip
        words = worker_words(native, around.server, around.grace)
        spec = " ".join([plan.offizin or "offizin", *words, without_password(around.queue)])
        found.append(Wanted(Kind.NATIVE, "worker", spec, program))
    names: dict[str, int] = {}
    for workers in plan.workers:
        if workers.deploy_type is DeployType.DOCKER:
            names[workers.name] = number = names.get(workers.name, 0) + 1
            name = workers.name if number == 1 else f"{workers.name}-{number}"
            found.append(Wanted(Kind.DOCKER, name, *_container(workers, around, name)))
    return found


def _plan(host: Host) -> HostPlan:
    return HostPlan(host.address, host.ssh, host.workers, host.offizin, host.socket)


def _file_name(label: str) -> str:
    """Hosts may share one home directory."""
    return re.sub(r"[^A-Za-z0-9.@_-]", "_", label)


def _together(one: HostPlan, other: HostPlan) -> HostPlan:
    workers = (*one.workers, *other.workers)
    return HostPlan(one.address, one.login, workers, one.offizin or other.offizin, one.socket or other.socket)


def _counted(workers: Sequence[Workers]) -> list[tuple[str, int]]:
    counts: dict[str, int] = {}
    for one in workers:
        counts[one.name] = counts.get(one.name, 0) + one.number_of_instance
    return list(counts.items())


def _container(workers: Workers, around: Surroundings, name: str) -> tuple[str, Container]:
    words = worker_words([(workers.name, workers.number_of_instance)], around.server, around.grace)
    container = Container(
        name=f"offizin-{around.owner[:8]}-{name}",
        image=workers.image or "",
        command=("offizin", *words, "--home", CONTAINER_HOME),
        environment={**worker_secrets(around.queue, around.token), "HOME": CONTAINER_HOME},
        volumes=workers.volumes,
    )
    return " ".join([container.image, *words, *workers.volumes, without_password(around.queue)]), container


def without_password(url: str) -> str:
    parts = urlsplit(url)
    user, at, place = parts.netloc.rpartition("@")
    return urlunsplit(parts._replace(netloc=f"{user.partition(':')[0]}{at}{place}", query=""))
