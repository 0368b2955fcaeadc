"""The commands that install a release from its stage, as users see them."""

import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import ip_address
from urllib.parse import urlsplit

_SOURCE = "stage"
"""The name of the stage as a source of a project."""


@dataclass(frozen=True, slots=True)
class InstallCommands:
    """The command of each installer, quoted for a shell.

    *pip* and *uv* install from the stage alone, and *poetry* and *pdm* in a project whose index is
    the stage; those with *beside* from the index that the user has configured, and from the
    stage what only that has.
    """

    pip: str
    uv: str
    poetry: str
    pdm: str
    pip_beside: str
    uv_beside: str
    poetry_beside: str
    pdm_beside: str


def install_commands(stage_url: str, project: str, version: str | None) -> InstallCommands:
    """Return the commands that install exactly the staged release.

    pip and pdm ignore an index without TLS unless it is on this machine or they are told to trust
    it; uv and poetry do not need to be told. Without `--no-cache`, poetry and pdm use what they
    remember of an earlier upload.
    """
    requirement = f"{project}=={version}" if version else project
    index = f"{stage_url}simple/"
    host = urlsplit(stage_url).netloc
    trusted = [] if is_trusted_by_pip(stage_url) else ["--trusted-host", host]
    pip, uv = ["pip", "--isolated", "install", *trusted], ["uv", "pip", "install"]
    beside = ["pip", "install", *trusted]
    only = f"{stage_url}+only/simple/"
    poetry, pdm = ["poetry", "--no-cache", "add"], ["pdm", "--no-cache", "add", requirement]
    add_source, source = ["poetry", "source", "add"], f"pypi.{_SOURCE}"
    configure = ["pdm", "config", "--local"]
    trust = [[*configure, "pypi.verify_ssl", "false"]] if trusted else []
    trust_source = [[*configure, f"{source}.verify_ssl", "false"]] if trusted else []
    return InstallCommands(
        pip=shlex.join([*pip, "--index-url", index, requirement]),
        uv=shlex.join([*uv, "--default-index", index, requirement]),
        poetry=_joined([*add_source, _SOURCE, index], [*poetry, requirement]),
        pdm=_joined(*trust, after=f"PDM_PYPI_URL={shlex.quote(index)} {shlex.join(pdm)}"),
        pip_beside=shlex.join([*beside, "--extra-index-url", only, requirement]),
        uv_beside=shlex.join([*uv, "--index", only, requirement]),
        poetry_beside=_joined(
            [*add_source, "--priority", "explicit", _SOURCE, only],
            [*poetry, "--source", _SOURCE, requirement],
        ),
        pdm_beside=_joined([*configure, f"{source}.url", only], *trust_source, pdm),
    )


def upload_command(stage_url: str) -> str:
    """Return the command of twine that uploads into a stage."""
    return f"{shlex.join(['twine', 'upload', '--repository-url', f'{stage_url}legacy/'])} dist/*"


def _joined(*commands: Sequence[str], after: str = "") -> str:
    """Return commands of which each runs after the one before, with a quoted one *after* them."""
    return " && ".join([*map(shlex.join, commands), *filter(None, [after])])


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
