"""URLs of indexes: pip's on this machine, upstream, and where to publish."""

import json
import subprocess
import sys
from dataclasses import dataclass

from pip._internal.models.index import PyPI
from yarl import URL

from stageproxy.core.rules.findings import PYPI
from stageproxy.upstream.network import NetworkSettings

_ASK_PIP = """
import json
from pip._internal.commands import create_command
options = create_command("install").parser.get_default_values()
names = ("index_url", "cert", "client_cert", "proxy", "trusted_hosts")
print(json.dumps({name: getattr(options, name, None) for name in names}))
"""
_PATIENCE = 60


class NoPipIndexError(Exception):
    """pip does not report which index it uses."""


@dataclass(frozen=True, slots=True)
class IndexUrls:
    """The URLs of an index: its root, and its project pages. Both end with a slash.

    They may contain credentials and must not be printed as they are.
    """

    root: URL
    simple: URL

    def __repr__(self) -> str:
        """Return a text that is safe to log."""
        return f"IndexUrls({without_credentials(self.root)})"


def urls_of(url: str, simple_url: str = "") -> IndexUrls:
    """Return the URLs of the index with the root *url*."""
    root = URL(url.rstrip("/") + "/")
    simple = URL(simple_url.rstrip("/") + "/") if simple_url else root / "simple/"
    return IndexUrls(root, simple)


@dataclass(frozen=True, slots=True)
class PipSettings:
    """The index that pip is configured to use, and how it is reached."""

    index: IndexUrls
    network: NetworkSettings


def settings_of_pip() -> PipSettings:
    """Return the settings of pip: from the environment, its configuration or its defaults.

    pip of this Python runs in a process of its own, as its modules are private and large.
    """
    result = subprocess.run(  # noqa: S603 - a constant, run by this Python
        [sys.executable, "-c", _ASK_PIP],
        capture_output=True,
        text=True,
        timeout=_PATIENCE,
        check=False,
    )
    lines = result.stdout.splitlines()
    options = json.loads(lines[-1]) if result.returncode == 0 and lines else {}
    if not options.get("index_url"):
        msg = "pip does not report which index it uses. Set upstream.url."
        raise NoPipIndexError(msg)
    network = NetworkSettings(
        authorities=options["cert"] or "",
        client_certificate=options["client_cert"] or "",
        proxy=options["proxy"] or "",
        trusted_hosts=tuple(options["trusted_hosts"] or ()),
    )
    return PipSettings(urls_of_simple(options["index_url"]), network)


def urls_of_simple(simple: str) -> IndexUrls:
    """Return the URLs of the index with the project pages *simple*, pip's `--index-url`.

    Its root is the folder around that of the pages, whatever their names.
    """
    folder = URL(simple.rstrip("/") + "/")
    return IndexUrls(folder.join(URL("..")), folder)


def default_of_pip() -> URL:
    """Return the root of pip's built-in default index, whatever pip is configured to use."""
    return URL(PyPI.url).with_path("/")


def index_name(url: URL) -> str:
    """Return what people call an index: PyPI, or its host."""
    if url.origin() == default_of_pip().origin():
        return PYPI
    port = "" if url.is_default_port() else f":{url.port}"
    return f"{url.host}{port}"


@dataclass(frozen=True, slots=True)
class PublishingUrls:
    """The upload API of an index, and the simple index that confirms uploads.

    They may contain credentials and must not be printed as they are.
    """

    repository: URL
    index: URL

    def __repr__(self) -> str:
        """Return a text that is safe to log."""
        return f"PublishingUrls({without_credentials(self.repository)})"


def publishing_urls(
    repository_url: str, index_url: str, upstream: IndexUrls
) -> PublishingUrls | None:
    """Return where to publish: the configured URLs, or PyPI if upstream is PyPI.

    A release and a token must not be sent to an unintended index. With another
    upstream both URLs must be configured, and `None` is returned otherwise.
    """
    if repository_url and index_url:
        return PublishingUrls(URL(repository_url), URL(index_url))
    site = default_of_pip()
    if repository_url or index_url or upstream.root.origin() != site.origin():
        return None
    return publishing_urls_of(site)


def publishing_urls_of(site: URL) -> PublishingUrls:
    """Return the upload API and the simple index of PyPI."""
    return PublishingUrls(site.with_host(f"upload.{site.host}") / "legacy/", site / "simple/")


def without_credentials(url: URL) -> URL:
    """Return a URL without user and password."""
    return url.with_user(None)
