"""The models that a processor finds, as it tells itself."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from offizin.clock import SystemClock
from offizin.errors import NotBuiltYet, ProcessorUnknown, Unavailable
from offizin.processors.discovery import Discovery
from offizin.processors.models import FRESH, Models
from offizin.processors.tool_description import ToolDescription

PROGRAM = """\
#!/bin/sh
case "$1" in
--dump-json) echo '{{"executable": "ocrd-told", "steps": [], "categories": [], "parameters": {{}}}}' ;;
*) {lists} ;;
esac
"""


class Clock(SystemClock):
    def __init__(self) -> None:
        self.time = 0.0

    def monotonic(self) -> float:
        return self.time


@pytest.fixture
def models(tmp_path: Path) -> Callable[[str], tuple[Models, Clock]]:
    def make(lists: str) -> tuple[Models, Clock]:
        program = tmp_path / "ocrd-told"
        program.write_text(PROGRAM.format(lists=lists))
        program.chmod(0o755)
        discovery, clock = Discovery([tmp_path], tmp_path / "tools.json", ""), Clock()
        return Models(lambda: discovery, clock, os.environ), clock

    return make


async def test_models_are_listed_by_name(models: Callable[[str], tuple[Models, Clock]]) -> None:
    told, _ = models('echo frk.traineddata; echo "10:00:00.000 INFO ocrd.x - ready"; echo /a/deu.traineddata; echo')
    assert await told.of("ocrd-told") == ["deu.traineddata", "frk.traineddata"]


async def test_a_new_model_is_found_after_a_while(
    models: Callable[[str], tuple[Models, Clock]], tmp_path: Path
) -> None:
    told, clock = models(f"ls {tmp_path}/models")
    (tmp_path / "models").mkdir()
    assert await told.of("ocrd-told") == []
    (tmp_path / "models" / "frk").touch()
    assert await told.of("ocrd-told") == []
    clock.time = FRESH + 1
    assert await told.of("ocrd-told") == ["frk"]


async def test_a_program_that_does_not_tell_is_an_error_with_its_words(
    models: Callable[[str], tuple[Models, Clock]],
) -> None:
    told, _ = models("echo no such option >&2; exit 2")
    with pytest.raises(Unavailable, match="no such option"):
        await told.of("ocrd-told")
    with pytest.raises(ProcessorUnknown):
        await told.of("ocrd-other")


async def test_models_of_other_machines_are_not_made_up() -> None:
    class Registered:
        async def describe(self, name: str) -> ToolDescription:
            return ToolDescription(name, Path(name), {})

    with pytest.raises(NotBuiltYet):
        await Models(Registered, SystemClock()).of("ocrd-dummy")
