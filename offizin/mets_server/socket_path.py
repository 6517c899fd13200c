"""Where the Unix socket of a workspace's METS server is, and making it. Blocking.

As ``get_uds_path`` of the reference (ocrd_network/utils.py, ocrd 3.13.3), so that what looks there finds it.
"""

from __future__ import annotations

import hashlib
import os
import re
import socket
import tempfile
from collections.abc import Mapping
from pathlib import Path

from offizin.errors import Conflict, InvalidRequest

ROOT = "OCRD_NETWORK_SOCKETS_ROOT_DIR"
# sun_path of Linux has 108 bytes, the last of which is NUL
_LONGEST = 107
# Of a name that is too long, so much stays, to be recognised by.
_KEPT = 24


def socket_path(workspace: str, environment: Mapping[str, str]) -> Path:
    """``workspace`` is its absolute directory. One whose name would be too long gets another, of its end and a digest.
    Raises InvalidRequest when the directory of sockets itself is too long."""
    root = Path(environment.get(ROOT) or Path(tempfile.gettempdir(), "ocrd_network_sockets"))
    name = re.sub(r"[^\w]+", "_", workspace)
    path = root / f"{name}.sock"
    if len(os.fsencode(path)) > _LONGEST:
        digest = hashlib.blake2b(os.fsencode(workspace), digest_size=8).hexdigest()
        path = root / f"{re.sub('[^A-Za-z0-9_]', '', name)[-_KEPT:]}_{digest}.sock"
    if len(os.fsencode(path)) > _LONGEST:
        raise InvalidRequest(
            f"the path {path} is too long for a socket", advice=f"Set {ROOT} to a directory with a shorter path."
        )
    return path


def bound_socket(path: Path) -> socket.socket:
    """A socket that listens there, for its owner alone. One at which nobody listens any more is replaced.

    Raises Conflict when somebody listens there already, InvalidRequest when nothing can be made there.
    """
    bound = socket.socket(socket.AF_UNIX)
    try:
        if not path.parent.exists():
            path.parent.mkdir(parents=True)
            path.parent.chmod(0o1777)  # for the reference's programs of other users, too
        _clear(path)
        before = os.umask(0o177)
        try:
            bound.bind(str(path))
        finally:
            os.umask(before)
        bound.listen(128)
    except BaseException as error:
        bound.close()
        if isinstance(error, OSError):
            raise InvalidRequest(f"there can be no socket at {path}: {error.strerror}") from error
        raise
    return bound


def _clear(path: Path) -> None:
    if not path.is_socket():
        return  # what is no socket is not deleted: then bind says what is wrong
    with socket.socket(socket.AF_UNIX) as there:
        try:
            there.connect(str(path))
        except OSError:
            path.unlink(missing_ok=True)
            return
    raise Conflict(
        f"a METS server listens at {path} already", advice="Use that one, or end it first (ocrd workspace server stop)."
    )
