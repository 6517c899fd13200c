"""The client of Offizin's own HTTP API: what the commands, and programs in Python, talk to a server with."""

from offizin.client.answers import (
    Attempt,
    Cancelled,
    Change,
    Changes,
    Failure,
    Failures,
    Health,
    JobDetails,
    JobPage,
    JobSummary,
    PageState,
    ProcessorSummary,
    RunnerStatus,
    RunPage,
    RunSummary,
    StepSummary,
)
from offizin.client.client import UNIX, Client, Order
from offizin.client.following import follow_run

__all__ = [
    "UNIX",
    "Attempt",
    "Cancelled",
    "Change",
    "Changes",
    "Client",
    "Failure",
    "Failures",
    "Health",
    "JobDetails",
    "JobPage",
    "JobSummary",
    "Order",
    "PageState",
    "ProcessorSummary",
    "RunPage",
    "RunSummary",
    "RunnerStatus",
    "StepSummary",
    "follow_run",
]
