"""One piece done by one call of its program, against the METS of its own attempt."""

from __future__ import annotations

import asyncio
import errno
import math
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import psutil
from msgspec.structs import replace

from offizin.errors import OffizinError, RunnerLost, Unavailable
from offizin.messages import Cause, Piece, Result
from offizin.messages.recipes import recipe_of
from offizin.mets.scan import Scan
from offizin.workers.added_files import look_at
from offizin.workers.attempt_mets import AttemptMets
from offizin.workers.child_call import call_of, policies_of
from offizin.workers.child_copying import copy_pages
from offizin.workers.child_inputs import look_at_inputs
from offizin.workers.child_log import ChildLog
from offizin.workers.child_outcome import Before, Outcome, after_failure, after_success, before
from offizin.workers.exit_causes import cause_of
from offizin.workers.last_words import cause_in, last_line
from offizin.workers.memory import MemoryWatch
from offizin.workers.mets_endpoint import MetsEndpoint
from offizin.workers.program import Program

_LAST_WORDS = 200
# The memory of a program is looked at after so many seconds, then after twice as many, and at last so often.
_LOOK_AFTER, _LOOK_EVERY = 0.02, 1.0


class ChildProcess:
    """``version`` and ``environment`` are those of the program, ``owner`` the directory by which its leftovers are
    found, ``log`` the job's log, ``may_write`` says whether the worker's lease still holds."""

    def __init__(
        self,
        executable: Path,
        piece: Piece,
        *,
        version: str,
        environment: Mapping[str, str],
        owner: Path,
        log: Path,
        endpoint: MetsEndpoint,
        may_write: Callable[[], bool],
    ) -> None:
        self.pid = 0
        self._executable = executable
        self._piece = piece
        self._recipe = recipe_of(piece.processor, version, bytes(piece.parameters).decode())
        self._environment = environment
        self._owner = owner
        self._log = log
        self._endpoint = endpoint
        self._may_write = may_write
        self._program: Program | None = None
        self._killed = self._late = False
        self._peak_memory = 0
        self._memory: MemoryWatch | None = None
        self._progress_at = time.monotonic()
        self._has_added = False

    def kill(self) -> None:
        """End it with all that it has started; what it had done before is told all the same."""
        self._killed = True
        if self._program is not None:
            self._program.kill()

    async def run(self) -> Result:
        """Its end. If it was killed, only the pages that it had done (``end`` is false then)."""
        began, piece = time.monotonic(), self._piece
        known = before(piece)
        try:
            result = await self._run(known)
        except (OSError, OffizinError) as error:  # no log, no workspace, no METS, no process
            result = self._result(after_failure(piece, known, [], {}), _cause(error), str(error))
        if self._killed:
            result = replace(result, end=False, cause=None, message="")
        return replace(
            result, seconds=round(time.monotonic() - began, 6), peak_memory=self._peak_memory,
            runner=self.pid if _has_failed(result) else 0, recipe=self._recipe,
        )  # fmt: skip

    async def _run(self, known: Before) -> Result:
        piece = self._piece
        if not known.to_do:
            return self._result(after_success(piece, known, [], {}))
        made_of = await asyncio.to_thread(look_at_inputs, piece)
        mets = await asyncio.to_thread(self._open_mets)
        if piece.copy_input:
            await asyncio.to_thread(copy_pages, piece, known.to_do, mets)
            added = await asyncio.to_thread(look_at, piece.directory, list(mets.added.values()))
            return self._result(after_success(piece, known, added, made_of))
        log = await ChildLog.open(self._log)
        try:
            url = await self._endpoint.open(mets)
            try:
                code = await self._call(call_of(self._executable, piece, known.to_do, url), known, log)
            finally:
                self._endpoint.close(url)
        finally:
            await log.close()
        added = await asyncio.to_thread(look_at, piece.directory, list(mets.added.values()))
        tail = log.tail()
        if code == 0 and not self._late and not self._killed:
            result = self._result(after_success(piece, known, added, made_of))
        else:
            result = self._result(after_failure(piece, known, added, made_of), *self._why(code, tail))
        return replace(result, log_tail=tail if _has_failed(result) else "", missing_attribute=mets.missing_attribute)

    def _why(self, code: int, tail: str) -> tuple[Cause, str]:
        if self._late:
            return Cause.TIMEOUT, f"no page was done within the time limit of {self._limit():g} s"
        if code < 0:
            cause, message = cause_of(code, out_of_memory=self._memory is not None and self._memory.ended_by_kernel())
            return cause, message.replace("the runner was", "the program was")
        said = last_line(tail)
        last_words = f": {said[:_LAST_WORDS]}" if said else ", and said nothing"
        return cause_in(said) or Cause.EXIT, f"the program ended with exit code {code}{last_words}"

    async def _call(self, command: list[str], known: Before, log: ChildLog) -> int:
        """The return code, once all of it is gone."""
        environment = {**self._environment, **policies_of(known.to_do)}
        program = await Program.start(
            command, owner=self._owner, output=log.descriptor, environment=environment, directory=self._piece.directory
        )
        log.started()
        self._program, self.pid = program, program.pid
        self._memory = MemoryWatch(program.pid)
        self._progress_at = time.monotonic()
        if self._killed:
            program.kill()
        gone, look_after = asyncio.ensure_future(program.gone()), _LOOK_AFTER
        while not gone.done():
            left = self._progress_at + self._limit() - time.monotonic()
            if left <= 0 and not self._killed:
                self._late = True
                program.kill()
                break
            await asyncio.wait({gone}, timeout=min(max(left, 0.0), look_after))
            look_after = min(2 * look_after, _LOOK_EVERY)
            self._memory.look()
            self._peak_memory = max(self._peak_memory, await asyncio.to_thread(_memory_of, program.pid))
        return await gone

    def _limit(self) -> float:
        """How long it may take until it adds something more. Some add everything in the end, so until it begins with
        that it has the time for all pages."""
        limit = self._piece.time_limit
        if limit is None:
            return math.inf
        return limit if self._has_added else limit * len(self._piece.slice.pages)

    def _open_mets(self) -> AttemptMets:
        """Blocking. With the whole METS, what is not saved yet is added from the slice."""
        piece, slice_ = self._piece, self._piece.slice
        pages, files, groups, identifier = slice_.pages, slice_.files, slice_.file_groups, slice_.unique_identifier
        if piece.full_mets:
            path = Path(piece.mets)
            contents = Scan(path.read_bytes(), path).contents()
            there = {(file.file_grp, file.id) for file in contents.files}
            files = [*contents.files, *(file for file in files if (file.file_grp, file.id) not in there)]
            pages, groups, identifier = contents.pages, contents.file_groups, contents.unique_identifier
        return AttemptMets(
            piece.directory, pages, files, groups, identifier,
            whole=piece.full_mets, overwrite=piece.overwrite, check=self._check, added_one=self._progress,
        )  # fmt: skip

    def _check(self) -> None:
        if self._killed or self._late or not self._may_write():
            raise Unavailable("the time of this attempt is over, nothing is added any more")

    def _progress(self) -> None:
        self._has_added, self._progress_at = True, time.monotonic()

    def _result(self, outcome: Outcome, cause: Cause | None = None, message: str = "") -> Result:
        piece = self._piece
        return Result(
            piece.job, piece.attempt, piece.piece, outcome.pages, outcome.files, cause=cause, message=message,
            before_first_page=cause is not None and outcome.open_pages > 1,  # then its pages are done one by one
        )  # fmt: skip


def _has_failed(result: Result) -> bool:
    """As a whole, or on some page."""
    return result.cause is not None or any(page.cause is not None for page in result.pages)


def _cause(error: Exception) -> Cause:
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        return Cause.DISK_FULL
    return Cause.RUNNER_LOST if isinstance(error, RunnerLost) else Cause.EXCEPTION


def _memory_of(pid: int) -> int:
    """Bytes, of the process and what it has started."""
    try:
        process = psutil.Process(pid)
        family = [process, *process.children(recursive=True)]
    except psutil.Error:
        return 0
    total = 0
    for member in family:
        try:
            total += member.memory_info().rss
        except psutil.Error:
            pass
    return total
