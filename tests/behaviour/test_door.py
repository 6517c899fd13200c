"""Who may ask a server that other machines reach: tokens and their scopes, and the programs that use them."""

from __future__ import annotations

import json
import os
import re
import stat
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from offizin.home import Home
from tests.behaviour.processes import Programs, Server

HEADER = "WWW-Authenticate"


def offizin(*arguments: object, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "offizin", *map(str, arguments)],
        capture_output=True, text=True, timeout=110, env={**os.environ, **environment}, check=False,
    )  # fmt: skip


@dataclass(frozen=True)
class Token:
    name: str
    secret: str

    @classmethod
    def create(cls, server: Server, name: str, scope: str, *more: str) -> Token:
        done = offizin("token", "create", name, "--scope", scope, "--home", server.home, "--json", *more)
        assert done.returncode == 0, done.stderr
        return cls(name, json.loads(done.stdout)["secret"])

    def ask(self, server: Server, method: str, path: str, **more: Any) -> httpx.Response:
        headers = {"Authorization": f"Bearer {self.secret}", **more.pop("headers", {})}
        return httpx.request(method, server.url + path, headers=headers, timeout=60, **more)

    def at(self, server: Server) -> str:
        """The address with name and secret in it."""
        return server.url.replace("://", f"://{self.name}:{self.secret}@")


@pytest.fixture(scope="module")
def wide(tmp_path_factory: pytest.TempPathFactory, programs: Programs) -> Iterator[Server]:
    """A server that all addresses of this machine lead to."""
    home = tmp_path_factory.mktemp("wide") / "home"
    programs.remind(home)
    server = Server(
        home, host="0.0.0.0", processor_directories=[str(programs.directory)],
        workspace_roots=[str(tmp_path_factory.getbasetemp())],
    )  # fmt: skip
    yield server
    assert server.stop() == 0
    assert Home(home).token() == ""


@pytest.fixture(scope="module")
def runner(wide: Server) -> Token:
    return Token.create(wide, "reading-room", "run")


def test_it_says_that_a_token_is_needed_and_how_one_is_made(wide: Server) -> None:
    wide.wait_until_it_says(r"Requests need a token")
    wide.wait_until_it_says(r"There is none yet. To make one: offizin token create NAME --scope run")


@pytest.mark.parametrize("path", ["/", "/docs", "/openapi.json", "/workflow/jobs", "/metrics", "/nowhere"])
def test_without_a_token_nothing_is_told(wide: Server, path: str) -> None:
    answer = httpx.get(wide.url + path)
    assert answer.status_code == 401
    assert answer.headers.get_list(HEADER)[0].startswith("Basic ")
    assert set(answer.json()) == {"detail", "code", "hint"}
    assert httpx.get(f"{wide.url}/healthz").status_code == 200


def test_the_secret_goes_as_bearer_or_with_the_name_as_basic(wide: Server, runner: Token) -> None:
    assert runner.ask(wide, "GET", "/workflow/jobs").status_code == 200
    for name, status in ((runner.name, 200), ("somebody", 401)):
        assert httpx.get(f"{wide.url}/workflow/jobs", auth=(name, runner.secret)).status_code == status
    for wrong in ("Bearer x", "Bearer", "Basic x", "Offizin-Server 1:a:b", "Negotiate", f"Bearer {runner.secret}x"):
        assert httpx.get(f"{wide.url}/", headers={"Authorization": wrong}).status_code == 401


def test_each_scope_opens_its_routes(wide: Server, runner: Token) -> None:
    reader, worker = Token.create(wide, "reader", "read"), Token.create(wide, "worker", "worker")
    refused = reader.ask(wide, "POST", "/workflow", files={"workflow": ("w", "dummy -I A -O B")})
    assert (refused.status_code, refused.json()["code"]) == (403, "not_allowed")
    assert "the token reader has the scope read; this needs run" in refused.json()["detail"]
    assert runner.ask(wide, "POST", "/workflow", files={"workflow": ("w", "dummy -I A -O B")}).status_code == 201
    assert runner.ask(wide, "POST", "/stop").status_code == 403
    assert runner.ask(wide, "GET", "/tokens").status_code == 403
    assert worker.ask(wide, "GET", "/workflow/jobs").status_code == 403
    part = {"attempt": 1, "piece": 0, "offset": 0}
    assert worker.ask(wide, "PUT", "/processor/job/x/log", params=part, content=b"a").status_code not in (401, 403)
    assert runner.ask(wide, "PUT", "/processor/job/x/log", params=part, content=b"a").status_code == 403


def test_who_asked_is_logged_by_name_and_no_secret_is(wide: Server, runner: Token) -> None:
    runner.ask(wide, "DELETE", "/workflow/job/%0AERROR forged%1b")
    wide.wait_until_it_says(r"DELETE /workflow/job/\\nERROR forged\\x1b by reading-room: 404")
    httpx.post(f"{wide.url}/stop", headers={"Authorization": "Bearer guessed-it"})
    wide.wait_until_it_says(r"POST /stop of \S+ refused: the token is not known")
    httpx.post(f"{wide.url}/tcp_mets/a-right-by-itself", json={})
    said = "\n".join(wide.said)
    assert not [secret for secret in (runner.secret, "guessed-it", "a-right-by-itself") if secret in said]


def test_commands_of_this_user_need_none(wide: Server, runner: Token, book: Path) -> None:
    token_file = wide.home / "token"
    assert stat.S_IMODE(token_file.stat().st_mode) == 0o600
    done = offizin("run", book, "dummy -I OCR-D-IMG -O OCR-D-OUT", "--home", wide.home)
    assert done.returncode == 0, done.stderr
    assert offizin("token", "create", "a", "--scope", "read", "--home", wide.home).stdout.count("offizin_") == 1
    listed = offizin("token", "list", "--home", wide.home)
    assert runner.name in listed.stdout
    assert "offizin_" not in listed.stdout


def test_commands_elsewhere_have_it_in_the_address_or_the_environment(wide: Server, runner: Token) -> None:
    refused = offizin("status", "--server", wide.url)
    assert refused.returncode == 2
    assert "Error: a token is needed" in refused.stderr
    assert "OFFIZIN_TOKEN" in refused.stderr
    assert offizin("status", "--server", runner.at(wide)).returncode == 0
    assert offizin("status", "--server", wide.url, OFFIZIN_TOKEN=runner.secret).returncode == 0
    paused = offizin("pause", "ocrd-dummy", "--server", runner.at(wide))
    assert paused.returncode == 2
    assert "this needs admin" in paused.stderr


def test_the_reference_s_client_has_it_in_the_address(wide: Server, runner: Token, book: Path) -> None:
    environment = {
        **os.environ, "OCRD_NETWORK_SERVER_ADDR_PROCESSING": runner.at(wide), "OCRD_NETWORK_CLIENT_POLLING_SLEEP": "1",
    }  # fmt: skip
    client = [Path(sys.executable).parent / "ocrd", "network", "client"]

    def ask(*words: str) -> str:
        done = subprocess.run(
            [*client, *words], capture_output=True, text=True, env=environment, timeout=110, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    assert "ocrd-dummy" in json.loads(ask("discovery", "processors"))
    groups = ("-I", "OCR-D-IMG", "-O", "OCR-D-OUT")
    job = ask("processing", "run", "ocrd-dummy", "-m", str(book), *groups, "--block").split()[-1]
    assert "SUCCESS" in ask("processing", "check-status", "-j", job)
    assert "processing page" in ask("processing", "check-log", "-j", job)
    printed = ask("workflow", "run", "-m", str(book), "--block", "dummy -I OCR-D-IMG -O OCR-D-OTHER")
    assert "Workflow succeeded" in printed


def test_a_token_that_is_revoked_or_has_expired_opens_nothing(wide: Server) -> None:
    short = Token.create(wide, "short", "read", "--expires", "2s")
    lost = Token.create(wide, "lost", "read")
    assert lost.ask(wide, "GET", "/").status_code == 200
    assert offizin("token", "revoke", "lost", "--home", wide.home).returncode == 0
    answer = lost.ask(wide, "GET", "/")
    assert (answer.status_code, answer.json()["detail"]) == (401, "the token lost was revoked")
    while (answer := short.ask(wide, "GET", "/")).status_code == 200:
        pass
    assert answer.json()["detail"] == "the token short has expired"
    assert offizin("token", "create", "lost", "--scope", "read", "--home", wide.home).returncode == 4
    assert offizin("token", "revoke", "nobody", "--home", wide.home).returncode == 3


def test_whoever_says_no_auth_has_none(tmp_path: Path) -> None:
    server = Server(tmp_path / "home", host="0.0.0.0", no_auth=True)
    server.wait_until_it_says("Whoever reaches this address may do everything here")
    assert httpx.get(f"{server.url}/workflow/jobs").status_code == 200
    assert httpx.post(f"{server.url}/stop", headers={"Origin": "http://evil.example"}).status_code == 403
    assert server.stop() == 0


def test_tokens_are_made_without_a_server_and_can_be_asked_for_on_loopback(tmp_path: Path) -> None:
    home = tmp_path / "home"
    made = offizin("token", "create", "early", "--scope", "read", "--expires", "90d", "--home", home)
    secret = re.search(r"^offizin_\S+$", made.stdout, re.MULTILINE)
    assert secret, made.stderr
    server = Server(home, require_token=True)
    assert not any("There is none yet" in line for line in server.said)
    early = Token("early", secret[0])
    assert early.ask(server, "GET", "/workflow/jobs").status_code == 200
    assert httpx.get(f"{server.url}/workflow/jobs").status_code == 401
    assert offizin("status", "--home", home).returncode == 0
    assert server.stop() == 0


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Host": "evil.example"},
        {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"},
        {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors"},
    ],
)
@pytest.mark.only("embedded", because="it is the same door")
def test_no_web_page_can_post_to_a_server_on_loopback(server: Server, headers: dict[str, str], book: Path) -> None:
    answer = server.client.post(
        "/workflow/run", params={"mets_path": str(book)}, headers=headers,
        files={"workflow": ("w", "dummy -I OCR-D-IMG -O OCR-D-OUT")},
    )  # fmt: skip
    assert answer.status_code == 403
    assert set(answer.json()) == {"detail", "code", "hint"}
    assert server.client.get("/workflow/jobs", headers={"Origin": server.url}).json()["runs"] == []
