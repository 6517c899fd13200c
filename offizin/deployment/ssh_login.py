"""How a login on a machine is named, and the machine behind it."""

from __future__ import annotations

from offizin.deployment.machine import Machine
from offizin.errors import Unavailable
from offizin.settings.reference_config import Ssh


def label_of(address: str, login: Ssh) -> str:
    """As in ``cloud@worker.example.org:2222``."""
    host = f"[{address}]" if ":" in address else address
    return f"{login.username}@{host}" + ("" if login.port == 22 else f":{login.port}")


def machine_over_ssh(address: str, login: Ssh) -> Machine:
    """Not connected yet. Raises Unavailable where the packages of a cluster are not installed."""
    try:
        from offizin.deployment.ssh import SshMachine
    except ModuleNotFoundError as error:
        raise Unavailable(
            f"{label_of(address, login)} cannot be reached: {error.name} is not installed here",
            advice="Install what a cluster needs: pip install 'offizin[cluster]'.",
        ) from error
    return SshMachine(address, login)
