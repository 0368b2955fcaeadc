"""Redirects of upstream, which must not leave the stage."""

from dataclasses import dataclass

from packaging.utils import canonicalize_name

from stageproxy.core.errors import UpstreamFailedError

_FILES = "packages/"


@dataclass(frozen=True, slots=True)
class Redirection:
    """The target of a redirect: its URL, its path, and whether its host is configured.

    `path` is relative to upstream's root, and `None` for a URL that is not below it.
    """

    url: str
    path: str | None
    is_known: bool


def check_redirection(target: Redirection, asked: str, *, any_file_host: bool) -> None:
    """Raise `UpstreamFailedError` if a redirect leads to a host that is not configured.

    *any_file_host*: no file host is configured, so files may be redirected to any.
    """
    is_file = any_file_host and asked.startswith(_FILES) and target.url.startswith("https://")
    if target.path is None and not target.is_known and not is_file:
        msg = "PyPI redirects to a host that is not configured. Set upstream.files_url to allow it."
        raise UpstreamFailedError(msg)


def is_respelling(asked: str, path: str) -> bool:
    """Return whether a redirect only adds a slash or normalizes a name, and so is permanent."""
    return _normalized(asked) == _normalized(path)


def _normalized(path: str) -> list[str]:
    return [canonicalize_name(segment) for segment in path.rstrip("/").split("/")]
