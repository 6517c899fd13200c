"""Messages between the reference's server and its workers, to the letter of its schemas. Pure.

Source: ocrd_validators/message_processing.schema.yml and message_result.schema.yml, and
ocrd_network/rabbitmq_utils/ocrd_messages.py of `ocrd` 3.13.3: YAML, and no key that the schemas do not name.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import yaml

from offizin.messages.sessions import AttemptName
from offizin.messages.work import Piece

_SAFE_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
# What ids of attempts are made from, where they are not the job's own.
_ATTEMPTS = uuid.UUID("6ba7b811-9dad-11d1-80b4-00c04fd430c8")


@dataclass(frozen=True, slots=True)
class StockResult:
    """What a worker of the reference says when a job is over. ``state``: SUCCESS or FAILED."""

    job_id: str
    state: str
    path_to_mets: str
    workspace_id: str = ""


def stock_job_id(attempt: AttemptName) -> str:
    """The ``job_id`` of a message. The first attempt at a job as a whole has the job's own; every other one has one
    that is always the same for it, so that what comes of an earlier attempt is known by its id."""
    if attempt.attempt == 1 and attempt.piece == 0:
        return attempt.job
    return str(uuid.uuid5(_ATTEMPTS, f"{attempt.job}/{attempt.attempt}/{attempt.piece}"))


def processing_message(piece: Piece, pages: Sequence[str], result_queue: str, created_at: float) -> bytes:
    """The pages of a piece for a worker of the reference; no page where there are none to name: it does the whole book
    then. ``created_at`` in seconds since the epoch.

    There is no callback in it: the schema's pattern refuses https (and takes ``htt://``), and a call that fails ends
    the worker. Results come by the queue.
    """
    message: dict[str, Any] = {
        "job_id": stock_job_id(AttemptName(piece.job, piece.attempt, piece.piece)),
        "processor_name": piece.processor,
        "created_time": int(created_at),
        "path_to_mets": piece.mets,
        "input_file_grps": list(piece.input_file_grps),
        "parameters": json.loads(bytes(piece.parameters)),
        "result_queue_name": result_queue,
    }
    if piece.output_file_grps:
        message["output_file_grps"] = list(piece.output_file_grps)
    if pages:
        message["page_id"] = ",".join(pages)
    return _encoded(message)


def result_message(result: StockResult) -> bytes:
    """As a worker of the reference publishes it to ``result_queue_name``."""
    return _encoded(
        {
            "job_id": result.job_id,
            "state": result.state,
            "workspace_id": result.workspace_id,
            "path_to_mets": result.path_to_mets,
        }
    )


def read_result(body: bytes) -> StockResult:
    """Raises ValueError for what is no result message."""
    try:
        found = yaml.load(body.decode(), _SAFE_LOADER)
        return StockResult(
            str(uuid.UUID(found["job_id"])),
            str(found["state"]),
            str(found["path_to_mets"]),
            str(found.get("workspace_id") or ""),
        )
    except (yaml.YAMLError, UnicodeDecodeError, LookupError, TypeError, AttributeError, ValueError) as error:
        raise ValueError(f"no result message: {error!r}") from error


def _encoded(message: dict[str, Any]) -> bytes:
    """JSON would not do: YAML reads ``1e5`` as text, and surrogates as they are written."""
    return yaml.safe_dump(message, indent=2).encode()
