"""`stageproxy upload`."""

import hashlib
from random import Random
from typing import Any

import pytest

from tests.cli.desk import NOBODY, Desk
from tests.support.builders.distributions import a_wheel, an_sdist

SESSION = {
    "meta", "links", "status", "session-token", "expires-at", "files", "notices",
    "id", "project", "version", "manifest-digest", "opened-at",
}  # fmt: skip


def statuses(document: Any) -> dict[str, str]:
    """Return what became of each file."""
    return {one["filename"]: one["status"] for one in document["files"]}


def test_document(desk: Desk) -> None:
    """The document has the stage, and of each file its name, digest, status and errors."""
    wheel = desk.wheel()

    document = desk.json("upload", wheel)

    sha256 = hashlib.sha256(wheel.read_bytes()).hexdigest()
    file = {"filename": wheel.name, "sha256": sha256, "status": "uploaded", "errors": []}
    assert document == {"stage": document["stage"], "files": [file]}
    assert document["stage"].keys() >= SESSION
    assert (document["stage"]["project"], document["stage"]["version"]) == (desk.project, "1.0")
    manifest = f"{sha256}  {wheel.name}\n"
    digest = hashlib.sha256(manifest.encode()).hexdigest()
    assert document["stage"]["manifest-digest"] == digest


def test_wheel_and_sdist_join_one_stage(desk: Desk) -> None:
    """All files of a release come into one stage, wheels first."""
    sdist, wheel = desk.save(an_sdist(desk.project)), desk.wheel()

    document = desk.json("upload", sdist, wheel)

    assert list(statuses(document).items()) == [(wheel.name, "uploaded"), (sdist.name, "uploaded")]
    assert sorted(document["stage"]["files"]) == sorted([wheel.name, sdist.name])


def test_what_becomes_of_a_file(desk: Desk) -> None:
    """A file is new, then unchanged, then replaced by other bytes of its name."""
    outcomes = []
    for summary in ("One", "One", "Two"):
        wheel = desk.wheel(summary=summary)
        outcomes.append(statuses(desk.json("upload", wheel))[wheel.name])

    assert outcomes == ["uploaded", "unchanged", "replaced"]


def test_refused_file(desk: Desk) -> None:
    """What the server refuses is told with its reason, in the document too; exit code 1."""
    good = desk.wheel()
    bad = desk.save(an_sdist(desk.project, metadata="Metadata-Version: 2.4\nName: other\n"))

    ended = desk.run("upload", good, bad, "--json")

    assert ended.code == 1
    assert statuses(ended.document) == {good.name: "uploaded", bad.name: "refused"}
    assert all(ended.document["files"][1]["errors"])
    assert list(ended.document["stage"]["files"]) == [good.name]


def test_broken_file_is_not_sent(desk: Desk) -> None:
    """A file that is no archive is refused here already; there is no stage then."""
    path = desk.folder / f"{desk.project.replace('-', '_')}-1.0-py3-none-any.whl"
    path.write_bytes(b"no zip")

    ended = desk.run("upload", path, "--json")

    assert ended.code == 1
    assert ended.document["stage"] is None
    assert ended.document["files"][0]["errors"] == [
        "Invalid distribution file. File is not a zipfile"
    ]


def test_refusal_for_people(desk: Desk) -> None:
    """People are told on stderr which file is refused, and why."""
    path = desk.folder / f"{desk.project.replace('-', '_')}-1.0-py3-none-any.whl"
    path.write_bytes(b"no zip")

    ended = desk.run("upload", path)

    assert (ended.code, ended.stdout) == (1, "")
    assert f"refused    {path.name}" in ended.stderr
    assert "File is not a zipfile" in ended.stderr


def test_what_people_are_told(desk: Desk) -> None:
    """People get the stage URL, and the commands of pip and uv that install from it."""
    ended = desk.run("upload", desk.wheel())

    url = desk.json("stage", "list", "--project", desk.project)["stages"][0]["links"]["stage"]
    lines = [line.strip() for line in ended.stdout.splitlines()]
    assert f"Stage URL: {url}" in lines
    assert f"pip --isolated install --index-url {url}simple/ {desk.project}==1.0" in lines
    assert f"uv pip install --default-index {url}simple/ {desk.project}==1.0" in lines


@pytest.mark.parametrize("by", ["id", "url"])
def test_into_a_stage(desk: Desk, by: str) -> None:
    """A stage may be named by its id or its URL, and gets its version from the file."""
    stage = desk.json("stage", "open", desk.project)
    name = stage["id"] if by == "id" else stage["links"]["stage"]

    document = desk.json("upload", "--stage", name, desk.wheel("3.0"))

    assert (document["stage"]["id"], document["stage"]["version"]) == (stage["id"], "3.0")


def test_into_a_stage_of_another_release(desk: Desk) -> None:
    """A stage takes the files of its release alone."""
    stage = desk.staged(desk.wheel("1.0"))

    ended = desk.run("upload", "--stage", stage["id"], desk.wheel("2.0"), "--json")

    assert ended.code == 1
    assert "does not belong to stage" in ended.document["files"][0]["errors"][0]


def test_into_an_ended_stage(desk: Desk) -> None:
    """A stage that has ended takes nothing, and says so."""
    stage = desk.staged()
    desk.json("stage", "cancel", stage["id"])

    ended = desk.run("upload", "--stage", stage["id"], desk.wheel(summary="Later"))

    assert ended.code == 1
    assert "The stage is canceled and accepts no files." in ended.stderr


@pytest.mark.parametrize(
    ("project", "version"), [("other", "1.0"), (None, "2.0")], ids=["project", "version"]
)
def test_files_of_two_releases(desk: Desk, project: str | None, version: str) -> None:
    """Files of two releases are a mistake of the command line: nothing is sent, exit code 2."""
    other = desk.save(a_wheel(project or desk.project, version))

    ended = desk.run("upload", desk.wheel(), other, "--json")

    assert (ended.code, ended.stdout) == (2, "")
    assert "more than one release" in ended.stderr
    assert desk.json("stage", "list", "--project", desk.project) == {"stages": []}


def test_versions_that_are_one_release(desk: Desk) -> None:
    """`1.0` and `1.0.0` are one release."""
    document = desk.json("upload", desk.wheel("1.0"), desk.save(an_sdist(desk.project, "1.0.0")))

    assert set(statuses(document).values()) == {"uploaded"}


@pytest.mark.parametrize("arguments", [(), ("nowhere-1.0.tar.gz",)], ids=["none", "missing"])
def test_no_files(desk: Desk, arguments: tuple[str, ...]) -> None:
    """Without files there is nothing to do: exit code 2."""
    assert desk.run("upload", *arguments).code == 2


def test_file_that_is_no_distribution(desk: Desk) -> None:
    """What is not named like a distribution is a mistake of the command line."""
    path = desk.folder / "README.md"
    path.touch()

    assert desk.run("upload", path).code == 2


def test_server_out_of_reach(desk: Desk) -> None:
    """Where no server answers, the exit code is 3, and nothing is on stdout."""
    ended = desk.run("upload", "--server", NOBODY, desk.wheel(), "--json")

    assert (ended.code, ended.stdout) == (3, "")
    assert f"The server at {NOBODY} cannot be reached" in ended.stderr


def test_token_that_does_not_count(desk: Desk) -> None:
    """A token that the server does not know is told with the server's sentence: exit code 1."""
    ended = desk.run("upload", desk.wheel(), token="stgu_nonsense")

    assert ended.code == 1
    assert "Invalid or non-existent authentication information" in ended.stderr


def test_large_file_with_a_token_that_does_not_count(desk: Desk) -> None:
    """The refusal is told, though it comes while most of the file is still to be sent.

    What is still to be sent then keeps the connection open until the process
    ends; within this one, the next test failed over that.
    """
    noise = {"noise": Random(desk.project).randbytes(2**24)}
    large = desk.save(a_wheel(desk.project, extra=noise))

    ended = desk.separately("upload", str(large), token="stgu_nonsense")

    assert ended.code == 1
    assert "authentication" in ended.stderr


def test_upload_token_is_enough(desk: Desk) -> None:
    """A token that may upload opens the stage, fills it and sees it."""
    token = desk.new_token("upload")

    document = desk.json("upload", desk.wheel(), token=token)

    shown = desk.json("stage", "show", document["stage"]["id"], token=token)
    assert shown["files"] == document["stage"]["files"]
