"""The server's certificate and key, looked at before the server listens."""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from offizin.errors import SettingsInvalid
from offizin.settings import Settings


@dataclass(frozen=True, slots=True)
class Tls:
    """PEM files that fit each other; ``key`` may be the same file."""

    certificate: Path
    key: Path

    @classmethod
    def of_settings(cls, settings: Settings) -> Self | None:
        """None where the server speaks plain HTTP. Raises SettingsInvalid. Blocking."""
        certificate, key = settings.tls_certificate, settings.tls_key
        if certificate is None:
            if key is not None:
                raise SettingsInvalid(
                    "there is a tls_key and no tls_certificate", advice="Name the certificate's file, or neither."
                )
            return None
        key = key or certificate
        for name, file in (("tls_certificate", certificate), ("tls_key", key)):
            try:
                file.open("rb").close()
            except OSError as error:
                raise SettingsInvalid(
                    f"{name}: {file} cannot be read: {error.strerror}",
                    advice="Name a PEM file that the user of the server may read.",
                ) from error
        try:
            # A key with a password would be asked for at the terminal.
            ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(certificate, key, password=_none)
        except (ssl.SSLError, ValueError) as error:
            reason = getattr(error, "reason", None) or str(error)
            if reason == "KEY_VALUES_MISMATCH":
                raise SettingsInvalid(
                    f"tls_key: {key} is not the key of the certificate in {certificate}",
                    advice="Name the two files that were made together.",
                ) from error
            raise SettingsInvalid(
                f"tls_certificate: {certificate} and {key} cannot be used: {reason}",
                advice="Both must be PEM: a certificate, with those that lead to its authority behind it, and a key "
                "without a password.",
            ) from error
        return cls(certificate, key)


def _none() -> str:
    raise ValueError("the key has a password")
