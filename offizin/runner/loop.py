"""Piece after piece: what runs instead of ``ocrd_cli_wrap_processor`` in the processor's program."""

from __future__ import annotations

import gc
import json
import os
import resource
import sys
from time import perf_counter, process_time
from typing import Any

from ocrd_utils import VERSION, config, getLogger, initLogging

from .accounts import Accounts, Outcome
from .causes import cause_of, cause_of_loading
from .channel import Channel, end_with_parent_process
from .codec import Piece, encode_end, encode_handshake, encode_pages_so_far, page_outcome
from .copying import copy_pages
from .digests import Digests
from .execution import Execution, WantsFullMets, has_independent_pages
from .full_mets import FullMets
from .inputs import Inputs, recipe_of
from .instances import Instances, LoadingFailed, describe
from .job_log import JobLog
from .slice_mets import SliceMets
from .slice_workspace import Workspaces

# pages that end faster than this are reported together
_REPORT_SECONDS = 0.02


def serve(processor_class: Any, descriptor: int) -> None:
    """Speaks over the socket ``descriptor`` until it is told to leave; then the program ends as after any call."""
    end_with_parent_process()
    channel = Channel(descriptor)
    logs = os.environ.pop("OFFIZIN_RUNNER_LOGS", "")
    initLogging()
    _set_policies()
    tool = describe(processor_class)
    channel.hold(
        encode_handshake(
            tool.ocrd_tool["executable"],
            str(tool.version or ""),
            str(VERSION),
            has_independent_pages(processor_class),
            (tool.ocrd_tool.get("steps") or [""])[0],
            os.getpid(),
        )
    )
    runner = Runner(processor_class, channel, tool.ocrd_tool["executable"], str(tool.version or ""), logs)
    while True:
        body = channel.next_piece()
        if body is None:
            runner.let_go()
            gc.freeze()  # spares the interpreter a last walk through all that was imported: 0.3 s
            sys.exit(0)
        runner.do(Piece(body))


def _set_policies() -> None:
    """What a user's environment must not change: no pages in parallel forks, none skipped or copied in silence."""
    config.OCRD_MAX_PARALLEL_PAGES = 1
    config.OCRD_MISSING_INPUT = "SKIP"  # the pages are counted afterwards
    config.OCRD_MISSING_OUTPUT = "ABORT"
    config.OCRD_MAX_MISSING_OUTPUTS = -1.0
    config.OCRD_EXISTING_OUTPUT = "SKIP"


class Runner:
    def __init__(self, processor_class: Any, channel: Channel, executable: str, version: str, logs: str) -> None:
        self._channel = channel
        self._version = version
        self._last_recipe = ("", ""), ""
        self._logs = logs
        self._executable = executable
        self._log = JobLog()
        self._instances = Instances(processor_class)
        self._digests = Digests()
        self._workspaces = Workspaces(channel, self._digests)
        self._execution = Execution(processor_class)
        self._together = not has_independent_pages(processor_class)
        self._profile_log = getLogger("ocrd.process.profile")
        self._failure_log = getLogger("ocrd.processor.helpers.run_processor")

    def let_go(self) -> None:
        self._instances.clear()

    def do(self, piece: Piece) -> None:
        self._channel.hold(b"S\n")
        self._channel.flush()
        began = perf_counter()
        recipe = self._recipe_for(piece)
        reports = _Reports(self._channel, piece, recipe)
        try:
            self._log.start(os.path.join(self._logs, piece.log))
            end = self._run(piece, reports)
            if end.get("cause") or reports.failed:
                end["log_tail"] = self._log.tail()
                end["runner"] = os.getpid()
        except Exception as error:  # no log, no workspace, no METS
            self._failure_log.exception("Piece cannot be worked on")
            cause, message = cause_of(error)
            end = {"files": [], "cause": cause, "message": message, "runner": os.getpid()}
        finally:
            self._log.finish()
        memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
        seconds = perf_counter() - began
        self._channel.hold(encode_end(piece, reports.rest, peak_memory=memory, seconds=seconds, recipe=recipe, **end))

    def _recipe_for(self, piece: Piece) -> str:
        key = piece.processor, repr(piece.parameters)  # 1 is not true there
        if self._last_recipe[0] != key:
            self._last_recipe = key, recipe_of(piece.processor, self._version, piece.parameters)
        return self._last_recipe[1]

    def _run(self, piece: Piece, reports: _Reports) -> dict[str, Any]:
        """The fields of the piece's last result, beside its pages. Raises what keeps it from being begun."""
        for page in piece.refuse_pages():
            message = "the page has files in {} already".format(",".join(piece.output_file_grps))
            reports.add(page_outcome(page, cause="BAD_OUTPUT", message=message, existed=True))
        if reports.failed and not piece.pages:
            return {"files": []}
        try:
            processor = self._instances.for_piece(piece)
        except LoadingFailed as failure:
            self._failure_log.error("Failure in processor '%s'", self._executable, exc_info=failure.error)
            cause, message = cause_of_loading(failure.error)
            return {"files": [], "cause": cause, "message": message}
        workspace = self._workspaces.of(piece.directory)
        workspace.overwrite_mode = piece.overwrite
        check = self._channel.check_deadline
        mets: Any = FullMets(piece.mets, piece.directory, check) if piece.full_mets else None
        workspace.mets = mets = mets or SliceMets(piece.slice_, piece.directory, check)
        inputs = Inputs(piece, self._digests, self._together)
        accounts = Accounts(piece, mets, reports.add, inputs, self._digests)
        before = os.getcwd()
        os.chdir(piece.directory)
        if piece.overwrite:
            config.OCRD_EXISTING_OUTPUT = "OVERWRITE"
        wall, cpu = perf_counter(), process_time()
        error: BaseException | None = None
        try:
            if piece.copy_input:
                processor.workspace = workspace
                copy_pages(processor, workspace, piece, accounts)
            else:
                self._execution.run(processor, workspace, piece, accounts)
        except (Exception, SystemExit, KeyboardInterrupt) as raised:
            error = raised
            self._failure_log.exception("Failure in processor '%s'", self._executable)
        else:
            self._profile_log.info(
                "Executing processor '%s' took %fs (wall) %fs (CPU)( "
                "[--input-file-grp='%s' --output-file-grp='%s' --parameter='%s' --page-id='%s']",
                self._executable,
                perf_counter() - wall,
                process_time() - cpu,
                processor.input_file_grp or "",
                processor.output_file_grp or "",
                json.dumps(dict(processor.parameter or {})),
                processor.page_id or "",
            )
        finally:
            os.chdir(before)
            config.OCRD_EXISTING_OUTPUT = "SKIP"
        return self._close(piece, accounts, reports, mets.missing_attribute, error)

    def _close(
        self, piece: Piece, accounts: Accounts, reports: _Reports, missing: str, error: BaseException | None
    ) -> dict[str, Any]:
        end: dict[str, Any] = {"files": [], "missing_attribute": missing}
        if error is None:
            accounts.finish()
            end["files"] = accounts.files_without_page()
            return end
        end["cause"], end["message"] = cause_of(error)
        if isinstance(error, WantsFullMets) or missing:
            end["cause"] = "EXCEPTION"
        elif accounts.nothing_done() and len(piece.pages) > 1:
            end["before_first_page"] = True
        elif isinstance(error, (SystemExit, KeyboardInterrupt)) and accounts.started:
            pass  # the pages after that one were not reached
        else:
            accounts.finish(error)
            if isinstance(error, FileExistsError) and not reports.failed:  # all of it was there
                return {"files": [], "missing_attribute": missing}
        return end


class _Reports:
    """Outcomes on their way: of a piece of many pages as they come, a few at a time; the last ones with the end."""

    def __init__(self, channel: Channel, piece: Piece, recipe: str) -> None:
        self.rest: list[Outcome] = []
        self.failed = False
        self._channel = channel
        self._piece = piece
        self._recipe = recipe
        self._many = len(piece.pages) > 1
        self._last = perf_counter()

    def add(self, outcome: Outcome) -> None:
        self.rest.append(outcome)
        self.failed = self.failed or "cause" in outcome
        if self._many and perf_counter() - self._last >= _REPORT_SECONDS:
            self._channel.hold(
                encode_pages_so_far(self._piece, self.rest, self._recipe, os.getpid() if self.failed else 0)
            )
            self._channel.flush()
            self.rest = []
            self._last = perf_counter()
