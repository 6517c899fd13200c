"""Every error Offizin raises on purpose, in one tree.

    OffizinError                      500  exit 1
    ├── InvalidRequest                422  exit 2   what was asked for cannot be done as it stands
    │   ├── WorkflowInvalid           422  exit 2   a line of a workflow is wrong
    │   ├── ProcessorsMissing         406  exit 2   a workflow names processors that are not there
    │   ├── ParameterInvalid          400  exit 2   a parameter does not fit the processor's ocrd-tool.json
    │   ├── PagesInvalid              422  exit 2   a page selector names no page, or is malformed
    │   ├── FileGroupMissing          422  exit 2   an input file group neither exists nor will be made
    │   ├── MetsInvalid               422  exit 2   mets.xml cannot be read as METS
    │   ├── ZipInvalid                422  exit 2   a zip that is none, or holds what is no plain file inside of it
    │   ├── TooLarge                  413  exit 2   more than a limit allows
    │   ├── PathForbidden             403  exit 2   a path outside of the workspace roots, or of its directory
    │   ├── UrlForbidden              403  exit 2   a URL whose host the server does not call
    │   ├── WorkspaceInvalid          400  exit 2   what is uploaded is no whole workspace
    │   ├── TokenNeeded               401  exit 2   no token came with the request, or none that holds
    │   ├── NotAllowed                403  exit 2   who asks may not do this, or not from there
    │   └── SettingsInvalid           422  exit 2   a setting is wrong, in a file, the environment or the command line
    ├── NotFound                      404  exit 3
    │   ├── ProcessorUnknown          404  exit 3
    │   ├── JobUnknown                422  exit 3   (422 as the reference answers, ocrd_network/server_utils.py)
    │   ├── RunUnknown                404  exit 3
    │   ├── WorkflowUnknown           404  exit 3
    │   ├── MetsMissing               404  exit 3
    │   ├── WorkspaceUnknown          404  exit 3
    │   └── WorkspaceDeleted          410  exit 3   there was one
    ├── Conflict                      409  exit 4
    │   ├── WorkflowExists            409  exit 4
    │   ├── MetsChanged               409  exit 4   somebody else wrote mets.xml while we had it open
    │   ├── WorkspaceInUse            409  exit 4   a workspace cannot be replaced or deleted now
    │   ├── BadOutput                 409  exit 4   what a processor wants to add does not fit into the METS
    │   └── HomeInUse                 409  exit 4   another server runs on this home directory
    ├── Unavailable                   503  exit 5   a server, a program or a file that is needed is not there
    │   ├── RunnerNotPython           503  exit 5   a program that never hands us a Python processor
    │   ├── ProcessorUnloadable       503  exit 5   a Python processor whose program ends before it is loaded
    │   ├── RunnerLost                503  exit 5   a processor's program could not be started or was lost on the way
    │   ├── TakenOver                 503  exit 5   another server does this one's work, because it showed no life
    │   └── OwnedElsewhere            503  exit 5   another server on the same database looks after the workspace
    ├── Interrupted                   499  exit 130 the user ended it
    ├── NotBuiltYet                   501  exit 1   the reference has it, we do not have it yet
    └── RunFailed                     500  exit 1   the run ended, and not all of it worked

Each has a message (what is wrong and where), an ``advice`` (what to do), an HTTP status and an exit code.
"""

from __future__ import annotations

from typing import ClassVar


class OffizinError(Exception):
    """Base of the tree. ``str(error)`` is the message alone; ``advice`` is a sentence or empty."""

    http_status: ClassVar[int] = 500
    exit_code: ClassVar[int] = 1

    def __init__(self, message: str, *, advice: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.advice = advice

    @property
    def code(self) -> str:
        return code_of(type(self))


def code_of(kind: type[OffizinError]) -> str:
    """A stable name for programs: the class's name in snake case."""
    return "".join(f"_{c.lower()}" if c.isupper() else c for c in kind.__name__).lstrip("_")


class InvalidRequest(OffizinError):
    http_status = 422
    exit_code = 2


class WorkflowInvalid(InvalidRequest):
    """``line`` counts from 1; None when the fault is in the workflow as a whole."""

    def __init__(self, message: str, *, line: int | None = None, advice: str = "") -> None:
        super().__init__(message if line is None else f"line {line}: {message}", advice=advice)
        self.line = line


class ProcessorsMissing(InvalidRequest):
    http_status = 406


class ParameterInvalid(InvalidRequest):
    http_status = 400


class PagesInvalid(InvalidRequest):
    pass


class FileGroupMissing(InvalidRequest):
    pass


class MetsInvalid(InvalidRequest):
    pass


class ZipInvalid(InvalidRequest):
    pass


class TooLarge(InvalidRequest):
    http_status = 413


class PathForbidden(InvalidRequest):
    http_status = 403


class UrlForbidden(InvalidRequest):
    http_status = 403


class WorkspaceInvalid(InvalidRequest):
    http_status = 400


class SettingsInvalid(InvalidRequest):
    pass


class TokenNeeded(InvalidRequest):
    http_status = 401


class NotAllowed(InvalidRequest):
    http_status = 403


class NotFound(OffizinError):
    http_status = 404
    exit_code = 3


class ProcessorUnknown(NotFound):
    pass


class JobUnknown(NotFound):
    http_status = 422


class RunUnknown(NotFound):
    pass


class WorkflowUnknown(NotFound):
    pass


class MetsMissing(NotFound):
    pass


class WorkspaceUnknown(NotFound):
    pass


class WorkspaceDeleted(NotFound):
    http_status = 410


class Conflict(OffizinError):
    http_status = 409
    exit_code = 4


class WorkflowExists(Conflict):
    pass


class MetsChanged(Conflict):
    pass


class WorkspaceInUse(Conflict):
    pass


class BadOutput(Conflict):
    pass


class HomeInUse(Conflict):
    pass


class Unavailable(OffizinError):
    http_status = 503
    exit_code = 5


class RunnerNotPython(Unavailable):
    pass


class ProcessorUnloadable(Unavailable):
    pass


class RunnerLost(Unavailable):
    pass


class TakenOver(Unavailable):
    pass


class OwnedElsewhere(Unavailable):
    """``address`` is the URL of that server, empty when it has none."""

    def __init__(self, message: str, *, address: str = "", advice: str = "") -> None:
        super().__init__(message, advice=advice)
        self.address = address


class Interrupted(OffizinError):
    http_status = 499
    exit_code = 130


class RunFailed(OffizinError):
    exit_code = 1


class NotBuiltYet(OffizinError):
    http_status = 501
