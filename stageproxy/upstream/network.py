"""How hosts are reached: certificates, a proxy, and why a request has failed."""

import os
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from aiohttp import (
    ClientConnectorCertificateError,
    ClientConnectorDNSError,
    ClientConnectorError,
    ClientError,
    ClientHttpProxyError,
    ClientPayloadError,
    ClientProxyConnectionError,
    ClientSSLError,
    ServerDisconnectedError,
)
from yarl import URL

_AUTHORITIES = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")
"""Variables that pip reads, too: the first one that is set counts."""

_REASONS: Mapping[type[ClientError], str] = {
    ClientConnectorDNSError: "its name cannot be resolved",
    ClientProxyConnectionError: "the proxy cannot be reached ({})",
    ClientSSLError: "TLS cannot be negotiated",
    ClientConnectorError: "{}",
    ServerDisconnectedError: "the connection was closed without an answer",
    ClientPayloadError: "the connection was lost during the answer",
}
"""Reasons by kinds of errors. The first kind that matches counts."""


class NetworkSettingsError(Exception):
    """A certificate that pip's settings name cannot be used."""


@dataclass(frozen=True, slots=True)
class NetworkSettings:
    """How hosts are reached, as pip is configured for it.

    `authorities` is a file or a folder of certificates, `client_certificate` a file with
    its key, and the certificates of `trusted_hosts` (`host` or `host:port`) are not
    verified. Empty values are the defaults.
    """

    authorities: str = ""
    client_certificate: str = ""
    proxy: str = field(default="", repr=False)
    trusted_hosts: tuple[str, ...] = ()

    @property
    def proxy_url(self) -> URL | None:
        """The URL of the proxy; without one, that of the environment is used."""
        if not self.proxy:
            return None
        return URL(self.proxy if "://" in self.proxy else f"http://{self.proxy}")

    def trusts(self, url: URL) -> bool:
        """Return whether the certificate of a host is not verified."""
        return not {url.host, f"{url.host}:{url.port}"}.isdisjoint(self.trusted_hosts)

    def tls_context(self, environment: Mapping[str, str]) -> ssl.SSLContext | bool:
        """Return the settings for TLS, or `True` for the defaults.

        Raise `NetworkSettingsError` if a file cannot be read.
        """
        found = (environment[name] for name in _AUTHORITIES if environment.get(name))
        authorities = self.authorities or next(found, "")
        if not authorities and not self.client_certificate:
            return True
        is_folder = bool(authorities) and Path(authorities).is_dir()
        try:
            context = ssl.create_default_context(
                cafile=None if is_folder else authorities or None,
                capath=authorities if is_folder else None,
            )
            if self.client_certificate:
                context.load_cert_chain(self.client_certificate)
        except OSError as error:
            names = " or ".join(filter(None, (authorities, self.client_certificate)))
            raise NetworkSettingsError(
                f"The certificates for upstream cannot be read from {names}: {error.strerror}."
            ) from error
        context.set_alpn_protocols(["http/1.1"])
        return context


DEFAULTS = NetworkSettings()
"""The settings of a machine on which nothing is configured."""


def reason_of(error: ClientError) -> str:
    """Return why a request has failed, for people. It contains no URL, and so no credential."""
    if isinstance(error, ClientConnectorCertificateError):
        detail = getattr(error.certificate_error, "verify_message", "") or "it is not valid"
        return f"its certificate is refused ({detail})"
    if isinstance(error, ClientHttpProxyError):
        return f"the proxy answered {error.status}"
    reasons = (reason for kind, reason in _REASONS.items() if isinstance(error, kind))
    reason = next(reasons, "the connection was lost")
    return reason.format(_detail_of(error))


def _detail_of(error: ClientError) -> str:
    number = error.os_error.errno if isinstance(error, ClientConnectorError) else None
    return os.strerror(number).lower() if number else "no connection"
