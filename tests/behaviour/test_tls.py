"""A server with a certificate of its own, and who trusts it."""

from __future__ import annotations

import datetime
import ipaddress
import json
import os
import ssl
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from offizin.api.tls import Tls
from offizin.errors import SettingsInvalid
from offizin.settings import Settings
from tests.behaviour.processes import Programs, Server


@dataclass(frozen=True)
class Files:
    certificate: Path
    key: Path

    @classmethod
    def make(cls, directory: Path, *, password: bytes | None = None) -> Files:
        """For 127.0.0.1, signed by itself."""
        directory.mkdir()
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "offizin")])
        now = datetime.datetime.now(datetime.UTC)
        certificate = (
            x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(days=1))
            .not_valid_after(now + datetime.timedelta(days=1))
            .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), False)
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), True)
            .sign(key, hashes.SHA256())
        )
        encryption: serialization.KeySerializationEncryption = serialization.NoEncryption()
        if password is not None:
            encryption = serialization.BestAvailableEncryption(password)
        made = cls(directory / "server.pem", directory / "server.key")
        made.certificate.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
        form = serialization.PrivateFormat.PKCS8
        made.key.write_bytes(key.private_bytes(serialization.Encoding.PEM, form, encryption))
        return made


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Files:
    return Files.make(tmp_path_factory.mktemp("tls") / "files")


@pytest.fixture(scope="module")
def secure(tmp_path_factory: pytest.TempPathFactory, programs: Programs, files: Files) -> Iterator[Server]:
    home = tmp_path_factory.mktemp("secure") / "home"
    programs.remind(home)
    server = Server(
        home, processor_directories=[str(programs.directory)],
        tls_certificate=str(files.certificate), tls_key=str(files.key),
    )  # fmt: skip
    yield server
    assert server.stop() == 0


def offizin(*arguments: object, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "offizin", *map(str, arguments)],
        capture_output=True, text=True, timeout=110, env={**os.environ, **environment}, check=False,
    )  # fmt: skip


def test_it_speaks_https_alone(secure: Server, files: Files) -> None:
    assert secure.url.startswith("https://127.0.0.1:")
    with httpx.Client(verify=ssl.create_default_context(cafile=str(files.certificate))) as client:
        assert client.get(f"{secure.url}/healthz").status_code == 200
    with pytest.raises(httpx.HTTPError):
        httpx.get(secure.url.replace("https:", "http:"))


def test_commands_on_its_home_trust_it(secure: Server, book: Path) -> None:
    done = offizin("run", book, "dummy -I OCR-D-IMG -O OCR-D-OUT", "--home", secure.home)
    assert done.returncode == 0, done.stderr


def test_commands_elsewhere_trust_who_is_named(secure: Server, files: Files) -> None:
    refused = offizin("status", "--server", secure.url)
    assert refused.returncode == 5
    assert "certificate" in refused.stderr
    assert "SSL_CERT_FILE" in refused.stderr
    done = offizin("status", "--server", secure.url, SSL_CERT_FILE=str(files.certificate))
    assert done.returncode == 0, done.stderr


def test_so_does_the_reference_s_client(secure: Server, files: Files) -> None:
    done = subprocess.run(
        [Path(sys.executable).parent / "ocrd", "network", "client", "discovery", "processors"],
        capture_output=True, text=True, timeout=110, check=False,
        env={**os.environ, "OCRD_NETWORK_SERVER_ADDR_PROCESSING": secure.url,
             "REQUESTS_CA_BUNDLE": str(files.certificate)},
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert "ocrd-dummy" in json.loads(done.stdout)


def wrong(certificate: Path | None, key: Path | None, home: Path) -> SettingsInvalid:
    with pytest.raises(SettingsInvalid) as caught:
        Tls.of_settings(Settings(home=home, tls_certificate=certificate, tls_key=key))
    return caught.value


def test_files_that_cannot_be_used_are_named(files: Files, tmp_path: Path) -> None:
    other, locked = Files.make(tmp_path / "other"), Files.make(tmp_path / "locked", password=b"x")
    text = tmp_path / "text"
    text.write_text("no PEM")
    nowhere = tmp_path / "nowhere"
    assert f"tls_certificate: {nowhere} cannot be read" in wrong(nowhere, files.key, tmp_path).message
    assert f"tls_key: {nowhere} cannot be read" in wrong(files.certificate, nowhere, tmp_path).message
    assert f"tls_key: {other.key} is not the key" in wrong(files.certificate, other.key, tmp_path).message
    assert f"{text}" in wrong(text, files.key, tmp_path).message
    assert f"{files.certificate}" in wrong(files.certificate, None, tmp_path).message
    assert "the key has a password" in wrong(locked.certificate, locked.key, tmp_path).message
    assert "no tls_certificate" in wrong(None, files.key, tmp_path).message


def test_a_key_may_stand_in_the_same_file(files: Files, tmp_path: Path) -> None:
    both = tmp_path / "both.pem"
    both.write_text(files.certificate.read_text() + files.key.read_text())
    assert Tls.of_settings(Settings(home=tmp_path, tls_certificate=both)) == Tls(both, both)
    assert Tls.of_settings(Settings(home=tmp_path)) is None


def test_a_server_with_wrong_files_does_not_start(files: Files, tmp_path: Path) -> None:
    done = offizin(
        "serve", "--address", "127.0.0.1:0", "--home", tmp_path / "home",
        OFFIZIN_TLS_CERTIFICATE=str(files.certificate),
    )  # fmt: skip
    assert done.returncode == 2
    assert "Error: tls_certificate" in done.stderr
    assert "Traceback" not in done.stderr
