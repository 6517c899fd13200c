"""The keys of the reference's configuration file, so that one file serves both, and some of ours beside them.

Source: ocrd_validators/processing_server_config.schema.yml of `ocrd` 3.13.3, and
https://ocr-d.de/spec/web-api/config.schema.yml, which knows fewer keys. A file that fits the schema is accepted;
``process_queue`` is required there and not here, because our own queue needs no place. Ours are all that tells how
hosts are reached beyond an address and a login, where a password may come from, RabbitMQ's virtual host, and what
containers need.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from offizin.errors import SettingsInvalid
from offizin.settings.configuration_file import Place, Value
from offizin.settings.passwords import PASSWORD_KEYS, password
from offizin.settings.readers import (
    PROCESSOR_NAME,
    flag,
    items,
    mapping,
    one_of,
    path,
    plain_text,
    shown,
    text,
    whole_number,
)

KEYS = ("process_queue", "database", "hosts", "internal_callback_url", "use_tcp_mets")

_port = whole_number(1, 65535)


@dataclass(frozen=True, slots=True)
class Credentials:
    username: str
    password: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Ssh:
    """How to log in: with one of ``password`` and ``path_to_privkey``. ``known_hosts`` is the file that says which keys
    hosts have; without it, what `ssh` uses, too."""

    username: str
    password: str | None = field(default=None, repr=False)
    path_to_privkey: str | None = None
    port: int = 22
    known_hosts: str | None = None


@dataclass(frozen=True, slots=True)
class Service:
    """RabbitMQ or MongoDB. ``vhost`` is RabbitMQ's."""

    address: str
    port: int
    credentials: Credentials | None = None
    ssh: Ssh | None = None
    skip_deployment: bool = False
    vhost: str = "/"


class DeployType(StrEnum):
    NATIVE = "native"
    DOCKER = "docker"


@dataclass(frozen=True, slots=True)
class Workers:
    """``number_of_instance`` slots for the processor ``name`` on a host.

    ``image`` and ``volumes`` (as in ``/srv/books:/srv/books`` or ``/srv/models:/models:ro``) are of containers.
    """

    name: str
    number_of_instance: int = 1
    deploy_type: DeployType = DeployType.NATIVE
    image: str | None = None
    volumes: tuple[str, ...] = ()
    place: Place | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Host:
    """``offizin`` is where the program is on that host, ``socket`` where Docker or Podman listens there; without them,
    they are looked for."""

    address: str
    ssh: Ssh
    workers: tuple[Workers, ...]
    offizin: str | None = None
    socket: str | None = None


@dataclass(frozen=True, slots=True)
class ReferenceConfig:
    """``given`` names the keys that stood in the file."""

    process_queue: Service | None = None
    database: Service | None = None
    hosts: tuple[Host, ...] = ()
    internal_callback_url: str | None = None
    use_tcp_mets: bool = False
    given: tuple[str, ...] = ()


def read_reference_config(content: dict[str, Value], environment: Mapping[str, str] | None = None) -> ReferenceConfig:
    """From those of the file's keys that are in ``KEYS``; passwords may be in ``environment``, or in files.

    Raises SettingsInvalid.
    """
    reader = _Reader(environment or {})
    queue, database = content.get("process_queue"), content.get("database")
    hosts, callback = content.get("hosts"), content.get("internal_callback_url")
    return ReferenceConfig(
        process_queue=reader.service(queue, "vhost") if queue else None,
        database=reader.service(database) if database else None,
        hosts=tuple(reader.host(item) for item in items(hosts)) if hosts else (),
        internal_callback_url=plain_text(callback) if callback else None,
        use_tcp_mets=flag(content["use_tcp_mets"]) if "use_tcp_mets" in content else False,
        given=tuple(key for key in KEYS if key in content),
    )


_LOGIN_KEYS = ("username", *PASSWORD_KEYS, "path_to_privkey")
_OUR_LOGIN_KEYS = ("port", "known_hosts")


class _Reader:
    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = environment

    def service(self, value: Value, *ours: str) -> Service:
        known = ("address", "port", "credentials", "ssh", "skip_deployment", *ours)
        content = mapping(value, known, required=("address", "port"))
        return Service(
            text(content["address"]),
            _port(content["port"]),
            self._credentials(content["credentials"]) if "credentials" in content else None,
            self._ssh(content["ssh"]) if "ssh" in content else None,
            flag(content["skip_deployment"]) if "skip_deployment" in content else False,
            text(content["vhost"]) if "vhost" in content else "/",
        )

    def host(self, value: Value) -> Host:
        known = ("address", *_LOGIN_KEYS, *_OUR_LOGIN_KEYS, "offizin", "socket", "workers")
        content = mapping(value, known, required=("address", "username", "workers"))
        workers = tuple(_workers(item) for item in items(content["workers"]))
        if not workers:
            advice = "Name at least one worker, as in `- name: ocrd-dummy`."
            raise content["workers"].invalid("the list is empty", advice)
        return Host(
            text(content["address"]),
            self._login(value, content),
            workers,
            text(content["offizin"]) if "offizin" in content else None,
            text(content["socket"]) if "socket" in content else None,
        )

    def _credentials(self, value: Value) -> Credentials:
        content = mapping(value, ("username", *PASSWORD_KEYS), required=("username",))
        found = password(content, self._environment)
        if found is None:
            raise value.invalid("password is missing", f"Add one of {', '.join(PASSWORD_KEYS)} there.")
        return Credentials(plain_text(content["username"]), found)

    def _ssh(self, value: Value) -> Ssh:
        return self._login(value, mapping(value, (*_LOGIN_KEYS, *_OUR_LOGIN_KEYS), required=("username",)))

    def _login(self, value: Value, content: dict[str, Value]) -> Ssh:
        key = content.get("path_to_privkey")
        found = password(content, self._environment)
        if (found is None) == (key is None):
            given = (
                "neither password nor path_to_privkey is" if key is None else "password and path_to_privkey are both"
            )
            raise value.invalid(f"{given} given", "Exactly one of them must stand there.")
        return Ssh(
            plain_text(content["username"]),
            found,
            _file(key) if key else None,
            _port(content["port"]) if "port" in content else 22,
            _file(content["known_hosts"]) if "known_hosts" in content else None,
        )


def _file(value: Value) -> str:
    """As ``path``; but what the reference's schema lets pass, and cannot be a file, is told when it is needed."""
    given = plain_text(value)
    try:
        return str(path(value))
    except SettingsInvalid:
        return given


def _workers(value: Value) -> Workers:
    content = mapping(value, ("name", "number_of_instance", "deploy_type", "image", "volumes"), required=("name",))
    name = plain_text(content["name"])
    if not PROCESSOR_NAME.search(name):
        raise content["name"].invalid(f"{shown(content['name'])} is no processor", "Its name begins with ocrd-.")
    number, kind = content.get("number_of_instance"), content.get("deploy_type")
    deploy_type = one_of(DeployType, exactly=True)(kind) if kind else DeployType.NATIVE
    for key in ("image", "volumes"):
        if key in content and deploy_type is not DeployType.DOCKER:
            raise content[key].invalid(f"{key} is for containers", "Add `deploy_type: docker`, or leave it out.")
    return Workers(
        name,
        whole_number(1)(number) if number else 1,
        deploy_type,
        text(content["image"]) if "image" in content else None,
        tuple(_volume(item) for item in items(content["volumes"])) if "volumes" in content else (),
        value.place,
    )


def _volume(value: Value) -> str:
    """As the Docker API takes it: ``where on the host:where in the container``, and perhaps ``:ro``."""
    given = text(value)
    source, _, rest = given.partition(":")
    target, _, options = rest.partition(":")
    named = "/" not in source  # a volume of the engine's own
    if not target.startswith("/") or not source or not (named or source.startswith("/")):
        advice = "Write `/on/the/host:/in/the/container`, with `:ro` behind it if it is only read."
        raise value.invalid(f"{shown(value)} is no volume", advice)
    if options not in ("", "ro", "rw", "z", "Z", "ro,z", "ro,Z"):
        raise value.invalid(f"{options} is not allowed behind a volume", "ro, rw, z and Z are.")
    return given
