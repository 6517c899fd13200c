"""The keys of the reference's configuration file, so that one file serves both.

Source: ocrd_validators/processing_server_config.schema.yml of `ocrd` 3.13.3, and
https://ocr-d.de/spec/web-api/config.schema.yml, which knows fewer keys. A file that fits the schema is accepted;
``process_queue`` is required there and not here, because our own queue needs no place.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from offizin.settings.configuration_file import Value
from offizin.settings.readers import PROCESSOR_NAME, flag, items, mapping, one_of, plain_text, shown, text, whole_number

KEYS = ("process_queue", "database", "hosts", "internal_callback_url", "use_tcp_mets")

_port = whole_number(1, 65535)


@dataclass(frozen=True, slots=True)
class Credentials:
    username: str
    password: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Ssh:
    """How to log in: with one of ``password`` and ``path_to_privkey``."""

    username: str
    password: str | None = field(default=None, repr=False)
    path_to_privkey: str | None = None


@dataclass(frozen=True, slots=True)
class Service:
    """RabbitMQ or MongoDB."""

    address: str
    port: int
    credentials: Credentials | None = None
    ssh: Ssh | None = None
    skip_deployment: bool = False


class DeployType(StrEnum):
    NATIVE = "native"
    DOCKER = "docker"


@dataclass(frozen=True, slots=True)
class Workers:
    """``number_of_instance`` workers of the processor ``name`` on a host."""

    name: str
    number_of_instance: int = 1
    deploy_type: DeployType = DeployType.NATIVE


@dataclass(frozen=True, slots=True)
class Host:
    address: str
    ssh: Ssh
    workers: tuple[Workers, ...]


@dataclass(frozen=True, slots=True)
class ReferenceConfig:
    """``given`` names the keys that stood in the file."""

    process_queue: Service | None = None
    database: Service | None = None
    hosts: tuple[Host, ...] = ()
    internal_callback_url: str | None = None
    use_tcp_mets: bool = False
    given: tuple[str, ...] = ()


def read_reference_config(content: dict[str, Value]) -> ReferenceConfig:
    """From those of the file's keys that are in ``KEYS``. Raises SettingsInvalid."""
    queue, database = content.get("process_queue"), content.get("database")
    hosts, callback = content.get("hosts"), content.get("internal_callback_url")
    return ReferenceConfig(
        process_queue=_service(queue) if queue else None,
        database=_service(database) if database else None,
        hosts=tuple(_host(item) for item in items(hosts)) if hosts else (),
        internal_callback_url=plain_text(callback) if callback else None,
        use_tcp_mets=flag(content["use_tcp_mets"]) if "use_tcp_mets" in content else False,
        given=tuple(key for key in KEYS if key in content),
    )


def _service(value: Value) -> Service:
    known = ("address", "port", "credentials", "ssh", "skip_deployment")
    content = mapping(value, known, required=("address", "port"))
    return Service(
        text(content["address"]),
        _port(content["port"]),
        _credentials(content["credentials"]) if "credentials" in content else None,
        _ssh(content["ssh"]) if "ssh" in content else None,
        flag(content["skip_deployment"]) if "skip_deployment" in content else False,
    )


def _credentials(value: Value) -> Credentials:
    keys = ("username", "password")
    content = mapping(value, keys, required=keys)
    return Credentials(plain_text(content["username"]), plain_text(content["password"]))


def _ssh(value: Value) -> Ssh:
    return _login(value, mapping(value, ("username", "password", "path_to_privkey"), required=("username",)))


def _login(value: Value, content: dict[str, Value]) -> Ssh:
    password, key = content.get("password"), content.get("path_to_privkey")
    if (password is None) == (key is None):
        given = (
            "neither password nor path_to_privkey is" if password is None else "password and path_to_privkey are both"
        )
        raise value.invalid(f"{given} given", "Exactly one of them must stand there.")
    return Ssh(
        plain_text(content["username"]),
        plain_text(password) if password else None,
        plain_text(key) if key else None,
    )


def _host(value: Value) -> Host:
    known = ("address", "username", "password", "path_to_privkey", "workers")
    content = mapping(value, known, required=("address", "username", "workers"))
    workers = tuple(_workers(item) for item in items(content["workers"]))
    if not workers:
        raise content["workers"].invalid("the list is empty", "Name at least one worker, as in `- name: ocrd-dummy`.")
    return Host(text(content["address"]), _login(value, content), workers)


def _workers(value: Value) -> Workers:
    content = mapping(value, ("name", "number_of_instance", "deploy_type"), required=("name",))
    name = plain_text(content["name"])
    if not PROCESSOR_NAME.search(name):
        raise content["name"].invalid(f"{shown(content['name'])} is no processor", "Its name begins with ocrd-.")
    number, kind = content.get("number_of_instance"), content.get("deploy_type")
    return Workers(
        name,
        whole_number(1)(number) if number else 1,
        one_of(DeployType, exactly=True)(kind) if kind else DeployType.NATIVE,
    )
