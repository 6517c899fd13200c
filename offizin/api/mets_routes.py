"""METS servers: by a URL that is itself the right to use that of one workspace, for clients that can send no headers.

The reference's client takes a URL for one of ``/tcp_mets`` if that stands in it.
"""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter
from fastapi import Path as PathParameter
from fastapi.responses import Response

from offizin.access.capabilities import Purpose
from offizin.api.current import CurrentOffizin
from offizin.api.error_model import errors
from offizin.api.mets_requests import MetsAnswer, MetsRequest, forward
from offizin.errors import MetsMissing, PathForbidden

router = APIRouter(tags=["workspace"])


@router.post(
    "/tcp_mets/{capability}",
    responses={200: {"model": MetsAnswer}, **errors(MetsMissing, PathForbidden)},
    response_model=None,
)
async def forward_mets_request_with_capability(
    offizin: CurrentOffizin, capability: Annotated[str, PathParameter(max_length=200)], asked: MetsRequest
) -> Response:
    """As POST /tcp_mets, for the one workspace that the capability stands for."""
    return await forward(
        offizin.mets_servers,
        asked,
        lambda mets: offizin.keys.capabilities.require(capability, Purpose.METS, mets.parent),
    )
