"""The commands that install a release from its stage, as users see them."""

import shlex
from dataclasses import dataclass
from ipaddress import ip_address
from urllib.parse import urlsplit


@dataclass(frozen=True, slots=True)
class InstallCommands:
    """The command of each installer, quoted for a shell.

    *pip* and *uv* install from the stage alone; *pip_beside* and *uv_beside* from the
    index that the user has configured, and from the stage what only that has.
    """

    pip: str
    uv: str
    pip_beside: str
    uv_beside: str


def install_commands(stage_url: str, project: str, version: str | None) -> InstallCommands:
    """Return the commands that install exactly the staged release.

    pip ignores an index without TLS unless it is on this machine or its host is trusted;
    uv does not need to be told.
    """
    requirement = f"{project}=={version}" if version else project
    index = f"{stage_url}simple/"
    host = urlsplit(stage_url).netloc
    trusted = [] if is_trusted_by_pip(stage_url) else ["--trusted-host", host]
    pip, uv = ["pip", "--isolated", "install", *trusted], ["uv", "pip", "install"]
    beside = ["pip", "install", *trusted]
    only = f"{stage_url}+only/simple/"
    return InstallCommands(
        pip=shlex.join([*pip, "--index-url", index, requirement]),
        uv=shlex.join([*uv, "--default-index", index, requirement]),
        pip_beside=shlex.join([*beside, "--extra-index-url", only, requirement]),
        uv_beside=shlex.join([*uv, "--index", only, requirement]),
    )


def is_trusted_by_pip(url: str) -> bool:
    """Return whether pip trusts the host of a URL by itself."""
    parts = urlsplit(url)
    if parts.scheme == "https" or parts.hostname == "localhost":
        return True
    try:
        address = ip_address(parts.hostname or "")
    except ValueError:
        return False
    return address.is_loopback and getattr(address, "ipv4_mapped", None) is None
