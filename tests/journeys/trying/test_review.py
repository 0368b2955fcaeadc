"""A stage is reviewed on a real server: a dropped wheel, the comparison, and evidence."""

from pathlib import Path
from typing import Any

import pytest

from tests.support.builders.distributions import a_wheel, an_sdist
from tests.support.clients.command_runner import CommandRunner, ServerWithIndex

pytestmark = pytest.mark.journey

MANYLINUX, MUSL = "py3-none-manylinux_2_17_x86_64", "py3-none-musllinux_1_2_x86_64"


def publish(index: ServerWithIndex, project: str) -> None:
    """Publish 1.0 with a wheel for each libc, and the sdist."""
    for tag in (MANYLINUX, MUSL):
        index.index.add(project, a_wheel(project, "1.0", tag=tag))
    index.index.add(project, an_sdist(project, "1.0"))


def stage_with(cli: CommandRunner, *tags: str) -> Any:
    """Return a stage of 2.0 with a wheel for each of the tags, and the sdist."""
    wheels = (a_wheel(cli.project, "2.0", tag=tag) for tag in tags)
    return cli.staged(*map(cli.save, (*wheels, an_sdist(cli.project, "2.0"))))


def test_dropped_musl_wheel(cli: CommandRunner, server_with_index: ServerWithIndex) -> None:
    """A release without the wheel for musl that the last one had fails, and says who loses what."""
    publish(server_with_index, cli.project)
    stage = stage_with(cli, MANYLINUX)

    ended = cli.run_in_environment({}, "review", stage["links"]["stage"])

    assert ended.code == 1
    rows = [one for one in ended.stdout.splitlines() if one.startswith("  musllinux x86_64 ")]
    assert "BUILD" in rows[0]
    assert "falls back to a build from source" in ended.stdout
    assert "Changes since " in ended.stdout
    document = cli.run("review", stage["id"], "--json")
    assert document.code == 1
    assert document.document["progress"]["state"] == "done"


def test_complete_release(cli: CommandRunner, server_with_index: ServerWithIndex) -> None:
    """A release with the wheels of the last one passes, and how to publish it is said."""
    publish(server_with_index, cli.project)
    stage = stage_with(cli, MANYLINUX, MUSL)

    ended = cli.run("review", stage["id"])

    assert ended.code == 0, ended.stdout
    digest = stage["manifest-digest"]
    assert ended.stdout.endswith(f"  stageproxy promote {stage['id']} --manifest {digest}\n")


def test_evidence_in_the_review(cli: CommandRunner) -> None:
    """A reader of the stage URL sees the evidence, and that it is superseded after a change."""
    path = cli.save(a_wheel(cli.project, "1.0", modules={"demo_x.py": "IS = 1\n"}))
    url = cli.staged(path)["links"]["stage"]
    cli.json("try", url, "--installer", "uv")
    before = cli.run_in_environment({}, "review", url).stdout

    cli.staged(cli.save(a_wheel(cli.project, "1.0", modules={"demo_x.py": "IS = 2\n"})))
    after = cli.run_in_environment({}, "review", url).stdout

    assert "  passed  cp3" in before
    assert "  superseded  cp3" in after


def test_hashes_of_the_build(cli: CommandRunner, tmp_path: Path) -> None:
    """The output of sha256sum on the build is compared with the stage."""
    stage = cli.staged()
    log = tmp_path / "build.log"
    log.write_text(cli.run("stage", "show", stage["id"], "--hashes").stdout)

    same = cli.run("review", stage["id"], "--hashes", log)
    log.write_text(log.read_text().replace("a", "b").replace("0", "1"))
    different = cli.run("review", stage["id"], "--hashes", log)

    assert "Every file of the stage has the hash of the build." in same.stdout
    assert different.code == 1
