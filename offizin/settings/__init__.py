"""The settings of a server, and the keys of the reference's configuration file beside them."""

from offizin.settings.reference_config import ReferenceConfig
from offizin.settings.settings import LogLevel, Settings, SyncMode, available_cores, default_home, split_address
from offizin.settings.store import Store

__all__ = [
    "LogLevel",
    "ReferenceConfig",
    "Settings",
    "Store",
    "SyncMode",
    "available_cores",
    "default_home",
    "split_address",
]
