"""Messages for workers of the reference, read by the reference's own classes and validators."""

from __future__ import annotations

import json
import uuid
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Raw
from msgspec.structs import replace

from offizin.messages import AttemptName, Piece, Slice
from offizin.messages.stock_messages import (
    StockResult,
    processing_message,
    read_result,
    result_message,
    stock_job_id,
)

JOB = "5d1b3d0e-6f3b-4f0d-9a44-0d9dbd0c3f0a"
RESULTS = "offizin-stock-results-one"


def piece(parameters: dict[str, Any] | None = None) -> Piece:
    return Piece(
        version=1, job=JOB, attempt=1, piece=0, processor="ocrd-dummy",
        parameters=Raw(json.dumps(parameters or {}).encode()),
        input_file_grps=["OCR-D-IMG"], output_file_grps=["OCR-D-OUT"], directory="/books/a", mets="/books/a/mets.xml",
        log="a.log", slice=Slice(["P1", "P2"], []),
    )  # fmt: skip


def read_by_reference(body: bytes) -> Any:
    from ocrd_network.rabbitmq_utils import OcrdProcessingMessage

    return OcrdProcessingMessage.decode_yml(body)


def test_the_reference_reads_a_processing_message() -> None:
    message = read_by_reference(processing_message(piece({"level": "page"}), ["P1", "P2"], RESULTS, 1.5))
    assert vars(message) == {
        "job_id": JOB,
        "processor_name": "ocrd-dummy",
        "created_time": 1,
        "path_to_mets": "/books/a/mets.xml",
        "input_file_grps": ["OCR-D-IMG"],
        "output_file_grps": ["OCR-D-OUT"],
        "page_id": "P1,P2",
        "parameters": {"level": "page"},
        "result_queue_name": RESULTS,
    }


def test_what_is_not_there_is_not_said() -> None:
    message = read_by_reference(processing_message(replace(piece(), output_file_grps=[]), [], RESULTS, 1.5))
    assert not {"output_file_grps", "page_id", "callback_url", "internal_callback_url"} & vars(message).keys()


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("ab: é\x85𝔸", max_size=4), inner, max_size=3),
    max_leaves=6,
)  # fmt: skip


@given(st.dictionaries(st.text("abc-_.𝔸", min_size=1), _JSON, max_size=4))
def test_parameters_arrive_as_they_are(parameters: dict[str, Any]) -> None:
    assert read_by_reference(processing_message(piece(parameters), [], RESULTS, 1.5)).parameters == parameters


def test_each_attempt_has_its_id_and_the_first_that_of_the_job() -> None:
    assert stock_job_id(AttemptName(JOB, 1, 0)) == JOB
    names = [AttemptName(JOB, attempt, part) for attempt in (1, 2, 12) for part in (0, 1, 2, 21)]
    ids = {stock_job_id(name) for name in names}
    assert len(ids) == len(names)
    assert all(str(uuid.UUID(each)) == each for each in ids)
    assert ids == {stock_job_id(name) for name in names}


def test_a_result_of_the_reference_is_read() -> None:
    from ocrd_network.rabbitmq_utils import OcrdResultMessage

    body = OcrdResultMessage.encode_yml(OcrdResultMessage(JOB, "FAILED", "/books/a/mets.xml", ""))
    assert read_result(body) == StockResult(JOB, "FAILED", "/books/a/mets.xml")


def test_the_reference_reads_a_result_of_ours() -> None:
    from ocrd_network.rabbitmq_utils import OcrdResultMessage

    message = OcrdResultMessage.decode_yml(result_message(StockResult(JOB, "SUCCESS", "/books/ä/mets.xml")))
    assert (message.job_id, message.state, message.path_to_mets) == (JOB, "SUCCESS", "/books/ä/mets.xml")


@pytest.mark.parametrize("body", [b"", b"\xff", b"[", b"- a", b"job_id: 1", b"{job_id: no, state: A, path_to_mets: B}"])
def test_what_is_no_result_is_refused(body: bytes) -> None:
    with pytest.raises(ValueError, match="no result message"):
        read_result(body)
