"""Here is what becomes of upstream's redirects: they must not lead out of the stage."""

from dataclasses import dataclass

from packaging.utils import canonicalize_name

from stageproxy.core.errors import UpstreamFailedError

_FILES = "packages/"


@dataclass(frozen=True, slots=True)
class Redirection:
    """Where upstream redirects to: a URL, the path below its root, whether the host is configured.

    `path` is `None` for what is not below upstream's root.
    """

    url: str
    path: str | None
    is_known: bool


def check_redirection(target: Redirection, asked: str, *, any_file_host: bool) -> None:
    """Refuse a redirect to a host that nobody configured.

    *any_file_host*: no file host is configured; then upstream says where its
    files are, but for files only.
    """
    is_file = any_file_host and asked.startswith(_FILES) and target.url.startswith("https://")
    if target.path is None and not target.is_known and not is_file:
        msg = "PyPI redirects to a host that is not configured. Set upstream.files_url to allow it."
        raise UpstreamFailedError(msg)


def is_respelling(asked: str, path: str) -> bool:
    """Say whether a redirect only adds a slash or normalizes a name: these hold for good."""
    return _normalized(asked) == _normalized(path)


def _normalized(path: str) -> list[str]:
    return [canonicalize_name(segment) for segment in path.rstrip("/").split("/")]
