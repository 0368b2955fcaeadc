"""Runs of `stageproxy check`."""

from pathlib import Path
from typing import Any

from tests.support.builders.distributions import Distribution
from tests.support.clients.command_runner import CommandRunner
from tests.support.index.fake_index import FakeIndex
from tests.support.servers.processes import CommandResult


def save(cli: CommandRunner, *files: Distribution) -> list[Path]:
    """Write distributions to files, and return their paths."""
    return [cli.save(one) for one in files]


def check(cli: CommandRunner, index: FakeIndex, *files: Distribution) -> CommandResult:
    """Check files against an index."""
    return cli.run("check", *save(cli, *files), "--against", f"{index.url}/simple/")


def findings(cli: CommandRunner, index: FakeIndex, *files: Distribution) -> Any:
    """Return the messages about files of one release: of each file, and of the release."""
    given = "check", *save(cli, *files), "--against", f"{index.url}/simple/", "--json"
    ended = cli.run(*given)
    assert ended.stderr == ""
    assert ended.code == (1 if ended.document["refused"] else 0)
    (release,) = ended.document["releases"]
    each = {name: [one["message"] for one in found] for name, found in release["files"].items()}
    return each, [one["message"] for one in release["findings"]]
