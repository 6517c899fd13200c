"""The bare loop itself: one processor, page by page, step by step, in this process, with the whole METS.

    python bare_loop_process.py MODULE:CLASS EXECUTABLE METS PARAMETERS SHARE GROUP GROUP...

As ``ocrd process`` would do it if it had nothing to start and nothing to save. SHARE says which pages: 0/1 is all of
them, 1/2 the second of every two. The first page is done once beforehand, unmeasured. Prints one JSON object:
``{"steps": [[seconds of each page], ...], "cpu": seconds}``. Needs nothing but ``ocrd``.
"""

from __future__ import annotations

import json
import sys
from importlib import import_module
from itertools import pairwise
from pathlib import Path
from time import perf_counter, process_time

from ocrd import Resolver
from ocrd_utils import initLogging


def main(named: str, executable: str, mets: str, parameters: str, share: str, *groups: str) -> None:
    initLogging()
    module, _, class_name = named.partition(":")
    processor_class = getattr(import_module(module), class_name)
    processor_class.executable = executable
    workspace = Resolver().workspace_from_url(mets, dst_dir=str(Path(mets).parent))
    number, _, of = share.partition("/")
    pages = workspace.mets.physical_pages[int(number) :: int(of)]
    processor = processor_class(None, parameter=json.loads(parameters))

    def work(page: str, source: str, target: str) -> float:
        begin = perf_counter()
        processor.page_id, processor.input_file_grp, processor.output_file_grp = page, source, target
        processor.process_workspace(workspace)
        return perf_counter() - begin

    work(pages[0], groups[0], "WARM-UP")
    before = process_time()
    steps = [[work(page, source, target) for page in pages] for source, target in pairwise(groups)]
    print(json.dumps({"steps": steps, "cpu": process_time() - before}))


if __name__ == "__main__":
    main(*sys.argv[1:])
