"""`stageproxy download`."""

import hashlib
from pathlib import Path

import pytest

from tests.support.builders.distributions import an_sdist
from tests.support.clients.command_runner import UNUSED_URL, CommandRunner


@pytest.fixture
def dest(cli: CommandRunner) -> Path:
    """Return a folder that does not exist yet."""
    return cli.folder / "new" / "dest"


@pytest.mark.parametrize("by", ["id", "url"])
def test_files(cli: CommandRunner, dest: Path, by: str) -> None:
    """All files of a stage are downloaded, byte for byte, and nothing else."""
    files = [cli.wheel(), cli.save(an_sdist(cli.project))]
    stage = cli.staged(*files)
    name = stage["id"] if by == "id" else stage["links"]["stage"]

    document = cli.json("download", name, "--dest", dest)

    assert {one.name: one.read_bytes() for one in dest.iterdir()} == {
        one.name: one.read_bytes() for one in files
    }
    assert {Path(one["path"]).name: one["sha256"] for one in document["files"]} == {
        one.name: hashlib.sha256(one.read_bytes()).hexdigest() for one in files
    }


def test_lines(cli: CommandRunner, dest: Path) -> None:
    """The output is in the format of `sha256sum --check`."""
    wheel = cli.wheel()
    stage = cli.staged(wheel)

    ended = cli.run("download", stage["id"], "--dest", dest)

    digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
    assert ended.stdout == f"{digest}  {dest / wheel.name}\n"


def test_stage_url_needs_no_token(cli: CommandRunner, dest: Path) -> None:
    """The stage URL is enough to download the files."""
    url = cli.staged()["links"]["stage"]

    assert cli.run_in_environment({}, "download", url, "--dest", dest).code == 0


@pytest.mark.parametrize(
    ("damage", "what"),
    [
        ("changed", "does not have the SHA-256 that the stage lists"),
        ("cut off", "is damaged: it has "),
    ],
)
def test_hashes_are_checked(cli: CommandRunner, dest: Path, damage: str, what: str) -> None:
    """A file with other bytes than the stage lists is not stored: exit code 1."""
    wheel = cli.wheel()
    stage = cli.staged(wheel)
    kept = cli.stored_file(hashlib.sha256(wheel.read_bytes()).hexdigest())
    content = kept.read_bytes()
    kept.write_bytes(b"X" + content[1:] if damage == "changed" else content[:-1])

    ended = cli.run("download", stage["id"], "--dest", dest, "--json")

    assert (ended.code, ended.stdout) == (1, "")
    assert f"{wheel.name} {what}" in ended.stderr
    assert list(dest.iterdir()) == []


def test_existing_file_is_not_replaced_by_a_bad_one(cli: CommandRunner, dest: Path) -> None:
    """An existing file is not replaced by a download with a wrong hash."""
    wheel = cli.wheel()
    stage = cli.staged(wheel)
    cli.stored_file(hashlib.sha256(wheel.read_bytes()).hexdigest()).write_bytes(b"bad")
    dest.mkdir(parents=True)
    (dest / wheel.name).write_bytes(b"older")

    assert cli.run("download", stage["id"], "--dest", dest).code == 1

    assert {one.name: one.read_bytes() for one in dest.iterdir()} == {wheel.name: b"older"}


def test_ended_stage(cli: CommandRunner, dest: Path) -> None:
    """The files of an ended stage cannot be downloaded: exit code 1."""
    stage = cli.staged()
    cli.json("stage", "cancel", stage["id"])

    for name in (stage["id"], stage["links"]["stage"]):
        ended = cli.run("download", name, "--dest", dest)
        assert ended.code == 1
        assert "ended" in ended.stderr or "canceled" in ended.stderr


def test_unreachable_server(cli: CommandRunner, dest: Path) -> None:
    """If no server answers, the exit code is 3."""
    assert cli.run("download", "id", "--server", UNUSED_URL, "--dest", dest).code == 3
