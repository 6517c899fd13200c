"""A job's log on standard output."""

from __future__ import annotations

import codecs
import sys
from contextlib import aclosing

from offizin.cli.connection import Place, clock, connect
from offizin.cli.wording import safe
from offizin.errors import JobUnknown


async def print_log(place: Place, job_id: str, *, follow: bool) -> int:
    """As it is into a file or pipe; control characters are shown harmless on a terminal. Raises JobUnknown."""
    decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")
    make_safe = sys.stdout.isatty()
    async with connect(place, clock()) as connection, aclosing(connection.client.log(job_id, follow=follow)) as parts:
        try:
            async for part in parts:
                text = decoder.decode(part)
                sys.stdout.write(safe(text) if make_safe else text)
                sys.stdout.flush()
        except JobUnknown as error:
            raise JobUnknown(error.message, advice="`offizin status RUN` names the jobs that failed.") from error
    return 0
