"""The commands that install a release from its stage, as users see them."""

import shlex
from dataclasses import dataclass
from ipaddress import ip_address
from urllib.parse import urlsplit


@dataclass(frozen=True, slots=True)
class InstallCommands:
    """The command of each installer, quoted for a shell."""

    pip: str
    uv: str


def install_commands(stage_url: str, project: str, version: str | None) -> InstallCommands:
    """Return the commands that install exactly the staged release.

    pip ignores an index without TLS unless it is on this machine or its host is trusted;
    uv does not need to be told.
    """
    requirement = f"{project}=={version}" if version else project
    index = f"{stage_url}simple/"
    host = urlsplit(stage_url).netloc
    trusted = [] if _is_secure(stage_url) else ["--trusted-host", host]
    return InstallCommands(
        pip=shlex.join(
            ["pip", "--isolated", "install", *trusted, "--index-url", index, requirement]
        ),
        uv=shlex.join(["uv", "pip", "install", "--default-index", index, requirement]),
    )


def _is_secure(url: str) -> bool:
    """Return whether pip trusts a URL by itself."""
    parts = urlsplit(url)
    if parts.scheme == "https" or parts.hostname == "localhost":
        return True
    try:
        address = ip_address(parts.hostname or "")
    except ValueError:
        return False
    return address.is_loopback and getattr(address, "ipv4_mapped", None) is None
