"""With the interface of API 3: page by page."""

from __future__ import annotations

import re
import time
from pathlib import Path
from typing import Any

import click
from ocrd import Processor
from ocrd.decorators import ocrd_cli_options, ocrd_cli_wrap_processor
from ocrd.processor.ocrd_page_result import OcrdPageResult
from ocrd_utils import MIMETYPE_PAGE, make_file_id

from ocrd_misbehaving.deeds import misbehave

_BROKEN = {
    "broken": '<?xml version="1.0"?><PcGts><Page imageFilename="a.png"><TextRegion id="r"></Page></PcGts>',
    "cut off": '<?xml version="1.0"?><PcGts><Page imageFilename="a.png"><TextRegion id="r"',
    "no PAGE": "<?xml version='1.0'?><html/>",
    "empty file": "",
}


class Misbehaving(Processor):
    @property
    def executable(self) -> str:
        return "ocrd-misbehaving"

    def process_page_file(self, *files: Any) -> None:
        mode, page = self.parameter["mode"], files[0].pageId
        time.sleep(self.parameter["seconds"])
        if not re.fullmatch(self.parameter["where"], page):
            super().process_page_file(*files)
            return
        misbehave(mode)
        if mode == "nothing":
            return
        if mode in _BROKEN:
            file_id = make_file_id(files[0], self.output_file_grp)
            self.workspace.add_file(
                self.output_file_grp, file_id=file_id, page_id=page, mimetype=MIMETYPE_PAGE, content=_BROKEN[mode],
                local_filename=f"{self.output_file_grp}/{file_id}.xml",
            )  # fmt: skip
            return
        super().process_page_file(*files)
        if mode == "delete":
            for made in Path(self.output_file_grp).glob(f"*{page}*"):
                made.unlink()

    def process_page_pcgts(self, *pages: Any, page_id: str | None = None) -> OcrdPageResult:
        return OcrdPageResult(pages[0])


@click.command()
@ocrd_cli_options
def cli(*args: Any, **kwargs: Any) -> Any:
    return ocrd_cli_wrap_processor(Misbehaving, *args, **kwargs)
