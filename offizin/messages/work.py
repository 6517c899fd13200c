"""Pieces of work and what became of them.

Encoded as JSON: the runner reads and writes it with the standard library (``runner/`` has its own codec, one
conformance suite runs both). A piece's bytes pass through broker and worker unopened.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable
from enum import StrEnum

import msgspec

from offizin.messages.made import Dropped, FileState, Made

ENVELOPE_VERSION = 1


class Cause(StrEnum):
    """Why an attempt, or one page of it, failed: a closed list."""

    TIMEOUT = "TIMEOUT"
    OUT_OF_MEMORY = "OUT_OF_MEMORY"
    CRASH = "CRASH"
    EXIT = "EXIT"
    EXCEPTION = "EXCEPTION"
    MODEL_MISSING = "MODEL_MISSING"
    BAD_PARAMETER = "BAD_PARAMETER"
    NO_INPUT = "NO_INPUT"
    BAD_IMAGE = "BAD_IMAGE"
    NO_OUTPUT = "NO_OUTPUT"
    BAD_OUTPUT = "BAD_OUTPUT"
    DISK_FULL = "DISK_FULL"
    RUNNER_LOST = "RUNNER_LOST"
    WORKER_LOST = "WORKER_LOST"
    CANCELLED = "CANCELLED"


class File(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """One ``mets:file``. ``size`` (bytes), ``digest`` (hex BLAKE2b-128 of the content), ``changed_at`` (mtime in
    nanoseconds) and ``inode`` are set on what a processor adds, as far as they are known."""

    id: str
    file_grp: str
    mimetype: str = ""
    page_id: str | None = None
    local_filename: str | None = None
    url: str | None = None
    size: int | None = None
    digest: str | None = None
    changed_at: int | None = None
    inode: int | None = None


class Slice(msgspec.Struct, frozen=True, omit_defaults=True):
    """The part of a METS that one attempt may read: all files of its pages, in all file groups, in document order."""

    pages: list[str]
    files: list[File]
    file_groups: list[str] = []
    unique_identifier: str | None = None


class Piece(msgspec.Struct, frozen=True, omit_defaults=True):
    """The pages of one job that one slot works on at a time: what goes to a runner.

    ``parameters`` is the JSON object with defaults filled in. ``directory`` and ``mets`` are absolute paths; ``log`` is
    the name of a file that is appended to, in the directory of logs of whoever works on it. ``overwrite`` replaces
    files that the output groups hold already; otherwise a page whose output exists counts as done, or has failed where
    the piece is to ``refuse_existing`` output. ``full_mets`` gives the processor a copy of the whole METS.
    ``time_limit`` is in seconds for each page; ``alone`` keeps other pieces off the worker, because earlier attempts
    took the worker with them. ``copy_input``: the pages' input is to become their output, without the processor's part.
    """

    version: int
    job: str
    attempt: int
    piece: int
    processor: str
    parameters: msgspec.Raw
    input_file_grps: list[str]
    output_file_grps: list[str]
    directory: str
    mets: str
    log: str
    slice: Slice
    overwrite: bool = False
    full_mets: bool = False
    time_limit: float | None = None
    alone: bool = False
    refuse_existing: bool = False
    copy_input: bool = False


class Counts(msgspec.Struct, frozen=True, omit_defaults=True):
    """What was recognised on a page, as its PAGE has it. ``confidence``: the mean of the words' (or else the lines')
    confidences, from 0 to 1; None when none has one."""

    regions: int = 0
    lines: int = 0
    words: int = 0
    confidence: float | None = None


class PageOutcome(msgspec.Struct, frozen=True, omit_defaults=True):
    """What became of one page. Without ``cause`` it succeeded; ``existed`` when there was nothing left to do: with a
    cause, because that was not to be. ``counts``: where its PAGE has anything to be counted. ``inputs`` is a digest of
    all that the page was made of, empty where that is not known; ``reads`` are the files among it that lie on disk."""

    page: str
    files: list[File] = []
    cause: Cause | None = None
    message: str = ""
    existed: bool = False
    counts: Counts | None = None
    inputs: str = ""
    reads: list[FileState] = []


class Result(msgspec.Struct, frozen=True, omit_defaults=True):
    """What became of one piece, or of some of its pages so far (``end`` is false then).

    ``files`` belong to no page. ``cause`` says why the piece as a whole ended early; pages that are named in no outcome
    were not reached. ``charged`` is false when the piece had not been started, so that nobody is to blame.
    ``seconds`` is the processor's own time on this piece; ``log_tail`` the last lines of the log when something failed.
    ``missing_attribute`` names what a processor wanted from the METS and the slice lacks. ``log`` is what the attempt
    wrote to the job's log on another machine, from byte ``log_offset`` on: what came before was sent before.
    ``runner`` is the process that worked on it, where something failed.
    ``recipe`` is a digest of the processor, its version and its parameters, empty where they are not known.
    """

    job: str
    attempt: int
    piece: int
    pages: list[PageOutcome] = []
    files: list[File] = []
    end: bool = True
    cause: Cause | None = None
    message: str = ""
    charged: bool = True
    seconds: float = 0.0
    peak_memory: int = 0
    log_tail: str = ""
    before_first_page: bool = False
    missing_attribute: str = ""
    log: bytes = b""
    log_offset: int = 0
    runner: int = 0
    recipe: str = ""


class Taken(msgspec.Struct, frozen=True, omit_defaults=True):
    """A worker's note that it has taken a piece over, which its broker may forget then. ``begun``: a runner began with
    it, ``ago`` seconds before the note was written."""

    job: str
    attempt: int
    piece: int
    ago: float = 0.0
    begun: bool = True
    session: str = ""


class LogPart(msgspec.Struct, frozen=True):
    """What an attempt wrote to the job's log from byte ``offset`` on, while somebody follows it."""

    job: str
    attempt: int
    piece: int
    offset: int
    content: bytes


class PieceTicket(msgspec.Struct, frozen=True):
    """What a worker needs to know of a piece it passes on unopened: decoded from the same bytes as ``Piece``."""

    job: str
    attempt: int
    piece: int
    processor: str
    log: str
    time_limit: float | None = None
    alone: bool = False


class Agent(msgspec.Struct, frozen=True, omit_defaults=True):
    """One ``mets:agent``: what made a step's files. ``id`` becomes its XML ID, so that applying it twice adds it once.

    ``notes`` are (ocrd:option, text) pairs, as ``run_processor`` of the reference writes them. An empty ``otherrole``
    is written nevertheless where the role is OTHER.
    """

    id: str
    name: str
    otherrole: str = ""
    notes: list[tuple[str, str]] = []
    type: str = "OTHER"
    role: str = "OTHER"
    othertype: str = "SOFTWARE"


class Orphan(msgspec.Struct, frozen=True, gc=False):
    """A file on disk that no METS is to list any more. ``path`` is relative to the workspace, ``changed_at`` in
    nanoseconds: it is the file that was meant only while they and the inode are the same."""

    path: str
    size: int
    changed_at: int
    inode: int


class Delta(msgspec.Struct, frozen=True, omit_defaults=True):
    """What one attempt adds to a METS. Applying it twice is the same as applying it once.

    With ``overwrite`` all other files of the (file group, page) pairs it names are taken out of the METS, and all of
    those that it ``empties`` (no page: the files without page). ``orphans`` are files to be deleted once the METS is
    saved. ``ends_groups`` go if nothing is in them then, and agents whose IDs begin with one of ``ends_agents``.

    The rest does not go into the METS: ``run`` is the number of the run that has made the files; ``made`` says of what
    they were made, as far as that is known; ``replaced`` are the (file group, page) pairs that were not empty before;
    ``dropped`` those among ``empties`` that count as made all the same.
    """

    files: list[File] = []
    agents: list[Agent] = []
    overwrite: bool = False
    empties: list[tuple[str, str | None]] = []
    orphans: list[Orphan] = []
    ends_groups: list[str] = []
    ends_agents: list[str] = []
    run: int = 0
    made: list[Made] = []
    replaced: list[tuple[str, str | None]] = []
    dropped: list[Dropped] = []


class Handshake(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a runner says once its processor class is loaded. ``plain``: no runner begins in this program, it is called
    for each piece."""

    processor: str
    version: str = ""
    ocrd_version: str = ""
    independent_pages: bool = False
    step: str = ""
    pid: int = 0
    plain: bool = False


class Unloadable(msgspec.Struct, frozen=True):
    """A worker could not load a processor: what it said."""

    processor: str
    message: str


# What a message of several results may weigh, in bytes; a single one may be longer.
MOST_TOGETHER = 128 * 1024

_encoder = msgspec.json.Encoder()
_piece = msgspec.json.Decoder(Piece)
_ticket = msgspec.json.Decoder(PieceTicket)
_taken = msgspec.json.Decoder(Taken)
_result = msgspec.json.Decoder(Result)
_log_part = msgspec.json.Decoder(LogPart)
_delta = msgspec.json.Decoder(Delta)
_unloadable = msgspec.json.Decoder(Unloadable)
_handshake = msgspec.json.Decoder(Handshake)


def encode(value: msgspec.Struct) -> bytes:
    return _encoder.encode(value)


def decode_piece(body: bytes) -> Piece:
    """Raises msgspec.ValidationError or msgspec.DecodeError for what is no piece."""
    return _piece.decode(body)


def decode_ticket(body: bytes) -> PieceTicket:
    """Raises msgspec.ValidationError or msgspec.DecodeError for what is no piece."""
    return _ticket.decode(body)


def decode_taken(body: bytes) -> Taken:
    return _taken.decode(body)


def decode_result(body: bytes) -> Result:
    """Raises msgspec.ValidationError or msgspec.DecodeError for what is no result."""
    return _result.decode(body)


def decode_log_part(body: bytes) -> LogPart:
    """Raises msgspec.ValidationError or msgspec.DecodeError for what is none."""
    return _log_part.decode(body)


def results_together(encoded: Iterable[bytes]) -> list[bytes]:
    """Bodies of messages, each of as many results as fit (``MOST_TOGETHER`` bytes), one a line."""
    bodies: list[bytes] = []
    lines: list[bytes] = []
    size = 0
    for result in encoded:
        line = result.rstrip()
        if lines and size + len(line) > MOST_TOGETHER:
            bodies.append(b"\n".join(lines))
            lines, size = [], 0
        lines.append(line)
        size += len(line)
    return [*bodies, b"\n".join(lines)] if lines else bodies


def decode_results(body: bytes) -> list[Result]:
    """Of one message, one a line. Raises as ``decode_result``."""
    return _result.decode_lines(body)


def with_log(result: bytes, log: bytes, offset: int) -> bytes:
    """An encoded result that has no log gets one, unopened."""
    if not log and not offset:
        return result
    return result.rstrip()[:-1] + b',"log":"' + base64.b64encode(log) + b'","log_offset":%d}' % offset


def decode_handshake(body: bytes) -> Handshake:
    return _handshake.decode(body)


def decode_delta(body: bytes) -> Delta:
    return _delta.decode(body)


def decode_unloadable(body: bytes) -> Unloadable:
    return _unloadable.decode(body)
