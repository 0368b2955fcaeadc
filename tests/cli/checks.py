"""Runs of `stageproxy check`."""

from pathlib import Path
from typing import Any

from tests.cli.desk import Desk, Ended
from tests.support.builders.distributions import Distribution
from tests.support.index.fake_index import FakeIndex


def save(desk: Desk, *files: Distribution) -> list[Path]:
    """Write distributions to files, and return their paths."""
    return [desk.save(one) for one in files]


def check(desk: Desk, index: FakeIndex, *files: Distribution) -> Ended:
    """Check files against an index."""
    return desk.run("check", *save(desk, *files), "--against", f"{index.url}/simple/")


def findings(desk: Desk, index: FakeIndex, *files: Distribution) -> Any:
    """Return the messages about files of one release: of each file, and of the release."""
    given = "check", *save(desk, *files), "--against", f"{index.url}/simple/", "--json"
    ended = desk.run(*given)
    assert ended.stderr == ""
    assert ended.code == (1 if ended.document["refused"] else 0)
    (release,) = ended.document["releases"]
    each = {name: [one["message"] for one in found] for name, found in release["files"].items()}
    return each, [one["message"] for one in release["findings"]]
