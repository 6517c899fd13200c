"""How a login on a machine is named."""

from __future__ import annotations

from offizin.settings.reference_config import Ssh


def label_of(address: str, login: Ssh) -> str:
    """As in ``cloud@worker.example.org:2222``."""
    host = f"[{address}]" if ":" in address else address
    return f"{login.username}@{host}" + ("" if login.port == 22 else f":{login.port}")
