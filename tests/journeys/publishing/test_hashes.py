"""Hashes as the tools print them that builds use."""

import sys
from pathlib import Path

import pytest

from stageproxy.core.stage.checksums import parse_checksums
from tests.support.builders.distributions import a_wheel, an_sdist
from tests.support.servers.processes import own_environment, run

pytestmark = pytest.mark.journey

FILES = (a_wheel("demo", "2.0"), an_sdist("demo", "2.0"))
COMMANDS = {
    "sha256sum": ("sha256sum",),
    "sha256sum, binary": ("sha256sum", "-b"),
    "sha256sum, tagged": ("sha256sum", "--tag"),
    "shasum": ("shasum", "-a", "256"),
    "openssl": ("openssl", "dgst", "-sha256"),
    "openssl, coreutils format": ("openssl", "dgst", "-sha256", "-r"),
    "pip hash": (sys.executable, "-m", "pip", "hash"),
    "all at once": (
        "sh",
        "-xc",
        'md5sum "$@"; sha512sum "$@"; b2sum -l 256 --tag "$@"; sha256sum "$@"',
        "sh",
    ),
}


@pytest.mark.parametrize("command", COMMANDS.values(), ids=COMMANDS)
@pytest.mark.parametrize("prefix", ["", "2026-11-30T12:00:00.0000000Z "], ids=["output", "log"])
async def test_output(tmp_path: Path, command: tuple[str, ...], prefix: str) -> None:
    """The hashes are read from the output of each tool, and from the log of a job that ran it."""
    folder = tmp_path / "dist"
    folder.mkdir()
    for one in FILES:
        (folder / one.filename).write_bytes(one.content)
    paths = [f"dist/{one.filename}" for one in FILES]

    done = await run(*command, *paths, environment=own_environment(), folder=tmp_path)

    lines = "".join(f"{prefix}{line}\n" for line in done.ok().stdout.splitlines())
    found = parse_checksums(lines.encode()).hashes
    assert {name: one.sha256 for name, one in found.items()} == {
        one.filename: one.sha256 for one in FILES
    }
