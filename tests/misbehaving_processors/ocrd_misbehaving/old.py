"""With the interface of API 2: the whole workspace at once."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import click
from ocrd import Processor
from ocrd.decorators import ocrd_cli_options, ocrd_cli_wrap_processor
from ocrd_utils import make_file_id

from ocrd_misbehaving.deeds import misbehave


class Old(Processor):
    @property
    def executable(self) -> str:
        return "ocrd-misbehaving-old"

    def process(self) -> None:
        for file in self.input_files:
            mode = self.parameter["mode"] if re.fullmatch(self.parameter["where"], file.pageId) else "ok"
            misbehave(mode)
            if mode == "nothing":
                continue
            self.workspace.add_file(
                self.output_file_grp, file_id=make_file_id(file, self.output_file_grp), page_id=file.pageId,
                mimetype="text/plain", content="ink", local_filename=f"{self.output_file_grp}/{file.pageId}.txt",
            )  # fmt: skip
            if mode == "delete":
                Path(self.output_file_grp, f"{file.pageId}.txt").unlink()


@click.command()
@ocrd_cli_options
def cli(*args: Any, **kwargs: Any) -> Any:
    return ocrd_cli_wrap_processor(Old, *args, **kwargs)
