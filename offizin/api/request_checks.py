"""What is checked of requests before anybody works with them. Raises the errors under InvalidRequest."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from fastapi import UploadFile

from offizin.api.models import RetryRequest
from offizin.errors import InvalidRequest, ParameterInvalid, WorkflowInvalid
from offizin.processors.parameters import check_size
from offizin.scheduling.redo import Redo
from offizin.trust.addresses import Addressees, outgoing_url
from offizin.workflows import parameters_text


def mets_path(given: str) -> Path:
    """The path of a METS on the server's machine."""
    if not given.strip():
        raise InvalidRequest("the path of the METS is empty", advice="Give the path of a mets.xml on the server.")
    if "\0" in given:
        raise InvalidRequest("the path of the METS holds a NUL byte", advice="Give the path as the server knows it.")
    return Path(given)


def callback_url(given: str | None, addressees: Addressees) -> str | None:
    """An http or https URL of a host that may be called, or None. Raises UrlForbidden, too."""
    if given:
        outgoing_url(given, addressees)
    return given or None


def parameters(given: Mapping[str, Any]) -> str:
    """The JSON text of a processor's parameters, in the order given. Raises ParameterInvalid for what is no JSON."""
    check_size(given)
    try:
        text = parameters_text(given)
        json.dumps(given, ensure_ascii=False).encode()
    except (ValueError, RecursionError) as error:
        raise ParameterInvalid(
            f"the parameters are no valid JSON: {error}", advice="NaN, Infinity and lone surrogates cannot be sent."
        ) from error
    return text


def redo(asked: RetryRequest) -> Redo:
    """Raises ParameterInvalid for parameters that are no JSON."""
    parameters(asked.parameters)
    name = asked.processor.strip()
    return Redo(
        what=asked.what,
        pages=asked.page_id,
        step=asked.step,
        processor="ocrd-" + name.removeprefix("ocrd-") if name else "",
        parameters=asked.parameters,
        skip=asked.skip,
    )


async def workflow_text(given: UploadFile | str) -> str:
    """The text of a workflow, from an uploaded file or a form field. Raises WorkflowInvalid."""
    if isinstance(given, str):
        return _without_nul(given)
    content = await given.read()
    try:
        return _without_nul(content.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise WorkflowInvalid(
            "the workflow is no UTF-8 text", line=line, advice="Save the file as plain text in UTF-8."
        ) from error


def _without_nul(text: str) -> str:
    if "\0" in text:
        line = text.count("\n", 0, text.index("\0")) + 1
        raise WorkflowInvalid("the workflow holds a NUL byte", line=line, advice="Send plain text.")
    return text
