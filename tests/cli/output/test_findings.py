"""Findings as text: every command prints the same ones, under the same headings."""

import re

from tests.cli.promote.releases import warned
from tests.support.builders.distributions import a_wheel, an_sdist
from tests.support.clients.command_runner import CommandRunner
from tests.support.index.fake_index import FakeIndex


def findings_in(text: str) -> str:
    """Return the part of an output that has the findings."""
    found = text[text.index("\nWarnings to acknowledge:") :]
    return re.split(r"\n\n?(?:Stage URL|Review:)", found)[0].rstrip()


def test_every_command_prints_the_same(cli: CommandRunner) -> None:
    """`upload`, `stage show` and `promote --dry-run` print the same findings."""
    files = (a_wheel(cli.project), an_sdist(cli.project, requires_dist=["six"]))

    uploaded = cli.run("upload", *(str(cli.save(one)) for one in files))
    stage = cli.json("stage", "list", "--project", cli.project)["stages"][0]
    shown = cli.run("stage", "show", stage["id"])
    planned = cli.run("promote", stage["id"], "--dry-run")

    assert (uploaded.code, shown.code, planned.code) == (0, 0, 0)
    assert findings_in(uploaded.stdout) == findings_in(shown.stdout) == findings_in(planned.stdout)
    assert shown.stdout.count("has a different Requires-Dist than") == 1


def test_what_only_the_index_can_tell(cli: CommandRunner) -> None:
    """What only the index can check is one line, which says how to list it."""
    shown = cli.run("stage", "show", warned(cli)["id"]).stdout

    (line,) = [one for one in shown.splitlines() if "may still refuse" in one]
    assert line.endswith("List them with: stageproxy check --rules")
    assert "PyPI" not in findings_in(shown)


def test_check_against_an_index(offline: CommandRunner, index: FakeIndex) -> None:
    """`check --against` looks up the dependencies, too."""
    index.add("idna", a_wheel("idna", "3.0"))
    wheel = a_wheel(requires_dist=["idna>=99", "nosuch", "idna>=2"])

    document = offline.json("check", str(offline.save(wheel)), "--against", index.url)

    (release,) = document["releases"]
    host = index.url.partition("//")[2]
    assert [one["message"] for one in release["findings"]] == [
        f"Requires-Dist idna>=99: no release of idna satisfies >=99 on {host}.",
        f"Requires-Dist nosuch: {host} has no project nosuch.",
    ]
