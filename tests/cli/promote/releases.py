"""Releases to promote, and the files of them that the index accepted."""

import hashlib
from pathlib import Path
from typing import Any

from tests.support.builders.distributions import a_wheel, an_sdist
from tests.support.clients.command_runner import CommandRunner
from tests.support.index.fake_index import FakeIndex

LINUX, MACOS = "manylinux_2_28_x86_64", "macosx_11_0_arm64"
WRONG = "pypi-wrong"
NO_IDENTITY = "Invalid or non-existent authentication information."


def accepted(pypi: FakeIndex, cli: CommandRunner) -> list[str]:
    """Return the files of the runner's project that the index accepted, in that order."""
    module = cli.project.replace("-", "_")
    return [one for one in pypi.uploads.history.accepted if one.startswith(f"{module}-")]


def upload_outcomes(pypi: FakeIndex, filename: str) -> list[str]:
    """Return the outcome of each finished upload of a file."""
    return [one.answer for one in [*pypi.uploads.history.attempts] if one.filename == filename]


def checksums(*files: Path, folder: str = "") -> str:
    """Return the lines that sha256sum prints for files."""
    lines = (
        f"{hashlib.sha256(one.read_bytes()).hexdigest()}  {folder}{one.name}\n" for one in files
    )
    return "".join(lines)


def warned(cli: CommandRunner) -> Any:
    """Return a stage with a warning: its two files have different requirements."""
    files = (a_wheel(cli.project), an_sdist(cli.project, requires_dist=["six"]))
    return cli.staged(*map(cli.save, files))
