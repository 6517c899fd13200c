"""The reference's configuration file is understood: its own schema is the judge."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from offizin.errors import SettingsInvalid
from offizin.settings import Settings
from offizin.settings.configuration_file import Place, parse_yaml
from offizin.settings.reference_config import (
    Credentials,
    DeployType,
    Host,
    ReferenceConfig,
    Service,
    Ssh,
    Workers,
    read_reference_config,
)

Validator = pytest.importorskip("ocrd_validators").ProcessingServerConfigValidator

STOCK = """\
internal_callback_url: http://172.17.0.1:8080
use_tcp_mets: true
process_queue:
  address: localhost
  port: 5672
  skip_deployment: true
  credentials:
    username: admin
    password: secret
database:
  address: 192.168.0.2
  port: 27017
  ssh:
    username: cloud
    path_to_privkey: /home/cloud/.ssh/id
hosts:
  - address: localhost
    username: cloud
    password: "1234"
    workers:
      - name: ocrd-cis-ocropy-binarize
        number_of_instance: 2
        deploy_type: native
      - name: ocrd-olena-binarize
        deploy_type: docker
  - address: worker.example.org
    username: cloud
    path_to_privkey: id
    workers: [{name: ocrd-dummy}]
"""


def read(text: str) -> ReferenceConfig:
    content: dict[str, Any] = parse_yaml(text, Place("stock.yml"), Path("/")).content
    return read_reference_config(content)


def test_a_stock_file_is_read_whole() -> None:
    assert read(STOCK) == ReferenceConfig(
        process_queue=Service("localhost", 5672, Credentials("admin", "secret"), skip_deployment=True),
        database=Service("192.168.0.2", 27017, ssh=Ssh("cloud", path_to_privkey="/home/cloud/.ssh/id")),
        hosts=(
            Host(
                "localhost",
                Ssh("cloud", password="1234"),
                (
                    Workers("ocrd-cis-ocropy-binarize", 2),
                    Workers("ocrd-olena-binarize", deploy_type=DeployType.DOCKER),
                ),
            ),
            Host("worker.example.org", Ssh("cloud", path_to_privkey="/id"), (Workers("ocrd-dummy"),)),
        ),
        internal_callback_url="http://172.17.0.1:8080",
        use_tcp_mets=True,
        given=("process_queue", "database", "hosts", "internal_callback_url", "use_tcp_mets"),
    )


def test_passwords_are_not_shown() -> None:
    shown = repr(read(STOCK))
    assert "secret" not in shown
    assert "1234" not in shown


def test_both_kinds_of_keys_stand_in_one_file(tmp_path: Path) -> None:
    file = tmp_path / "offizin.yml"
    file.write_text("slots: 3\n" + STOCK)
    loaded = Settings.load(file, {}, {})
    assert loaded.slots == 3
    assert loaded.reference == read(STOCK.replace("path_to_privkey: id", f"path_to_privkey: {tmp_path}/id"))
    assert loaded.notices == ()


def test_what_is_only_for_workers_at_a_queue_is_not_used_without_one(tmp_path: Path) -> None:
    file = tmp_path / "offizin.yml"
    file.write_text("use_tcp_mets: true\ndatabase: {address: localhost, port: 1}\n")
    (notice,) = Settings.load(file, {}, {}).notices
    assert notice == f"{file}: without process_queue this is not used: database, use_tcp_mets"


def test_a_file_without_these_keys_says_nothing_of_them() -> None:
    assert read("slots: 3") == ReferenceConfig()


@pytest.mark.parametrize(
    ("text", "place", "said"),
    [
        ("process_queue: {address: a}", "line 1, process_queue", "port is missing"),
        ("process_queue:\n  address: a\n  port: 0", "line 3, process_queue.port", "0 is not allowed"),
        ("process_queue:\n  address: a\n  prot: 5", "line 3, process_queue.prot", "there is no such key"),
        ("process_queue:\n  address: ''\n  port: 5", "line 2, process_queue.address", "it is empty"),
        ("process_queue: rabbit:5672", "line 1, process_queue", "'rabbit:5672' is no mapping"),
        (
            "database:\n  address: a\n  port: 5\n  credentials: {username: a, password: 123}",
            "line 4, database.credentials.password",
            "this is not a text",
        ),
        (
            "database:\n  address: a\n  port: 5\n  ssh:\n    username: a",
            "line 5, database.ssh",
            "neither password nor path_to_privkey",
        ),
        (
            "hosts:\n- address: a\n  username: b\n  password: c\n  path_to_privkey: d\n  workers: [{name: ocrd-a}]",
            "line 2, hosts[0]",
            "password and path_to_privkey are both given",
        ),
        ("hosts:\n- {address: a, username: b, password: c}", "line 2, hosts[0]", "workers is missing"),
        (
            "hosts:\n- address: a\n  username: b\n  password: c\n  workers: []",
            "line 5, hosts[0].workers",
            "the list is empty",
        ),
        (
            "hosts:\n- address: a\n  username: b\n  password: c\n  workers:\n  - name: ocrd-a\n  - name: dummy",
            "line 7, hosts[0].workers[1].name",
            "'dummy' is no processor",
        ),
        ("hosts: {}", "line 1, hosts", "a mapping is not a list"),
        ("database: {address: a, port: 5, vhost: b}", "line 1, database.vhost", "there is no such key"),
        ("process_queue: {address: a, port: 5, vhost: ''}", "line 1, process_queue.vhost", "it is empty"),
        ("use_tcp_mets: 'yes'", "line 1, use_tcp_mets", "'yes' is not allowed"),
    ],
)
def test_a_mistake_is_named_with_file_line_and_key(text: str, place: str, said: str) -> None:
    with pytest.raises(SettingsInvalid) as caught:
        read(text)
    assert caught.value.message.startswith(f"stock.yml, {place}: ")
    assert said in caught.value.message
    assert caught.value.advice


def test_the_queue_may_lie_in_a_virtual_host() -> None:
    queue = read("process_queue: {address: a, port: 5, vhost: books}").process_queue
    assert queue is not None
    assert queue.vhost == "books"


HOST_WITH_OUR_KEYS = """\
hosts:
- address: worker.example.org
  port: 2222
  known_hosts: keys/known_hosts
  username: cloud
  password_file: password
  offizin: /opt/offizin/bin/offizin
  socket: /run/podman/podman.sock
  workers:
  - name: ocrd-dummy
    deploy_type: docker
    image: example.org/dummy:1
    volumes: ["/srv/books:/srv/books", "models:/models:ro"]
"""


def test_our_keys_stand_beside_those_of_the_reference(tmp_path: Path) -> None:
    (tmp_path / "password").write_text("open sesame\n")
    content = parse_yaml(HOST_WITH_OUR_KEYS, Place("our.yml"), tmp_path).content
    (host,) = read_reference_config(content).hosts
    known_hosts = str(tmp_path / "keys/known_hosts")
    assert host == Host(
        "worker.example.org",
        Ssh("cloud", password="open sesame", port=2222, known_hosts=known_hosts),
        (
            Workers(
                "ocrd-dummy", 1, DeployType.DOCKER, "example.org/dummy:1",
                ("/srv/books:/srv/books", "models:/models:ro"),
            ),
        ),
        offizin="/opt/offizin/bin/offizin",
        socket="/run/podman/podman.sock",
    )  # fmt: skip


def test_a_password_comes_from_the_environment() -> None:
    text = "process_queue: {address: a, port: 5, credentials: {username: b, password_env: QUEUE_PASSWORD}}"
    content: dict[str, Any] = parse_yaml(text, Place("our.yml"), Path("/")).content
    queue = read_reference_config(content, {"QUEUE_PASSWORD": "open sesame"}).process_queue
    assert queue is not None
    assert queue.credentials == Credentials("b", "open sesame")
    with pytest.raises(SettingsInvalid, match="the variable QUEUE_PASSWORD is not set") as caught:
        read_reference_config(content, {})
    assert "our.yml, line 1, process_queue.credentials.password_env" in caught.value.message


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ("password_file: /nowhere/at/all", "line 4, hosts[0].password_file: /nowhere/at/all cannot be read"),
        ("password_file: a, password: b", "password is given, too"),
        ("password: b, path_to_privkey: c", "password and path_to_privkey are both given"),
        ("password: b, port: 0", "hosts[0].port: 0 is not allowed"),
        ("password: 4711", "hosts[0].password: this is not a text"),
        ("password: b, offizin: ''", "hosts[0].offizin: it is empty"),
    ],
)
def test_a_mistake_in_our_keys_is_named_and_passwords_are_not(keys: str, said: str) -> None:
    with pytest.raises(SettingsInvalid) as caught:
        read(f"hosts:\n- {{address: a, username: b, workers: [{{name: ocrd-a}}],\n\n  {keys}}}")
    assert said in caught.value.message
    assert "4711" not in f"{caught.value.message} {caught.value.advice}"


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ("image: a", "image is for containers"),
        ("deploy_type: docker, volumes: [here]", "'here' is no volume"),
        ("deploy_type: docker, volumes: ['books/a:/a']", "'books/a:/a' is no volume"),
        ("deploy_type: docker, volumes: ['/a:/a:quick']", "quick is not allowed"),
        ("deploy_type: docker, volumes: /a:/a", "is not a list"),
    ],
)
def test_a_mistake_in_what_containers_need_is_named(keys: str, said: str) -> None:
    with pytest.raises(SettingsInvalid, match=r"line 1, hosts\[0\]\.workers\[0\]") as caught:
        read(f"hosts: [{{address: a, username: b, password: c, workers: [{{name: ocrd-a, {keys}}}]}}]")
    assert said in caught.value.message


# --- the reference's schema as the oracle -------------------------------------------------------------------------

ODD: list[Any] = [None, "", "x", 0, 1, 2.0, 1.5, True, [], {}, 70000, "ocrd-dummy", "docker"]
SELDOM = st.integers(0, 49).map(lambda number: number == 27)


@st.composite
def mostly(draw: st.DrawFn, right: st.SearchStrategy[Any]) -> Any:
    return draw(st.sampled_from(ODD) if draw(SELDOM) else right)


@st.composite
def some(draw: st.DrawFn, required: dict[str, Any], optional: dict[str, Any]) -> dict[str, Any]:
    """A mapping that is mostly right: now and then a key is missing, one too many, or a value odd."""
    keys = [*required, *(key for key in optional if draw(st.booleans()))]
    if draw(SELDOM):
        keys = draw(st.lists(st.sampled_from([*required, *optional, "other"]), unique=True))
    return {key: draw(mostly((required | optional).get(key, st.just(1)))) for key in keys}


NAME = st.sampled_from(["localhost", "10.0.0.1", "user"])
PORT = st.integers(1, 65535)
LOGIN = {"password": NAME, "path_to_privkey": NAME}
SSH = some({"username": NAME}, LOGIN)
SERVICE = some(
    {"address": NAME, "port": PORT},
    {
        "credentials": some({"username": NAME, "password": NAME}, {}),
        "ssh": SSH,
        "skip_deployment": st.booleans(),
    },
)
WORKER = some(
    {"name": st.sampled_from(["ocrd-dummy", "ocrd-", "dummy"])},
    {"number_of_instance": st.integers(0, 3), "deploy_type": st.sampled_from(["native", "docker", "Docker"])},
)
HOST = some({"address": NAME, "username": NAME, "workers": st.lists(mostly(WORKER), max_size=2)}, LOGIN)
CONFIG = some(
    {"process_queue": SERVICE},
    {
        "database": SERVICE,
        "hosts": st.lists(HOST, max_size=2),
        "internal_callback_url": NAME,
        "use_tcp_mets": st.booleans(),
    },
).filter(lambda config: "process_queue" in config and "other" not in config)


def without_empty_addresses(config: dict[str, Any]) -> bool:
    """The schema lets an empty address pass, which nobody can reach: there we differ on purpose."""
    hosts = config.get("hosts")
    services = [config.get("process_queue"), config.get("database"), *(hosts if isinstance(hosts, list) else [])]
    return not any(isinstance(service, dict) and service.get("address") == "" for service in services)


@settings(max_examples=400)
@given(CONFIG.filter(without_empty_addresses))
def test_what_the_schema_accepts_is_accepted_and_nothing_else(config: dict[str, Any]) -> None:
    valid = Validator.validate(config).is_valid
    text = yaml.safe_dump(config)
    if valid:
        found = read(text)
        assert found.process_queue is not None
        assert found.process_queue.port == config["process_queue"]["port"]
        assert [host.address for host in found.hosts] == [host["address"] for host in config.get("hosts", [])]
    else:
        with pytest.raises(SettingsInvalid):
            read(text)
