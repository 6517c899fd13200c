"""Settings come from defaults, a file, the environment and the command line; a mistake is named with its place."""

from __future__ import annotations

import contextlib
import dataclasses
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from offizin.errors import SettingsInvalid
from offizin.settings import LogLevel, Settings, Store, SyncMode, default_home, split_address
from offizin.settings.configuration_file import Place, parse_yaml
from offizin.settings.database_url import DatabaseUrl
from offizin.settings.settings import SETTINGS


def written(directory: Path, text: str) -> Path:
    file = directory / "offizin.yml"
    file.write_text(text, encoding="utf-8")
    return file


def fault(directory: Path, text: str) -> SettingsInvalid:
    with pytest.raises(SettingsInvalid) as caught:
        Settings.load(written(directory, text), {}, {})
    return caught.value


def test_nothing_needs_to_be_set(tmp_path: Path) -> None:
    settings = Settings.load(None, {}, {"OFFIZIN_HOME": str(tmp_path)})
    assert settings.home == tmp_path
    assert (settings.host, settings.port) == ("127.0.0.1", 8000)
    assert settings.slots >= 1
    assert settings.max_runners >= settings.slots
    assert settings.threads_per_runner >= 1
    assert settings.time_limit("ocrd-dummy") == 3600
    assert settings.notices == ()


def test_every_setting_has_a_field_and_a_reader() -> None:
    fields = {each.name for each in dataclasses.fields(Settings)} - {"reference", "notices"}
    assert fields == set(SETTINGS)


def test_all_settings_can_stand_in_a_file(tmp_path: Path) -> None:
    text = """\
home: data
host: 0.0.0.0
port: 9000
slots: 4
slots_per_processor: {ocrd-kraken-recognize: 1}
max_runners: 6
threads_per_runner: 2
runner_idle_limit: 30
load_limit: 1200.5
processor_directories:
  - /opt/ocrd/bin
  - venv/bin
time_limits:
  default: 60
  ocrd-kraken-recognize: 600
own_failure_retries: 1
runner_lost_retries: 5
failures_in_a_row: 7
save_interval: 2
sync: everything
store: postgresql://ocr@db/books
server_lease: 5
worker_lease: 6
worker_grace: 20
bootstrap: true
require_token: true
no_auth: yes
allowed_hosts: [ocr.example.org, "*.lib.example"]
allowed_origins: https://www.example.org
tls_certificate: server.pem
tls_key: /keys/server.key
log_level: debug
workspace_roots: [/srv/books, more]
callback_hosts: [callbacks.example, 10.1.0.0/16]
upload_limit: 1000
zip_count_limit: 10
zip_ratio_limit: 20
jobs_limit: 30
connections_per_client: 40
streams_per_client: 5
client_pause_limit: 6
"""
    assert set(SETTINGS) <= {line.split(":")[0] for line in text.splitlines()}
    settings = Settings.load(written(tmp_path, text), {}, {})
    assert settings == Settings(
        home=tmp_path / "data",
        host="0.0.0.0",
        port=9000,
        slots=4,
        slots_per_processor={"ocrd-kraken-recognize": 1},
        max_runners=6,
        threads_per_runner=2,
        runner_idle_limit=30.0,
        load_limit=1200.5,
        processor_directories=(Path("/opt/ocrd/bin"), tmp_path / "venv/bin"),
        time_limits={"default": 60.0, "ocrd-kraken-recognize": 600.0},
        own_failure_retries=1,
        runner_lost_retries=5,
        failures_in_a_row=7,
        save_interval=2.0,
        sync=SyncMode.EVERYTHING,
        store=Store(DatabaseUrl("books", "ocr", "db")),
        server_lease=5.0,
        worker_lease=6.0,
        worker_grace=20.0,
        bootstrap=True,
        require_token=True,
        no_auth=True,
        allowed_hosts=("ocr.example.org", "*.lib.example"),
        allowed_origins=("https://www.example.org",),
        tls_certificate=tmp_path / "server.pem",
        tls_key=Path("/keys/server.key"),
        log_level=LogLevel.DEBUG,
        workspace_roots=(Path("/srv/books"), tmp_path / "more"),
        callback_hosts=("callbacks.example", "10.1.0.0/16"),
        upload_limit=1000,
        zip_count_limit=10,
        zip_ratio_limit=20,
        jobs_limit=30,
        connections_per_client=40,
        streams_per_client=5,
        client_pause_limit=6.0,
    )
    assert settings.time_limit("ocrd-kraken-recognize") == 600
    assert settings.time_limit("ocrd-dummy") == 60


def test_the_command_line_wins_over_the_environment_and_that_over_the_file(tmp_path: Path) -> None:
    file = written(tmp_path, "port: 1\nslots: 1\nhost: a\nmax_runners: 9")
    settings = Settings.load(file, {"port": 3, "slots": None}, {"OFFIZIN_PORT": "2", "OFFIZIN_SLOTS": "2"})
    assert (settings.port, settings.slots, settings.host) == (3, 2, "a")


def test_the_environment_says_everything_as_text(tmp_path: Path) -> None:
    environment = {
        "OFFIZIN_HOME": str(tmp_path / "a #b: c"),
        "OFFIZIN_PROCESSOR_DIRECTORIES": "/opt/a:/opt/b",
        "OFFIZIN_TIME_LIMITS": "{default: 60, ocrd-dummy: 1.5}",
        "OFFIZIN_SAVE_INTERVAL": "2.5",
        "OFFIZIN_LOG_LEVEL": "Warning",
        "OFFIZIN_PORT": "",
    }
    settings = Settings.load(None, {}, environment)
    assert settings.home == tmp_path / "a #b: c"
    assert settings.processor_directories == (Path("/opt/a"), Path("/opt/b"))
    assert settings.time_limits == {"default": 60.0, "ocrd-dummy": 1.5}
    assert settings.save_interval == 2.5
    assert settings.log_level is LogLevel.WARNING
    assert settings.port == 8000


def test_the_command_line_may_give_values_or_texts(tmp_path: Path) -> None:
    overrides = {"home": tmp_path, "port": "0", "slots": 2, "processor_directories": (tmp_path, "/opt")}
    settings = Settings.load(None, overrides, {})
    assert settings.home == tmp_path
    assert (settings.port, settings.slots) == (0, 2)
    assert settings.processor_directories == (tmp_path, Path("/opt"))


@pytest.mark.parametrize(
    ("text", "line", "key", "said", "advice"),
    [
        ("port: 99999", 1, "port", "99999 is not allowed", "from 0 to 65535"),
        ("port: eighty", 1, "port", "'eighty' is no number", "A whole number"),
        ("port: '8000'", 1, "port", "'8000' is no number", "A whole number"),
        ("port: true", 1, "port", "true is no number", "A whole number"),
        ("slots: 1.5", 1, "slots", "1.5 is not allowed", "A whole number from 1 to 4096"),
        ("slots: .inf", 1, "slots", "is no number", "A whole number"),
        ("slots:", 1, "slots", "nothing is no number", "A whole number"),
        ("\n# c\nslotz: 4", 3, "slotz", "there is no such setting", "Did you mean slots?"),
        ("nonsense: 4", 1, "nonsense", "there is no such setting", "Known are: allowed_hosts, allowed_origins"),
        ("host: 5", 1, "host", "5 is not a text", 'in quotes: "5"'),
        ("host: ''", 1, "host", "it is empty", "leave the line out"),
        ("load_limit: 0", 1, "load_limit", "0 is not allowed", "seconds of at least 1"),
        ("log_level: loud", 1, "log_level", "'loud' is not allowed", "DEBUG, INFO, WARNING, ERROR"),
        ("log_level: off", 1, "log_level", "false is not allowed", "in quotes"),
        ("time_limits: 5", 1, "time_limits", "5 is no mapping", "key: value"),
        ("time_limits:\n  default: 5\n  dummy: 6", 3, "time_limits.dummy", "dummy is no processor", "or default,"),
        ("time_limits:\n  ocrd-a: x", 2, "time_limits.ocrd-a", "'x' is no number", "seconds"),
        ("slots_per_processor: {default: 1}", 1, "slots_per_processor.default", "no processor", "ocrd-…"),
        ("processor_directories: {a: b}", 1, "processor_directories", "a mapping is not a list", "hyphen"),
        ("processor_directories:\n- /a\n- 5", 3, "processor_directories[1]", "5 is not a text", "quotes"),
        ("slots: 4\nmax_runners: 3", 2, "max_runners", "fewer runners than slots, which are 4", "at least one"),
        ("slots: 1\nport: 2\nslots: 3", 3, "slots", "it stands already in line 1", "one of them"),
        ("slots: 1\nhost: a: b", 2, "", "this is no valid YAML", "Mend"),
        ("slots: [1", 2, "", "this is no valid YAML", "Mend"),
        ("host: !!int x", 1, "host", "invalid literal", "quotes"),
        ("home: !!python/object:os.system x", 1, "", "this is no valid YAML", "Mend"),
        ("- a", 1, "", "this is no mapping", "slots: 4"),
        ("just text", 1, "", "this is no mapping", "slots: 4"),
        ("time_limits: &a\n  default: *a", 1, "time_limits.default", "alias stands within", "Write"),
    ],
)
def test_a_mistake_in_the_file_is_named_with_file_line_and_key(
    tmp_path: Path, text: str, line: int, key: str, said: str, advice: str
) -> None:
    error = fault(tmp_path, text)
    place = f"{tmp_path / 'offizin.yml'}, line {line}" + (f", {key}: " if key else ": ")
    assert error.message.startswith(place)
    assert said in error.message
    assert advice in error.advice


def test_a_mistake_in_the_environment_or_command_line_is_named() -> None:
    with pytest.raises(SettingsInvalid, match=r"^environment variable OFFIZIN_PORT: 'x' is no number"):
        Settings.load(None, {}, {"OFFIZIN_PORT": "x"})
    with pytest.raises(SettingsInvalid, match=r"OFFIZIN_TIME_LIMITS, line 1, default: 'x' is no number"):
        Settings.load(None, {}, {"OFFIZIN_TIME_LIMITS": "default: x"})
    with pytest.raises(SettingsInvalid, match=r"^command line, slots: 0 is not allowed"):
        Settings.load(None, {"slots": 0}, {})


def test_a_misspelt_variable_is_noticed() -> None:
    settings = Settings.load(None, {}, {"OFFIZIN_SLOT": "2", "OFFIZIN_UNRELATED_THING": "x", "HOME": "/"})
    assert settings.notices == ("there is no setting for OFFIZIN_SLOT: Did you mean slots?",)


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(SettingsInvalid, match="No such file"):
        Settings.load(tmp_path / "none.yml", {}, {})
    (tmp_path / "latin.yml").write_bytes("host: ä".encode("latin-1"))
    with pytest.raises(SettingsInvalid, match="not UTF-8"):
        Settings.load(tmp_path / "latin.yml", {}, {})


@pytest.mark.parametrize("text", ["", "# nothing\n", "---\n", "\ufeffslots: 2"])
def test_a_file_may_be_empty(tmp_path: Path, text: str) -> None:
    assert Settings.load(written(tmp_path, text), {}, {}).port == 8000


def test_aliases_and_merges_of_yaml_work(tmp_path: Path) -> None:
    text = "slots_per_processor: &few {ocrd-a: 1, ocrd-b: 1}\ntime_limits:\n  <<: *few\n  ocrd-b: 2"
    settings = Settings.load(written(tmp_path, text), {}, {})
    assert settings.time_limits == {"ocrd-a": 1.0, "ocrd-b": 2.0}


def test_a_date_is_a_text(tmp_path: Path) -> None:
    assert Settings.load(written(tmp_path, "home: 2020-01-01"), {}, {}).home == tmp_path / "2020-01-01"


def test_the_home_directory_is_that_of_the_variable_or_of_the_user(tmp_path: Path) -> None:
    assert default_home({"OFFIZIN_HOME": str(tmp_path)}) == tmp_path
    assert default_home({"OFFIZIN_HOME": "rel"}) == Path.cwd() / "rel"
    assert default_home({}).name == "offizin"
    assert default_home({}).is_absolute()


@pytest.mark.parametrize(
    ("address", "host", "port"),
    [
        ("127.0.0.1:8000", "127.0.0.1", "8000"),
        ("[::1]:80", "::1", "80"),
        (":80", None, "80"),
        ("localhost", "localhost", None),
    ],
)
def test_an_address_is_host_and_port(address: str, host: str | None, port: str | None) -> None:
    assert split_address(address) == {"host": host, "port": port}


@pytest.mark.parametrize("address", ["", ":", "a:b", "::1", "http://a:80"])
def test_what_is_no_address_is_refused(address: str) -> None:
    with pytest.raises(SettingsInvalid):
        split_address(address)


json_like: Any = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


@given(st.sampled_from(sorted(SETTINGS)), json_like)
def test_any_value_is_read_or_refused(key: str, content: Any) -> None:
    with contextlib.suppress(SettingsInvalid):
        loaded = Settings.load(None, {key: content}, {})
        assert getattr(loaded, key) is not None or content is None


@given(st.text(max_size=40))
def test_any_text_is_a_mapping_of_yaml_or_refused(text: str) -> None:
    with contextlib.suppress(SettingsInvalid):
        assert isinstance(parse_yaml(text, Place("file"), Path("/")).content, dict)


def test_the_store_is_a_url_or_a_mapping(tmp_path: Path) -> None:
    short = Settings.load(written(tmp_path, "store: postgresql://ocr@db/books"), {}, {"PGPASSWORD": "secret"})
    assert short.store == Store(DatabaseUrl("books", "ocr", "db", password="secret"), skip_deployment=True)
    text = "store:\n  url: postgresql://db/books?password_file=word\n  skip_deployment: false\n"
    long = Settings.load(written(tmp_path, text), {}, {"PGPASSWORD": "secret"})
    assert long.store == Store(DatabaseUrl("books", host="db", password_file=tmp_path / "word"), skip_deployment=False)
    said = Settings.load(None, {}, {"OFFIZIN_STORE": "postgresql://db/books"})
    assert said.store == Store(DatabaseUrl("books", host="db"))


def test_a_wrong_store_is_told_with_its_place_and_without_its_password(tmp_path: Path) -> None:
    wrong = fault(tmp_path, "slots: 1\nstore: mysql://ocr:secret@db/books")
    assert wrong.message.endswith("offizin.yml, line 2, store: the database's URL does not begin with postgresql://")
    wrong = fault(tmp_path, "store:\n  url: postgresql://ocr:secret@db/")
    assert "line 2, store.url" in wrong.message
    assert "secret" not in f"{wrong.message} {wrong.advice}"
    assert "line 1, store: url is missing" in fault(tmp_path, "store: {skip_deployment: true}").message
