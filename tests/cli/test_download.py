"""`stageproxy download`."""

import hashlib
from pathlib import Path

import pytest

from tests.cli.desk import NOBODY, Desk
from tests.support.builders.distributions import an_sdist


@pytest.fixture
def dest(desk: Desk) -> Path:
    """Return a folder that is not there yet."""
    return desk.folder / "new" / "dest"


@pytest.mark.parametrize("by", ["id", "url"])
def test_files_come_as_they_were(desk: Desk, dest: Path, by: str) -> None:
    """All files of a stage are there, byte for byte, and nothing else."""
    files = [desk.wheel(), desk.save(an_sdist(desk.project))]
    stage = desk.staged(*files)
    name = stage["id"] if by == "id" else stage["links"]["stage"]

    document = desk.json("download", name, "--dest", dest)

    assert {one.name: one.read_bytes() for one in dest.iterdir()} == {
        one.name: one.read_bytes() for one in files
    }
    assert {Path(one["path"]).name: one["sha256"] for one in document["files"]} == {
        one.name: hashlib.sha256(one.read_bytes()).hexdigest() for one in files
    }


def test_lines_for_people(desk: Desk, dest: Path) -> None:
    """What is printed is what `sha256sum --check` reads."""
    wheel = desk.wheel()
    stage = desk.staged(wheel)

    ended = desk.run("download", stage["id"], "--dest", dest)

    digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
    assert ended.stdout == f"{digest}  {dest / wheel.name}\n"


def test_stage_url_needs_no_token(desk: Desk, dest: Path) -> None:
    """Who has the stage URL has the files."""
    url = desk.staged()["links"]["stage"]

    assert desk.run_with({}, "download", url, "--dest", dest).code == 0


@pytest.mark.parametrize("damage", ["changed", "cut off"])
def test_hashes_are_checked(desk: Desk, dest: Path, damage: str) -> None:
    """A file that is not what the stage says does not get its name: exit code 1."""
    wheel = desk.wheel()
    stage = desk.staged(wheel)
    kept = desk.kept_file(hashlib.sha256(wheel.read_bytes()).hexdigest())
    content = kept.read_bytes()
    kept.write_bytes(b"X" + content[1:] if damage == "changed" else content[:-1])

    ended = desk.run("download", stage["id"], "--dest", dest, "--json")

    assert (ended.code, ended.stdout) == (1, "")
    assert f"{wheel.name} does not have the SHA-256 that the stage lists" in ended.stderr
    assert list(dest.iterdir()) == []


def test_older_file_stays_where_the_new_one_is_bad(desk: Desk, dest: Path) -> None:
    """What was there under the name is replaced by a good file only."""
    wheel = desk.wheel()
    stage = desk.staged(wheel)
    desk.kept_file(hashlib.sha256(wheel.read_bytes()).hexdigest()).write_bytes(b"bad")
    dest.mkdir(parents=True)
    (dest / wheel.name).write_bytes(b"older")

    assert desk.run("download", stage["id"], "--dest", dest).code == 1

    assert {one.name: one.read_bytes() for one in dest.iterdir()} == {wheel.name: b"older"}


def test_ended_stage(desk: Desk, dest: Path) -> None:
    """The files of a stage that has ended cannot be reached any more: exit code 1."""
    stage = desk.staged()
    desk.json("stage", "cancel", stage["id"])

    for name in (stage["id"], stage["links"]["stage"]):
        ended = desk.run("download", name, "--dest", dest)
        assert ended.code == 1
        assert "ended" in ended.stderr or "canceled" in ended.stderr


def test_server_out_of_reach(desk: Desk, dest: Path) -> None:
    """Where no server answers, the exit code is 3."""
    assert desk.run("download", "id", "--server", NOBODY, "--dest", dest).code == 3
