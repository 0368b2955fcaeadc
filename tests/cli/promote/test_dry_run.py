"""`stageproxy promote --dry-run`, and the approval by `--hashes` and `--manifest`."""

import re

import pytest
from yarl import URL

from tests.cli.promote.releases import LINUX, MACOS, accepted, checksums, warned
from tests.support.builders.distributions import a_wheel
from tests.support.clients.command_runner import CommandRunner, promotion_of
from tests.support.index.fake_index import FakeIndex
from tests.support.servers.processes import CommandResult


def test_plan(cli: CommandRunner, pypi: FakeIndex) -> None:
    """A dry run prints the index, the order of files and the unknown rules; it sends nothing."""
    first, second, sdist = cli.release(MACOS, LINUX)
    stage = cli.staged(first, second, sdist)

    ended = cli.run("promote", stage["id"], "--dry-run")

    assert (ended.code, ended.stderr, accepted(pypi, cli)) == (0, "", [])
    sizes = [one.stat().st_size for one in (first, second, sdist)]
    printed = re.sub(r" {7}uploaded at [0-9T:-]+Z by admin \([0-9a-f]{8}\)\n", "BY\n", ended.stdout)
    assert printed.startswith(
        f"Stage {cli.project} 1.0 (id {stage['id']})\n"
        f"  Publish to  {pypi.url}/legacy/\n"
        f"  Index       {pypi.url}/simple/\n"
        f"  Manifest    {stage['manifest-digest']}\n"
        f"  Revision    {stage['revision']}\n"
        "\nFiles, in the order in which they are sent:\n"
        f"    1. {first.name}  {sizes[0]} bytes  "
        "(first and alone: it creates the release on the index)\nBY\n"
        f"    2. {second.name}  {sizes[1]} bytes\nBY\n"
        f"    3. {sdist.name}  {sizes[2]} bytes  (last, once the index lists every wheel)\nBY\n"
        "\nThis API token has not looked at this stage before: every file is new.\n"
    )
    name = URL(pypi.url).authority
    plan, review = ended.stdout.rstrip("\n").rsplit("\n\n", 1)
    assert review.startswith("Review: ")
    assert plan.endswith(
        f"\nCould not be checked:\n  {name} may still refuse the files for reasons that only "
        f"{name} can check. List them with: stageproxy check --rules"
    )
    assert cli.json("stage", "show", stage["id"])["status"] == "open"


def test_plan_as_document(cli: CommandRunner) -> None:
    """With `--json`, a dry run prints the plan as a document."""
    stage = cli.staged(*cli.release())

    document = cli.json("promote", stage["id"], "--dry-run")

    assert list(document) == ["plan"]
    assert document["plan"]["manifest-digest"] == stage["manifest-digest"]
    assert {one["level"] for one in document["plan"]["findings"]} == {"unknown"}


def test_warnings(cli: CommandRunner) -> None:
    """A dry run lists the warnings to acknowledge, and asks no question."""
    ended = cli.run("promote", warned(cli)["id"], "--dry-run")

    assert ended.code == 0
    assert "\nWarnings to acknowledge:\n  " in ended.stdout


@pytest.mark.parametrize("option", [(), ("--dry-run",), ("--dry-run", "--json"), ("--yes",)])
def test_refused(cli: CommandRunner, pypi: FakeIndex, option: tuple[str, ...]) -> None:
    """A release that PyPI would refuse is not sent, not even with `--yes`. Exit code 1."""
    wheel = cli.wheel()
    stage = cli.staged(wheel)
    pypi.add(cli.project, a_wheel(cli.project, summary="Another demo"))

    ended = cli.run("promote", stage["id"], *option)

    assert (ended.code, accepted(pypi, cli)) == (1, [])
    assert "Error: PyPI would refuse this release, so nothing was sent. " in ended.stderr
    assert wheel.name in ended.stderr


def promoted(cli: CommandRunner, stage: str, lines: str, *options: str) -> CommandResult:
    """Promote a stage, approved by a file with these lines."""
    file = cli.folder / "SHA256SUMS"
    file.write_text(lines)
    return cli.run("promote", stage, "--hashes", file, *options)


def test_matching_hashes(cli: CommandRunner, pypi: FakeIndex) -> None:
    """A release is published if its files have the approved hashes."""
    files = cli.release()
    stage = cli.staged(*files)

    ended = promoted(cli, stage["id"], checksums(*files, folder="dist/"))

    assert (ended.code, len(accepted(pypi, cli))) == (0, 2)


@pytest.mark.parametrize("option", [(), ("--dry-run",)])
def test_different_hashes(cli: CommandRunner, pypi: FakeIndex, option: tuple[str, ...]) -> None:
    """Each missing, additional or different file is named, and nothing is sent."""
    wheel, sdist = cli.release()
    stage = cli.staged(wheel, sdist)
    other, missing = "0" * 64, "1" * 64
    lines = f"{other}  dist/{wheel.name}\n{missing} *{cli.project}.whl\n"

    ended = promoted(cli, stage["id"], lines, *option)

    sha256 = stage["files"][wheel.name]["hashes"]["sha256"]
    assert (ended.code, accepted(pypi, cli)) == (1, [])
    assert ended.stderr == (
        "Error: The stage differs from what was approved. Check the changes and approve it again:\n"
        f"  {cli.project}.whl is in line 2 of the hashes, but not in the stage.\n"
        f"  {wheel.name} has sha256 {sha256} in the stage, but {other} in line 1 of the hashes.\n"
        f"  {sdist.name} is in the stage, but not in the hashes.\n"
    )


def test_hashes_of_a_published_stage(cli: CommandRunner) -> None:
    """The hashes of a published stage are compared, too."""
    files = cli.release()
    stage = cli.staged(*files)
    cli.json(*promotion_of(stage))

    assert promoted(cli, stage["id"], checksums(*files)).code == 0
    assert promoted(cli, stage["id"], checksums(*files[:1])).code == 1


def test_hashes_from_standard_input(cli: CommandRunner) -> None:
    """`--hashes -` reads the hashes from standard input."""
    files = cli.release()
    stage = cli.staged(*files)

    fits = cli.run_with_input(
        checksums(*files), "promote", stage["id"], "--dry-run", "--hashes", "-"
    )
    not_all = cli.run_with_input("", "promote", stage["id"], "--dry-run", "--hashes", "-")

    assert (fits.code, not_all.code) == (0, 1)


def test_malformed_hashes(cli: CommandRunner) -> None:
    """A file without any hash is an error."""
    ended = promoted(cli, cli.staged()["id"], "nonsense\n")

    assert ended.code == 1
    assert "It has no hash of a wheel or an sdist." in ended.stderr


def test_manifest(cli: CommandRunner, pypi: FakeIndex) -> None:
    """Only the manifest with the given digest is published."""
    stage = cli.staged()
    digest = stage["manifest-digest"]

    other = cli.run("promote", stage["id"], "--manifest", "0" * 64)

    assert (other.code, accepted(pypi, cli)) == (1, [])
    assert f"The manifest digest is {digest}, not {'0' * 64}." in other.stderr
    assert cli.run("promote", stage["id"], "--manifest", digest.upper()).code == 0
