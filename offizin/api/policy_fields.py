"""Policies in requests: flat fields beside the others, in the query of a workflow and in the body of a job."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any

from fastapi import Query
from pydantic import BaseModel, Field

from offizin.workflows.policies import OnExistingOutput, OnMissingInput, OnMissingOutput, Policies

_MISSING_OUTPUT = (
    "What becomes of a page that gets no output: it has failed, it is skipped, or its input is copied. [default: fail]"
)
_EXISTING_OUTPUT = "What is done with a page that has its output already. [default: skip]"
_MISSING_INPUT = (
    "What becomes of a page without input. [default: fail, but what was skipped in an earlier step is skipped along]"
)
_MAX_MISSING = (
    "So many pages of a step may be missing and it is a success all the same: a share below 1, a percentage as in "
    "10%, a number of pages, or -1 for any number. [default: as many as are skipped or copied, and none that failed]"
)
_PAGE_TIMEOUT = "Seconds for each page, 0 for no limit. [default: the server's]"


def _words(words: type[StrEnum]) -> Any:
    """As a schema alone: the reference's spellings are taken, too."""
    return {"enum": [*words, None]}


_ON_MISSING_OUTPUT, _ON_EXISTING_OUTPUT = _words(OnMissingOutput), _words(OnExistingOutput)
_ON_MISSING_INPUT = _words(OnMissingInput)


class PolicyFields(BaseModel):
    """Those in the body of a request."""

    on_missing_output: str | None = Field(None, description=_MISSING_OUTPUT, json_schema_extra=_ON_MISSING_OUTPUT)
    on_existing_output: str | None = Field(None, description=_EXISTING_OUTPUT, json_schema_extra=_ON_EXISTING_OUTPUT)
    on_missing_input: str | None = Field(None, description=_MISSING_INPUT, json_schema_extra=_ON_MISSING_INPUT)
    max_missing_outputs: float | str | None = Field(None, description=_MAX_MISSING)
    page_timeout: float | None = Field(None, description=_PAGE_TIMEOUT)

    def policies(self) -> Policies:
        """Raises InvalidRequest."""
        return Policies.from_json({name: getattr(self, name) for name in PolicyFields.model_fields})


def policies_in_query(
    on_missing_output: Annotated[
        str | None, Query(description=_MISSING_OUTPUT, json_schema_extra=_ON_MISSING_OUTPUT)
    ] = None,
    on_existing_output: Annotated[
        str | None, Query(description=_EXISTING_OUTPUT, json_schema_extra=_ON_EXISTING_OUTPUT)
    ] = None,
    on_missing_input: Annotated[
        str | None, Query(description=_MISSING_INPUT, json_schema_extra=_ON_MISSING_INPUT)
    ] = None,
    max_missing_outputs: Annotated[str | None, Query(description=_MAX_MISSING)] = None,
    page_timeout: Annotated[float | None, Query(description=_PAGE_TIMEOUT)] = None,
) -> Policies:
    """Raises InvalidRequest."""
    return Policies.from_json(
        {
            "on_missing_output": on_missing_output,
            "on_existing_output": on_existing_output,
            "on_missing_input": on_missing_input,
            "max_missing_outputs": max_missing_outputs,
            "page_timeout": page_timeout,
        }
    )
