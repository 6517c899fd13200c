"""Configuration files in the shape that the reference's schema has start a server, as they are."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from ocrd_validators import ProcessingServerConfigValidator

from offizin.settings import Settings
from tests.behaviour.processes import Server
from tests.rabbitmq_server import RabbitMqServer

GUEST = {"username": "guest", "password": "guest"}
DATABASE = {"address": "127.0.0.1", "port": 27018, "skip_deployment": True}


def queue(port: int, **more: Any) -> dict[str, Any]:
    return {"address": "127.0.0.1", "port": port, "skip_deployment": True, **more}


def examples(port: int) -> dict[str, dict[str, Any]]:
    return {
        "a queue alone": {"process_queue": queue(port)},
        "with credentials": {"process_queue": queue(port, credentials=GUEST)},
        "with a database": {"process_queue": queue(port, credentials=GUEST), "database": DATABASE},
        "as behind a proxy": {
            "internal_callback_url": "http://172.17.0.1:8080",
            "use_tcp_mets": True,
            "process_queue": queue(port, credentials=GUEST),
            "database": {**DATABASE, "credentials": {"username": "admin", "password": "admin"}},
        },
    }


def hosts(*workers: dict[str, Any]) -> dict[str, Any]:
    """Such are started by the tests of deployment."""
    host = {"address": "ocr.example.org", "username": "ocr", "path_to_privkey": "/home/ocr/.ssh/id", "workers": workers}
    return {"process_queue": queue(5672), "database": DATABASE, "hosts": [{**host, "workers": list(workers)}]}


READ_ONLY = {
    "native workers": hosts({"name": "ocrd-dummy", "number_of_instance": 2, "deploy_type": "native"}),
    "workers in containers": hosts({"name": "ocrd-dummy", "deploy_type": "docker"}),
    "services over SSH": {
        "process_queue": {
            "address": "mq.example.org", "port": 5672, "credentials": GUEST,
            "ssh": {"username": "ocr", "password": "secret"},
        },
        "database": {"address": "db.example.org", "port": 27017, "ssh": {"username": "ocr", "password": "secret"}},
    },
}  # fmt: skip


@pytest.mark.parametrize("name", [*examples(5672), *READ_ONLY])
def test_an_example_is_sound_for_the_reference_and_for_us(name: str, tmp_path: Path) -> None:
    content = (examples(5672) | READ_ONLY)[name]
    report = ProcessingServerConfigValidator.validate(content)
    assert report.is_valid, report.errors
    file = tmp_path / "config.yml"
    file.write_text(yaml.safe_dump(content))
    read = Settings.load(file, {"home": tmp_path}, {}).reference
    assert read.process_queue is not None
    assert read.process_queue.port == content["process_queue"]["port"]
    assert (read.database is not None) == ("database" in content)
    assert len(read.hosts) == len(content.get("hosts", ()))


@pytest.mark.parametrize("name", examples(0))
def test_an_example_starts_a_server(name: str, tmp_path: Path, rabbitmq_server: RabbitMqServer) -> None:
    rabbitmq_server.fresh_url()
    file = tmp_path / "config.yml"
    file.write_text(yaml.safe_dump(examples(rabbitmq_server.port)[name]))
    server = Server(tmp_path / "home", config=file)
    assert server.client.get("/").json()["message"].startswith("The home page")
    assert server.client.get("/processor").json() == []
    assert server.stop() == 0


def test_the_address_is_given_as_to_the_reference(tmp_path: Path) -> None:
    told = subprocess.run(
        [sys.executable, "-m", "offizin", "serve", "-a", "127.0.0.1:no-port", tmp_path / "none.yml"],
        capture_output=True, text=True, check=False, env=dict(os.environ), timeout=60,
    )  # fmt: skip
    assert told.returncode == 2
    assert "no-port" in told.stderr
