"""Redirects of upstream, which must not leave the stage."""

from dataclasses import dataclass

from packaging.utils import canonicalize_name

from stageproxy.core.errors import UpstreamFailedError
from stageproxy.core.index.links import is_file

REDIRECTS = frozenset({301, 302, 303, 307, 308})
"""The statuses of redirects."""

MOST_REDIRECTS = 3
"""How many redirects in a row are followed."""


@dataclass(frozen=True, slots=True)
class Redirection:
    """The target of a redirect: its URL, its path, and whether its host is configured.

    `path` is that below the stage, and `None` for a URL on another host. `is_downgrade`
    if the redirect leads from `https` to `http`.
    """

    url: str
    path: str | None
    is_known: bool
    is_downgrade: bool = False


def check_redirection(target: Redirection, asked: str, *, any_file_host: bool) -> None:
    """Raise `UpstreamFailedError` if a redirect leads to a host that is not configured.

    *any_file_host*: no file host is configured, so files may be redirected to any. What
    is a file is decided by the last segment of the path that was *asked*.
    """
    is_to_file = any_file_host and is_file(asked) and not target.is_downgrade
    if target.path is None and not target.is_known and not is_to_file:
        setting = "files_url" if is_file(asked) else "fallback_url"
        raise UpstreamFailedError(
            f"PyPI redirects to a host that is not configured. Set upstream.{setting} to allow it."
        )


def is_respelling(asked: str, path: str) -> bool:
    """Return whether a redirect only adds a slash or normalizes a name, and so is permanent."""
    return _normalized(asked) == _normalized(path)


def _normalized(path: str) -> list[str]:
    return [canonicalize_name(segment) for segment in path.rstrip("/").split("/")]
