"""Here is how commands find the server of this machine by themselves."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

DEFAULT_URL = "http://127.0.0.1:8726"


@dataclass(frozen=True, slots=True)
class Local:
    """What a server on this machine left in its data directory: where it is, and a token."""

    url: str
    token: str | None = field(repr=False)


def find_local(environment: Mapping[str, str] = os.environ) -> Local:
    """Look into the data directory that `serve` would use here."""
    data = Path(environment.get("STAGEPROXY_STORAGE__DATA", "stageproxy-data"))
    return Local(
        url=_line_of(data / "server.url") or DEFAULT_URL,
        token=_line_of(data / "admin.token"),
    )


def _line_of(path: Path) -> str | None:
    try:
        return path.read_text().strip() or None
    except OSError:
        return None
