"""`stageproxy upload --promote`: all or nothing."""

import hashlib
from pathlib import Path

import pytest

from tests.cli.promote.releases import LINUX, accepted
from tests.support.builders.distributions import a_wheel, an_sdist
from tests.support.clients.command_runner import CommandRunner
from tests.support.index.fake_index import FakeIndex


def digest_of(*files: Path) -> str:
    """Return the manifest digest of local files."""
    lines = (f"{hashlib.sha256(one.read_bytes()).hexdigest()}  {one.name}\n" for one in files)
    return hashlib.sha256("".join(sorted(lines)).encode()).hexdigest()


def test_next_step(cli: CommandRunner) -> None:
    """After an upload, the command that publishes exactly these files is printed."""
    files = cli.release()

    printed = cli.run("upload", *files).stdout

    url = cli.json("stage", "show", cli.project)["links"]["stage"]
    assert printed.endswith(
        "\nWhen the release is right, publish exactly these files, with a manage token:\n"
        f"  stageproxy promote {url} --manifest {digest_of(*files)}\n"
    )


def test_published(cli: CommandRunner, pypi: FakeIndex) -> None:
    """The files are uploaded to a stage and published, and the receipt is printed."""
    files = cli.release(LINUX)

    ended = cli.run("upload", "--promote", "--yes", *files)

    assert (ended.code, ended.stderr) == (0, "")
    assert sorted(accepted(pypi, cli)) == sorted(one.name for one in files)
    assert f"{cli.project} 1.0 is published.\n" in ended.stdout
    assert f"  Manifest  {digest_of(*files)}\n" in ended.stdout
    assert "When the release is right" not in ended.stdout


def test_document(cli: CommandRunner, pypi: FakeIndex) -> None:
    """With `--json`, one document has the upload and the promotion."""
    files = cli.release()

    document = cli.json("upload", "--promote", "--yes", *files)

    assert list(document) == ["stage", "files", "promotion"]
    assert list(document["promotion"]) == ["status", "promotion", "receipt", "plan"]
    assert document["promotion"]["receipt"]["manifest-digest"] == digest_of(*files)
    assert sorted(accepted(pypi, cli)) == sorted(one.name for one in files)


@pytest.mark.parametrize("form", [(), ("--json",)], ids=["text", "json"])
def test_refused_file(cli: CommandRunner, pypi: FakeIndex, form: tuple[str, ...]) -> None:
    """If one file is refused, none is published; the others stay on the stage."""
    good = cli.wheel()
    bad = cli.save(an_sdist(cli.project, metadata="Metadata-Version: 9.9\n"))

    ended = cli.run("upload", "--promote", "--yes", good, bad, *form)

    assert ended.code == 1
    assert ended.stderr.endswith(
        "Error: Nothing was published, because not every file was accepted.\n"
    )
    assert accepted(pypi, cli) == []
    stage = cli.json("stage", "show", cli.project)
    assert (stage["status"], [*stage["files"]]) == ("open", [good.name])


def test_other_file_on_the_stage(cli: CommandRunner, pypi: FakeIndex) -> None:
    """If the stage has a file that was not uploaded by this command, nothing is published."""
    cli.staged(cli.save(a_wheel(cli.project, tag="py2-none-any")))
    own = cli.wheel()

    ended = cli.run("upload", "--promote", "--yes", own)

    assert ended.code == 1
    assert "The stage differs from what was approved." in ended.stderr
    assert f"not {digest_of(own)}." in ended.stderr
    assert accepted(pypi, cli) == []


def test_upload_token(cli: CommandRunner, pypi: FakeIndex) -> None:
    """An upload token stages the files, and publishes nothing."""
    ended = cli.run("upload", "--promote", "--yes", cli.wheel(), token=cli.new_token("upload"))

    assert ended.code == 1
    assert f"This API token cannot promote {cli.project}." in ended.stderr
    assert accepted(pypi, cli) == []


@pytest.mark.parametrize("option", ["--yes", "--here"])
def test_options_without_promote(cli: CommandRunner, option: str) -> None:
    """The options of publishing need `--promote`."""
    assert cli.run("upload", option, cli.wheel()).code == 2
