"""Job logs: where they lie, how they are read, and how parts that come from other machines are put together."""

from offizin.logs.names import attempt_log_name, job_log, job_log_name, named_attempt
from offizin.logs.parts import LogParts
from offizin.logs.reading import log_tail, read_end, read_part

__all__ = [
    "LogParts",
    "attempt_log_name",
    "job_log",
    "job_log_name",
    "log_tail",
    "named_attempt",
    "read_end",
    "read_part",
]
