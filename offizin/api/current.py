"""How routes get the one Offizin."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, FastAPI, Request

from offizin.errors import Unavailable
from offizin.offizin import Offizin


def running(app: FastAPI) -> Offizin:
    """Raises Unavailable before the application's lifespan began and after it ended."""
    offizin = getattr(app.state, "offizin", None)
    if not isinstance(offizin, Offizin):
        raise Unavailable("the server does not run", advice="Start it, and ask again.")
    return offizin


def _of_request(request: Request) -> Offizin:
    return running(request.app)


CurrentOffizin = Annotated[Offizin, Depends(_of_request)]
