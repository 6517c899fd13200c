"""Processors are found, asked once, and found anew when they change, without a restart."""

from __future__ import annotations

import asyncio
import os
import select
import shutil
import sys
from pathlib import Path

import pytest

from offizin.errors import ProcessorUnknown
from offizin.processors.discovery import Discovery
from offizin.processors.tool_description import find_tool

DUMP = """'{{"executable": "{name}", "parameters": {{"a": {{"type": "number", "default": 1}}}}}}'"""


class Programs:
    """A directory of small programs that note each call in the file ``calls``."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.calls = directory / "calls"
        directory.mkdir()
        self.calls.touch()

    def write(self, name: str, body: str = "") -> Path:
        program = self.directory / name
        program.write_text(f'#!/bin/sh\necho "{name} $1" >> {self.calls}\n{body or "echo " + DUMP.format(name=name)}\n')
        program.chmod(0o755)
        return program

    @property
    def called(self) -> list[str]:
        return self.calls.read_text().splitlines()


@pytest.fixture
def programs(tmp_path: Path) -> Programs:
    return Programs(tmp_path / "bin")


@pytest.fixture
def discovery(programs: Programs, tmp_path: Path) -> Discovery:
    return Discovery([programs.directory], tmp_path / "home" / "tools.json", "", time_limit=30)


def anew(discovery: Discovery, tmp_path: Path) -> Discovery:
    return Discovery(discovery.directories, tmp_path / "home" / "tools.json", "")


async def test_a_processor_describes_itself(programs: Programs, discovery: Discovery) -> None:
    program = programs.write("ocrd-test")
    description = await discovery.describe("ocrd-test")
    assert description.name == "ocrd-test"
    assert description.executable == program
    assert description.parameters["a"]["default"] == 1
    assert programs.called == ["ocrd-test --dump-json"]


def test_names_are_those_of_all_directories(programs: Programs, tmp_path: Path) -> None:
    programs.write("ocrd-b")
    (programs.directory / "ocrd-notes.txt").write_text("not executable")
    (programs.directory / "ocrd-folder").mkdir()
    programs.write("other")
    on_path = Programs(tmp_path / "path")
    on_path.write("ocrd-a")
    on_path.write("ocrd-b")
    discovery = Discovery([programs.directory], tmp_path / "tools.json", f"{on_path.directory}:{tmp_path / 'none'}:")
    assert discovery.names() == ["ocrd-a", "ocrd-b"]
    assert discovery.executable("ocrd-b") == programs.directory / "ocrd-b"


def test_a_processor_installed_later_is_found(programs: Programs, discovery: Discovery) -> None:
    assert discovery.names() == []
    programs.write("ocrd-new")
    assert discovery.names() == ["ocrd-new"]
    assert discovery.executable("ocrd-new").is_file()
    (programs.directory / "ocrd-new").unlink()
    assert discovery.names() == []


def test_names_are_not_looked_up_again_in_directories_that_rest(programs: Programs, discovery: Discovery) -> None:
    programs.write("ocrd-a")
    os.utime(programs.directory, (1_000_000, 1_000_000))
    assert discovery.names() == ["ocrd-a"]
    programs.write("ocrd-b")
    os.utime(programs.directory, (1_000_000, 1_000_000))
    assert discovery.names() == ["ocrd-a"]
    os.utime(programs.directory, (1_000_001, 1_000_001))
    assert discovery.names() == ["ocrd-a", "ocrd-b"]


def test_an_unknown_processor_is_answered_with_names_like_it(programs: Programs, discovery: Discovery) -> None:
    programs.write("ocrd-dummy")
    for name in ("ocrd-dumy", "dummy"):
        with pytest.raises(ProcessorUnknown) as caught:
            discovery.executable(name)
        assert name in caught.value.message
        assert "Did you mean ocrd-dummy?" in caught.value.advice
        assert str(programs.directory) in caught.value.advice


@pytest.mark.parametrize("name", ["ocrd-../../bin/sh", "../ocrd-dummy", "ocrd-", "", "ocrd-a\0b"])
def test_a_name_is_never_a_path(programs: Programs, discovery: Discovery, name: str) -> None:
    programs.write("ocrd-dummy")
    with pytest.raises(ProcessorUnknown):
        discovery.executable(name)


async def test_callers_at_once_share_one_call(programs: Programs, discovery: Discovery) -> None:
    programs.write("ocrd-test")
    first, *others = await asyncio.gather(*(discovery.describe("ocrd-test") for _ in range(10)))
    assert all(other is first for other in others)
    assert programs.called == ["ocrd-test --dump-json"]


async def test_a_caller_who_gives_up_does_not_spoil_it_for_others(programs: Programs, discovery: Discovery) -> None:
    gate = programs.directory / "gate"
    os.mkfifo(gate)
    programs.write("ocrd-slow", f"read line < {gate}; echo {DUMP.format(name='ocrd-slow')}")
    impatient = asyncio.create_task(discovery.describe("ocrd-slow"))
    patient = asyncio.create_task(discovery.describe("ocrd-slow"))
    writer = asyncio.create_task(asyncio.to_thread(gate.write_text, "go\n"))
    await asyncio.sleep(0)
    impatient.cancel()
    assert (await patient).name == "ocrd-slow"
    await writer
    assert impatient.cancelled()
    assert programs.called == ["ocrd-slow --dump-json"]


async def test_at_most_two_programs_run_at_once(programs: Programs, discovery: Discovery) -> None:
    running = programs.directory / "running"
    running.mkdir()
    for number in range(6):
        name = f"ocrd-{number}"
        programs.write(
            name,
            f"mkdir {running}/$$; ls {running} | wc -l >> {programs.directory}/counts; sleep 0.1; "
            f"rmdir {running}/$$; echo {DUMP.format(name=name)}",
        )
    assert len(await discovery.describe_all()) == 6
    counts = [int(line) for line in (programs.directory / "counts").read_text().split()]
    assert len(counts) == 6
    assert max(counts) <= 2


async def test_the_answer_is_remembered_over_a_restart(
    programs: Programs, discovery: Discovery, tmp_path: Path
) -> None:
    programs.write("ocrd-a")
    programs.write("ocrd-b")
    before = await discovery.describe_all()
    assert await anew(discovery, tmp_path).describe_all() == before
    assert len(programs.called) == 2


async def test_the_answer_is_remembered_though_the_last_program_asked_is_no_processor(
    programs: Programs, discovery: Discovery, tmp_path: Path
) -> None:
    programs.write("ocrd-a")
    gate = programs.directory / "gate"
    os.mkfifo(gate)
    programs.write("ocrd-z", f"read line < {gate}")
    all_described = asyncio.create_task(discovery.describe_all())
    await discovery.describe("ocrd-a")
    await asyncio.to_thread(gate.write_text, "go\n")
    assert len(await all_described) == 1
    await anew(discovery, tmp_path).describe("ocrd-a")
    assert programs.called.count("ocrd-a --dump-json") == 1


async def test_a_changed_program_is_asked_again(programs: Programs, discovery: Discovery, tmp_path: Path) -> None:
    programs.write("ocrd-test")
    await discovery.describe("ocrd-test")
    programs.write("ocrd-test", """echo '{"executable": "ocrd-test", "parameters": {"other": {"type": "string"}}}'""")
    for each in (discovery, anew(discovery, tmp_path)):
        assert list((await each.describe("ocrd-test")).parameters) == ["other"]
    assert len(programs.called) == 2


@pytest.mark.parametrize("content", ["", "{", "[]", '{"format": 2, "tools": {}}', '{"tools": {"x": 5}}'])
async def test_a_broken_cache_is_made_anew(
    programs: Programs, discovery: Discovery, tmp_path: Path, content: str
) -> None:
    programs.write("ocrd-test")
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "tools.json").write_text(content)
    await discovery.describe("ocrd-test")
    await anew(discovery, tmp_path).describe("ocrd-test")
    assert len(programs.called) == 1


async def test_a_cache_that_cannot_be_written_does_no_harm(programs: Programs, tmp_path: Path) -> None:
    programs.write("ocrd-test")
    (tmp_path / "file").touch()
    discovery = Discovery([programs.directory], tmp_path / "file" / "tools.json", "")
    assert (await discovery.describe("ocrd-test")).name == "ocrd-test"


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("echo 'usage: ocrd-import DIR' >&2; exit 2", "usage: ocrd-import DIR"),
        ('echo \'{"level": "info"}\'', '"level"'),
        ("exit 0", "it printed nothing"),
        ("echo 'no json'", "no json"),
        ("kill -9 $$", "exit code -9"),
    ],
)
async def test_a_program_without_description_is_no_processor(
    programs: Programs, discovery: Discovery, body: str, said: str
) -> None:
    programs.write("ocrd-import", body)
    with pytest.raises(ProcessorUnknown) as caught:
        await discovery.describe("ocrd-import")
    assert said in caught.value.message
    assert "--dump-json" in caught.value.advice
    assert discovery.names() == ["ocrd-import"]
    assert await discovery.describe_all() == []
    assert len(programs.called) == 1


async def test_a_program_without_interpreter_says_so(programs: Programs, discovery: Discovery) -> None:
    (program := programs.write("ocrd-test")).write_text("#!/nowhere/python\n")
    with pytest.raises(ProcessorUnknown, match="interpreter in its first line is not there"):
        await discovery.describe("ocrd-test")
    assert program.exists()


async def test_noise_around_the_description_is_ignored(programs: Programs, discovery: Discovery) -> None:
    programs.write(
        "ocrd-test",
        f"echo '12:00 INFO {{x}} loading'; echo '{{\"a\": 1}}'; echo {DUMP.format(name='ocrd-test')}; echo }}",
    )
    assert (await discovery.describe("ocrd-test")).parameters["a"]["default"] == 1


async def test_a_program_that_hangs_is_ended_with_its_children(programs: Programs, tmp_path: Path) -> None:
    programs.write("ocrd-hang", f"sleep 1000 & echo $! > {programs.directory}/child; echo loading >&2; wait")
    discovery = Discovery([programs.directory], tmp_path / "tools.json", "", time_limit=3)
    with pytest.raises(ProcessorUnknown, match=r"did not answer `--dump-json` within 3 seconds. It printed: loading"):
        await discovery.describe("ocrd-hang")
    assert gone(int((programs.directory / "child").read_text()))


async def test_a_child_in_the_background_does_not_hold_the_answer_up(programs: Programs, discovery: Discovery) -> None:
    programs.write(
        "ocrd-daemon", f"sleep 1000 & echo $! > {programs.directory}/child; echo {DUMP.format(name='ocrd-daemon')}"
    )
    async with asyncio.timeout(15):
        await discovery.describe("ocrd-daemon")
    assert gone(int((programs.directory / "child").read_text()))


def gone(process: int) -> bool:
    """Whether this process ends, within ten seconds (it may stay a zombie until somebody takes it)."""
    try:
        handle = os.pidfd_open(process)
    except ProcessLookupError:
        return True
    try:
        return bool(select.select([handle], [], [], 10)[0])
    finally:
        os.close(handle)


async def test_a_flood_of_output_is_cut(programs: Programs, tmp_path: Path) -> None:
    programs.write("ocrd-yes", "head -c 20000000 /dev/zero; echo failed >&2")
    with pytest.raises(ProcessorUnknown, match="failed"):
        await Discovery([programs.directory], tmp_path / "tools.json", "").describe("ocrd-yes")


async def test_closing_ends_what_is_being_asked(programs: Programs, discovery: Discovery) -> None:
    started = programs.directory / "started"
    os.mkfifo(started)
    programs.write("ocrd-hang", f"echo $$ > {started}; sleep 1000")
    task = asyncio.create_task(discovery.describe("ocrd-hang"))
    process = int(await asyncio.to_thread(started.read_text))
    await discovery.close()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert gone(process)


async def test_programs_run_outside_of_the_current_directory(programs: Programs, discovery: Discovery) -> None:
    programs.write("ocrd-test", f"touch left-behind; echo {DUMP.format(name='ocrd-test')}")
    await discovery.describe("ocrd-test")
    assert not Path("left-behind").exists()


async def test_the_version_is_asked_once(programs: Programs, discovery: Discovery, tmp_path: Path) -> None:
    programs.write(
        "ocrd-test",
        f'if [ "$1" = --version ]; then echo noise; echo "Version 1.2.3, ocrd/core 3.0.0"; '
        f"else echo {DUMP.format(name='ocrd-test')}; fi",
    )
    assert (await discovery.describe("ocrd-test")).version == ""
    assert await discovery.version("ocrd-test") == "1.2.3"
    assert (await discovery.describe("ocrd-test")).version == "1.2.3"
    assert await anew(discovery, tmp_path).version("ocrd-test") == "1.2.3"
    assert programs.called == ["ocrd-test --dump-json", "ocrd-test --version"]


async def test_a_program_without_version_is_asked_for_it_once(programs: Programs, discovery: Discovery) -> None:
    programs.write("ocrd-test")
    assert await asyncio.gather(*(discovery.version("ocrd-test") for _ in range(5))) == ["unknown"] * 5
    assert await discovery.version("ocrd-test") == "unknown"
    assert programs.called == ["ocrd-test --dump-json", "ocrd-test --version"]


async def test_a_description_with_what_is_no_json_does_not_spoil_the_cache(
    programs: Programs, discovery: Discovery, tmp_path: Path
) -> None:
    programs.write("ocrd-a", """echo '{"executable": "ocrd-a", "parameters": {"a": {"maximum": Infinity}}}'""")
    programs.write("ocrd-b")
    for each in (discovery, anew(discovery, tmp_path)):
        assert [found.name for found in await each.describe_all()] == ["ocrd-a", "ocrd-b"]
    assert sorted(programs.called) == ["ocrd-a --dump-json"] * 2 + ["ocrd-b --dump-json"]


async def test_what_was_known_can_be_forgotten(programs: Programs, discovery: Discovery, tmp_path: Path) -> None:
    programs.write("ocrd-test")
    await discovery.describe("ocrd-test")
    discovery.forget()
    await discovery.describe("ocrd-test")
    assert len(programs.called) == 2


def test_of_several_objects_the_one_of_this_processor_is_taken() -> None:
    printed = '{"executable": "ocrd-a"} {"executable": "ocrd-b", "steps": []} {"executable": "ocrd-c"}'
    assert (find_tool(printed, "ocrd-b") or {})["executable"] == "ocrd-b"
    assert find_tool("{" * 1000, "ocrd-b") is None


@pytest.mark.real
@pytest.mark.parametrize("name", ["ocrd-dummy", "ocrd-tesserocr-recognize"])
async def test_real_processors_are_found_and_described(tmp_path: Path, name: str) -> None:
    binaries = Path(sys.executable).parent
    if shutil.which(name, path=str(binaries)) is None:
        pytest.skip(f"{name} is not installed beside this Python")
    discovery = Discovery([], tmp_path / "tools.json", str(binaries))
    assert name in discovery.names()
    description = await discovery.describe(name)
    assert description.tool["executable"] == name
    assert description.input_cardinality.allows(1)
    assert not description.output_cardinality.allows(2)
    assert description.steps
    assert (await discovery.version(name)).count(".") == 2
