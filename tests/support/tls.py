"""Certificates for tests: an authority of our own, and server contexts good and bad."""

from __future__ import annotations

import datetime as dt
import ssl
from typing import TYPE_CHECKING

import trustme

if TYPE_CHECKING:
    from pathlib import Path

LONG_AGO = dt.datetime(2001, 1, 1, tzinfo=dt.UTC)


class Authority:
    """A certificate authority; `ca_file` is its PEM, for SSL_CERT_FILE."""

    def __init__(self, directory: Path) -> None:
        self._ca = trustme.CA()
        self.ca_file = directory / "ca.pem"
        self._ca.cert_pem.write_to_path(str(self.ca_file))

    def server_context(self, *names: str, expired: bool = False) -> ssl.SSLContext:
        """For a server that calls itself by these names; by default "localhost" and 127.0.0.1."""
        certificate = self._ca.issue_cert(
            *(names or ("localhost", "127.0.0.1")), not_after=LONG_AGO if expired else None
        )
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        certificate.configure_cert(context)
        return context

    def expired_context(self, *names: str) -> ssl.SSLContext:
        return self.server_context(*names, expired=True)

    def wrong_name_context(self) -> ssl.SSLContext:
        """A certificate that is in order, but somebody else's."""
        return self.server_context("somebody-else.test")

    def client_context(self) -> ssl.SSLContext:
        """Trusts this authority and no other."""
        return ssl.create_default_context(cafile=str(self.ca_file))


def unknown_authority_context(*names: str) -> ssl.SSLContext:
    """For a server whose certificate comes from an authority that nobody trusts."""
    certificate = trustme.CA().issue_cert(*(names or ("localhost", "127.0.0.1")))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificate.configure_cert(context)
    return context
