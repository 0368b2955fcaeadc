"""Here is which index pip on this machine is configured to use."""

import subprocess
import sys
from dataclasses import dataclass

from pip._internal.models.index import PyPI
from yarl import URL

_ASK_PIP = """
from pip._internal.commands import create_command
print(create_command("install").parser.get_default_values().index_url)
"""
_PATIENCE = 60


class NoPipIndexError(Exception):
    """pip does not say which index it uses."""


@dataclass(frozen=True, slots=True)
class IndexUrls:
    """Where an index is: its `/`, and its project pages. Both end with a slash.

    They may carry credentials, and so must not be printed as they are.
    """

    root: URL
    simple: URL

    def __repr__(self) -> str:
        """Return a text that is safe to log."""
        return f"IndexUrls({without_credentials(self.root)})"


def urls_of(url: str, simple_url: str = "") -> IndexUrls:
    """Return where an index is whose `/` is at *url*."""
    root = URL(url.rstrip("/") + "/")
    simple = URL(simple_url.rstrip("/") + "/") if simple_url else root / "simple/"
    return IndexUrls(root, simple)


def index_of_pip() -> IndexUrls:
    """Ask the pip beside this Python for its index: environment, configuration, or default.

    pip is asked in a process of its own, for its modules are private and large.
    """
    asked = subprocess.run(  # noqa: S603 - a constant, run by this very Python
        [sys.executable, "-c", _ASK_PIP],
        capture_output=True,
        text=True,
        timeout=_PATIENCE,
        check=False,
    )
    simple = asked.stdout.strip()
    if asked.returncode or not simple:
        msg = "pip does not report which index it uses. Set upstream.url."
        raise NoPipIndexError(msg)
    return urls_of_simple(simple)


def urls_of_simple(simple: str) -> IndexUrls:
    """Return where an index is whose project pages are at *simple*, as pip's `--index-url` says."""
    trimmed = simple.rstrip("/")
    if trimmed.endswith("/simple"):
        return urls_of(trimmed.removesuffix("/simple"))
    return urls_of(trimmed, simple_url=trimmed)


def default_of_pip() -> URL:
    """Return the `/` of the index that pip has built in, whatever it is configured to use."""
    return URL(PyPI.url).with_path("/")


@dataclass(frozen=True, slots=True)
class PublishingUrls:
    """Where releases are published, and the simple index that confirms it.

    They may carry credentials, and so must not be printed as they are.
    """

    repository: URL
    index: URL

    def __repr__(self) -> str:
        """Return a text that is safe to log."""
        return f"PublishingUrls({without_credentials(self.repository)})"


def publishing_urls(
    repository_url: str, index_url: str, upstream: IndexUrls
) -> PublishingUrls | None:
    """Return where to publish: as the settings say, or on PyPI if that is what upstream is.

    A release must not end up where nobody meant it to go, nor a token: with
    another upstream both have to be said, and nothing is returned if they are not.
    """
    if repository_url and index_url:
        return PublishingUrls(URL(repository_url), URL(index_url))
    site = default_of_pip()
    if repository_url or index_url or upstream.root.origin() != site.origin():
        return None
    return publishing_urls_of(site)


def publishing_urls_of(site: URL) -> PublishingUrls:
    """Return where PyPI has its upload API and its simple index."""
    return PublishingUrls(site.with_host(f"upload.{site.host}") / "legacy/", site / "simple/")


def without_credentials(url: URL) -> URL:
    """Return a URL that may be shown and sent on."""
    return url.with_user(None)
