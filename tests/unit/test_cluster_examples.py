"""The files that docs/cluster.md shows can be used as they are."""

from __future__ import annotations

import configparser
import re
from pathlib import Path

import pytest
import yaml

from offizin.deployment.machines import Surroundings, host_plans, wanted_on
from offizin.deployment.wanted import Kind
from offizin.settings import Settings
from offizin.settings.reference_config import Host, Ssh, Workers

DOCS = Path(__file__).parents[2] / "docs"
DEPLOY = DOCS / "deploy"


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Of the example, with its files in a directory of the test."""
    text = (DEPLOY / "cluster.yml").read_text().replace("/etc/offizin", str(tmp_path))
    (tmp_path / "queue.password").write_text("open-sesame\n")
    (tmp_path / "cluster.yml").write_text(text)
    return Settings.load(tmp_path / "cluster.yml", {}, {"GPU_HOST_PASSWORD": "another"})


def test_the_example_of_three_hosts_is_read_and_planned(settings: Settings) -> None:
    assert settings.store is not None
    assert not settings.store.skip_deployment
    first, second = host_plans(settings.reference)
    around = Surroundings("amqp://offizin:open-sesame@10.0.0.1", "http://10.0.0.1:8000", "me", 60, "open-token")
    (native,), (container,) = wanted_on(first, around), wanted_on(second, around)
    assert (native.kind, container.kind) == (Kind.NATIVE, Kind.DOCKER)
    assert native.spec == (
        "/opt/offizin/bin/offizin worker ocrd-tesserocr-segment:4 ocrd-tesserocr-recognize:8 "
        "--server http://10.0.0.1:8000 --grace 60 amqp://offizin@10.0.0.1"
    )
    assert second.label == "ocr@gpu.example.org:2222"
    shown = native.spec + container.spec + repr(native) + repr(container)
    assert "sesame" not in shown
    assert "open-token" not in shown
    for one in (native, container):
        assert one.what.environment["OFFIZIN_TOKEN"] == "open-token"


def test_entries_with_the_same_login_are_one_host(settings: Settings) -> None:
    login = Ssh("ocr", "secret")
    twice = (Workers("ocrd-a", 2), Workers("ocrd-b")), (Workers("ocrd-a"),)
    config = settings.reference.__class__(
        process_queue=settings.reference.process_queue, hosts=tuple(Host("a", login, workers) for workers in twice)
    )
    (plan,) = host_plans(config)
    (wanted,) = wanted_on(plan, Surroundings("amqp://a", None, "me", 5))
    assert wanted.spec.startswith("offizin worker ocrd-a:3 ocrd-b --grace 5")


def test_the_server_of_the_compose_file_is_configured() -> None:
    settings = Settings.load(DEPLOY / "compose-server.yml", {}, {"QUEUE_PASSWORD": "x", "PGPASSWORD": "y"})
    assert settings.store is not None
    assert settings.reference.process_queue is not None
    assert settings.reference.process_queue.skip_deployment
    services = yaml.safe_load((DEPLOY / "compose.yml").read_text())["services"]
    assert services["server"]["command"][1] == "serve"
    assert settings.store.url.host in services
    assert settings.reference.process_queue.address in services


def test_the_service_lets_the_server_end_what_it_has_started() -> None:
    unit = configparser.ConfigParser(interpolation=None, strict=False)
    unit.optionxform = str  # type: ignore[assignment, method-assign]
    unit.read(DEPLOY / "offizin.service")
    assert unit["Service"]["KillMode"] == "process"
    assert "offizin serve /etc/offizin/cluster.yml" in unit["Service"]["ExecStart"]


def test_every_message_of_the_table_is_one_that_is_told() -> None:
    code = "".join(path.read_text() for path in (DOCS.parent / "offizin/deployment").glob("*.py"))
    table = (DOCS / "cluster.md").read_text().split("| the log says |")[1]
    for message in re.findall(r"^\| `([^`]+)`", table, re.MULTILINE):
        for part in message.split("…"):
            assert part.strip() in code
