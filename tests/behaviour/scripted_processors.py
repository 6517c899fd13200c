"""Processors written for a test, and the pieces to give them.

Each is a program of its own, as an ``ocrd-*`` script is: a ``#!`` line, a subclass of ocrd.Processor, a call of
``ocrd_cli_wrap_processor``.
"""

from __future__ import annotations

import contextlib
import json
import sys
import textwrap
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import msgspec
from PIL import Image

from offizin.messages import File, Piece, Result, Slice, decode_result, encode
from offizin.workers.runner_process import Reported, RunnerEvent, RunnerProcess, Started

OCRD_DUMMY = Path(sys.executable).parent / "ocrd-dummy"

_HEAD = """\
#!{python}
import ctypes, json, os, signal, subprocess, sys, time
from pathlib import Path
import click
from ocrd import Processor
from ocrd.decorators import ocrd_cli_options, ocrd_cli_wrap_processor
from ocrd.processor.ocrd_page_result import OcrdPageResult
from ocrd_utils import make_file_id

TOOL = {tool}

class Described(Processor):
    metadata = {{"version": "0.7", "git_url": "https://example.org/x", "tools": {{TOOL["executable"]: TOOL}}}}
    executable = TOOL["executable"]
    moduledir = "."
"""

_FOOT = """

@click.command()
@ocrd_cli_options
def cli(*args, **kwargs):
    return ocrd_cli_wrap_processor(Scripted, *args, **kwargs)

if __name__ == "__main__":
    cli()
"""


def write_processor(directory: Path, body: str, name: str = "ocrd-scripted") -> Path:
    """``body`` defines ``class Scripted(Described)``; its parameters are ``mode`` and ``where``, both texts."""
    tool = {
        "executable": name,
        "description": "does what a test wants",
        "categories": ["Image preprocessing"],
        "steps": ["preprocessing/optimization"],
        "input_file_grp_cardinality": 1,
        "output_file_grp_cardinality": [0, 2],
        "parameters": {
            "mode": {"type": "string", "default": "ok", "description": "what to do"},
            "where": {"type": "string", "default": "", "description": "on which page, or in which file"},
        },
    }
    path = directory / name
    path.write_text(_HEAD.format(python=sys.executable, tool=tool) + textwrap.dedent(body) + _FOOT)
    path.chmod(0o755)
    return path


class Book:
    """A workspace directory with an image for each page, and what a METS would say of it."""

    def __init__(self, directory: Path, pages: int) -> None:
        self.directory = directory
        self.pages = [f"PHYS_{number:04d}" for number in range(1, pages + 1)]
        self.files: list[File] = []
        self.jobs = 0
        (directory / "OCR-D-IMG").mkdir(parents=True)
        for page in self.pages:
            name = f"OCR-D-IMG/{page}.png"
            Image.new("L", (40, 60), 255).save(directory / name)
            self.files.append(File(f"IMG_{page}", "OCR-D-IMG", "image/png", page, name))

    def piece(
        self,
        pages: list[str] | None = None,
        parameters: dict[str, Any] | None = None,
        source: str = "OCR-D-IMG",
        target: str = "OCR-D-OUT",
        **fields: Any,
    ) -> Piece:
        pages = self.pages if pages is None else pages
        files = [file for file in self.files if file.page_id in pages]
        self.jobs += 1
        job = f"job-{self.jobs}"
        return Piece(
            version=1,
            job=job,
            attempt=1,
            piece=0,
            processor="any",
            parameters=msgspec.Raw(json.dumps(parameters or {}).encode()),
            input_file_grps=[source],
            output_file_grps=[target] if target else [],
            directory=str(self.directory),
            mets=str(self.directory / "mets.xml"),
            log=str(self.directory.parent / "logs" / f"{job}.log"),
            slice=Slice(pages=pages, files=files, file_groups=list(dict.fromkeys(f.file_grp for f in self.files))),
            **fields,
        )

    def write_mets(self) -> None:
        from ocrd import Resolver

        workspace = Resolver().workspace_from_nothing(str(self.directory))
        for file in self.files:
            workspace.add_file(
                file.file_grp,
                file_id=file.id,
                page_id=file.page_id,
                mimetype=file.mimetype,
                local_filename=file.local_filename,
            )
        workspace.save_mets()


class Driver:
    """A runner, driven by hand."""

    def __init__(self, process: RunnerProcess, log: Path) -> None:
        self.process = process
        self.log = log
        self.events: list[RunnerEvent] = []

    async def until(self, enough: Callable[[list[RunnerEvent]], bool]) -> None:
        """Listens until the events so far are enough, or the process has ended."""
        async with contextlib.aclosing(self.process.events()) as batches:
            while not enough(self.events):
                batch = await anext(batches, None)
                if batch is None:
                    return
                self.events += batch

    async def started(self) -> None:
        await self.until(lambda events: any(isinstance(event, Started) for event in events))

    async def run(self, *pieces: Piece) -> list[Result]:
        """All results of the pieces, also those of pages so far."""
        self.events = []
        for piece in pieces:
            self.process.send(encode(piece))
        await self.until(lambda events: len(ends(events)) == len(pieces))
        return [decode_result(event.body) for event in self.events if isinstance(event, Reported)]

    async def result(self, piece: Piece) -> Result:
        """The whole outcome of one piece: its pages so far and its end in one."""
        results = await self.run(piece)
        return msgspec.structs.replace(results[-1], pages=[page for result in results for page in result.pages])


def ends(events: list[RunnerEvent]) -> list[RunnerEvent]:
    return [event for event in events if isinstance(event, Reported) and event.end]


@contextlib.asynccontextmanager
async def running(executable: Path, log: Path, **environment: str) -> AsyncIterator[Driver]:
    process = await RunnerProcess.start(
        executable, log=log, threads=1, load_limit=60, job_logs=log.parent, environment=environment
    )
    try:
        yield Driver(process, log)
    finally:
        process.kill()
        await process.wait()
