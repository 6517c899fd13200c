"""The settings: defaults < configuration file < environment (``OFFIZIN_…``) < command line."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

import platformdirs

from offizin.errors import SettingsInvalid
from offizin.settings.configuration_file import Place, Value, read_configuration
from offizin.settings.readers import (
    Reader,
    by_processor,
    did_you_mean,
    flag,
    mapping,
    one_of,
    path,
    paths,
    seconds,
    text,
    texts,
    whole_number,
)
from offizin.settings.reference_config import KEYS, ReferenceConfig, read_reference_config
from offizin.settings.store import Store, store

PREFIX = "OFFIZIN_"


class LogLevel(StrEnum):
    DEBUG = "DEBUG"
    INFO = "INFO"
    WARNING = "WARNING"
    ERROR = "ERROR"


class SyncMode(StrEnum):
    """What is on the disk before it counts as done, so that a power failure cannot take it back.

    A crash of the server or a kill never takes anything back, whatever the mode.
    """

    SUBMISSIONS = "submissions"
    """Submissions; results may lag (they are done again)."""
    EVERYTHING = "everything"
    NOTHING = "nothing"


def available_cores() -> int:
    """Those this process may use: its affinity, and the quota of its control group (containers)."""
    cores = len(os.sched_getaffinity(0))
    try:
        quota, period = Path("/sys/fs/cgroup/cpu.max").read_text().split()
        return max(1, min(cores, -(-int(quota) // int(period))))
    except (OSError, ValueError):
        return cores


@dataclass(frozen=True)
class Settings:
    """What each is for stands in ``SETTINGS``. Paths are absolute, times are seconds. Read-only, the mappings too."""

    home: Path
    host: str = "127.0.0.1"
    port: int = 8000
    slots: int = field(default_factory=available_cores)
    slots_per_processor: Mapping[str, int] = field(default_factory=dict)
    max_runners: int = 0
    threads_per_runner: int = 0
    runner_idle_limit: float = 600.0
    load_limit: float = 600.0
    processor_directories: tuple[Path, ...] = ()
    time_limits: Mapping[str, float] = field(default_factory=dict)
    own_failure_retries: int = 0
    runner_lost_retries: int = 3
    failures_in_a_row: int = 5
    save_interval: float = 10.0
    sync: SyncMode = SyncMode.SUBMISSIONS
    store: Store | None = None
    server_lease: float = 15.0
    worker_lease: float = 15.0
    worker_grace: float = 60.0
    bootstrap: bool = False
    require_token: bool = False
    no_auth: bool = False
    allowed_hosts: tuple[str, ...] = ()
    allowed_origins: tuple[str, ...] = ()
    tls_certificate: Path | None = None
    tls_key: Path | None = None
    log_level: LogLevel = LogLevel.INFO
    workspace_roots: tuple[Path, ...] | None = None
    callback_hosts: tuple[str, ...] | None = None
    upload_limit: int = 20 * 1024**3
    zip_count_limit: int = 200_000
    zip_ratio_limit: int = 200
    jobs_limit: int = 1_000_000
    connections_per_client: int = 200
    streams_per_client: int = 50
    client_pause_limit: float = 30.0
    reference: ReferenceConfig = field(default_factory=ReferenceConfig)
    notices: tuple[str, ...] = ()
    """One line each for the log: what was read and is not used."""

    def __post_init__(self) -> None:
        if self.max_runners == 0:
            object.__setattr__(self, "max_runners", max(8, 2 * self.slots))
        if self.threads_per_runner == 0:
            object.__setattr__(self, "threads_per_runner", max(1, available_cores() // self.slots))

    def time_limit(self, processor: str) -> float:
        """Seconds that this processor may take for one page: an hour if nothing is set."""
        return self.time_limits.get(processor, self.time_limits.get("default", 3600.0))

    @classmethod
    def load(cls, config: Path | None, overrides: Mapping[str, Any], environment: Mapping[str, str]) -> Settings:
        """``overrides`` are what the command line says, by the names of the fields; None counts as not said.

        Raises SettingsInvalid with the file, line and key, or the variable or option, and what would be right.
        """
        found: dict[str, Value] = {}
        notices: list[str] = []
        reference = ReferenceConfig()
        if config is not None:
            content = mapping(read_configuration(config))
            for key, value in content.items():
                if key not in SETTINGS and key not in KEYS:
                    raise value.invalid("there is no such setting", did_you_mean(key, [*SETTINGS, *KEYS]))
            found = {key: value for key, value in content.items() if key in SETTINGS}
            of_reference = {key: value for key, value in content.items() if key in KEYS}
            reference = read_reference_config(of_reference, environment)
            needless = ("database", "use_tcp_mets") if reference.process_queue is None else ()
            if unused := [key for key in reference.given if key in needless]:
                notices.append(f"{config}: without process_queue this is not used: {', '.join(unused)}")
        here = Path.cwd()
        for key in SETTINGS:
            if given := environment.get(name := PREFIX + key.upper()):
                found[key] = Value(given, Place(f"environment variable {name}"), here, typed=False)
        notices += [f"there is no setting for {name}: {hint}" for name, hint in _unknown_variables(environment)]
        for key, given in overrides.items():
            if given is not None:
                found[key] = Value(given, Place("command line", key), here, typed=False)
        values = {key: SETTINGS[key].reader(value) for key, value in found.items()}
        if 0 < values.get("max_runners", 0) < (slots := values.get("slots") or available_cores()):
            message = f"there are fewer runners than slots, which are {slots}"
            raise found["max_runners"].invalid(message, "Allow at least one runner for each slot, or set fewer slots.")
        values.setdefault("home", default_home(environment))
        if "store" in values:
            values["store"] = values["store"].with_password_of(environment)
        return cls(**values, reference=reference, notices=tuple(notices))


@dataclass(frozen=True, slots=True)
class Setting:
    """``reader`` checks a value of it, ``about`` says what it is for."""

    reader: Reader[Any]
    about: str


SETTINGS = {
    "home": Setting(path, "where database, logs and caches lie"),
    "host": Setting(text, "the address to listen at"),
    "port": Setting(whole_number(0, 65535), "the TCP port to listen at; 0: any free one"),
    "slots": Setting(whole_number(1, 4096), "pieces of work at once; not given: one for each core"),
    "slots_per_processor": Setting(by_processor(whole_number(1, 4096)), "fewer slots, for single processors"),
    "max_runners": Setting(whole_number(0, 65536), "processors kept loaded; 0: twice the slots, at least 8"),
    "threads_per_runner": Setting(whole_number(0, 4096), "threads for the libraries of a runner; 0: cores by slots"),
    "runner_idle_limit": Setting(seconds(1), "after which an idle processor is unloaded"),
    "load_limit": Setting(seconds(1), "for a processor to load its models"),
    "processor_directories": Setting(paths, "searched for processors before PATH, in this order"),
    "time_limits": Setting(
        by_processor(seconds(0.001), also=("default",)), "for one page: `default`, and by the processor's name"
    ),
    "own_failure_retries": Setting(whole_number(0, 100), "further tries after a processor's own failure or exit"),
    "runner_lost_retries": Setting(whole_number(0, 100), "further tries after a runner was lost under a living worker"),
    "failures_in_a_row": Setting(
        whole_number(0, 10_000), "pages that fail for one cause before their step is paused; 0: never"
    ),
    "save_interval": Setting(seconds(0.1), "at least, between two saves of one METS while a run goes on"),
    "sync": Setting(one_of(SyncMode), "what a power failure cannot take back"),
    "store": Setting(store, "the URL of a PostgreSQL that servers share; not given: SQLite in the home"),
    "server_lease": Setting(seconds(1), "without a sign of life, after which another server takes over"),
    "worker_lease": Setting(seconds(1), "that a worker may be silent before its work is given to others"),
    "worker_grace": Setting(seconds(0), "for what runs on workers of hosts when they are to end"),
    "bootstrap": Setting(flag, "whether Offizin is sent to hosts where it is not installed"),
    "require_token": Setting(flag, "whether a token is needed on loopback, too"),
    "no_auth": Setting(flag, "whether everybody may do everything, also where other machines reach the server"),
    "allowed_hosts": Setting(texts, "names that the server is asked by (`ocr.example.org`, `*.example.org`)"),
    "allowed_origins": Setting(texts, "of web pages elsewhere that may ask the server (`https://www.example.org`)"),
    "tls_certificate": Setting(path, "a PEM file with the server's certificate, and those that lead to its authority"),
    "tls_key": Setting(path, "a PEM file with the key of `tls_certificate`; not given: it stands in the same file"),
    "log_level": Setting(one_of(LogLevel), "of the server's own log"),
    "workspace_roots": Setting(
        paths, "directories that workspaces must lie in, beside `home`/workspaces; not given: any, on loopback"
    ),
    "callback_hosts": Setting(
        texts, "hosts and networks that may be called although they are private; not given: all, on loopback"
    ),
    "upload_limit": Setting(whole_number(1), "bytes of one upload, packed and unpacked"),
    "zip_count_limit": Setting(whole_number(1), "files in a zip that is uploaded"),
    "zip_ratio_limit": Setting(whole_number(1), "how much larger than packed a zip of over 100 MiB may be"),
    "jobs_limit": Setting(whole_number(1), "jobs of one submission"),
    "connections_per_client": Setting(whole_number(1), "open at once from one address; more behind a proxy"),
    "streams_per_client": Setting(whole_number(1), "of events and logs, open at once to one address"),
    "client_pause_limit": Setting(seconds(0.1), "between two parts of a request, before its connection is closed"),
}


def default_home(environment: Mapping[str, str]) -> Path:
    """``OFFIZIN_HOME``, or else the user's data directory as the system has it (XDG_DATA_HOME on Linux)."""
    named = environment.get(PREFIX + "HOME")
    return Path.cwd() / Path(named).expanduser() if named else platformdirs.user_data_path("offizin")


# What commands read beside the settings, and what looks like a setting.
_OF_COMMANDS = ("OFFIZIN_TOKEN",)


def _unknown_variables(environment: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Only those that look like a setting misspelt: other programs may have variables of this prefix, too."""
    for name in environment:
        key = name.removeprefix(PREFIX).lower()
        if name.startswith(PREFIX) and key not in SETTINGS and name not in _OF_COMMANDS:
            hint = did_you_mean(key, SETTINGS)
            if hint.startswith("Did"):
                yield name, hint


def split_address(address: str) -> dict[str, Any]:
    """``host`` and ``port`` as overrides, from ``127.0.0.1:8000``, ``[::1]:8000``, ``:8000`` or ``localhost``."""
    match = re.fullmatch(r"(?:\[([^\]]*)\]|([^:]*))(?::(\d+))?", address)
    if match is None or not any(match.groups()):
        raise SettingsInvalid(f"{address!r} is no address", advice="Write it as 127.0.0.1:8000 or [::1]:8000.")
    return {"host": match[1] or match[2] or None, "port": match[3]}
