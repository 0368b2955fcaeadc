"""`stageproxy upload`."""

import hashlib
from random import Random
from typing import Any

import pytest

from tests.support.builders.distributions import a_wheel, an_sdist
from tests.support.clients.command_runner import UNUSED_URL, CommandRunner
from tests.support.servers.stub_server import StubServer

SESSION = {
    "meta", "links", "status", "session-token", "expires-at", "files", "notices",
    "id", "project", "version", "manifest-digest", "opened-at",
}  # fmt: skip


def statuses(document: Any) -> dict[str, str]:
    """Return the status of each file."""
    return {one["filename"]: one["status"] for one in document["files"]}


def test_document(cli: CommandRunner) -> None:
    """The document has the stage, and of each file its name, digest, status and errors."""
    wheel = cli.wheel()

    document = cli.json("upload", wheel)

    sha256 = hashlib.sha256(wheel.read_bytes()).hexdigest()
    file = {"filename": wheel.name, "sha256": sha256, "status": "uploaded", "errors": []}
    assert document == {"stage": document["stage"], "files": [file]}
    assert document["stage"].keys() >= SESSION
    assert (document["stage"]["project"], document["stage"]["version"]) == (cli.project, "1.0")
    manifest = f"{sha256}  {wheel.name}\n"
    digest = hashlib.sha256(manifest.encode()).hexdigest()
    assert document["stage"]["manifest-digest"] == digest


def test_file_that_pypi_has(cli: CommandRunner, stub_server: StubServer) -> None:
    """If PyPI already has a file, the command says so, and that nothing was staged."""
    said = "PyPI already has this file: nothing was staged."
    stub_server.answers["/legacy/"] = f"OK\n{said}\n".encode()
    wheel = cli.wheel()

    ended = cli.run("upload", wheel, "--server", stub_server.url)
    document = cli.json("upload", wheel, "--server", stub_server.url)

    assert (ended.code, ended.stdout) == (0, f"unchanged  {wheel.name}\n           {said}\n")
    [file] = document["files"]
    assert (document["stage"], file["status"], file["notices"]) == (None, "unchanged", [said])


def test_wheel_and_sdist_join_one_stage(cli: CommandRunner) -> None:
    """All files of a release are uploaded into one stage, wheels first."""
    sdist, wheel = cli.save(an_sdist(cli.project)), cli.wheel()

    document = cli.json("upload", sdist, wheel)

    assert list(statuses(document).items()) == [(wheel.name, "uploaded"), (sdist.name, "uploaded")]
    assert sorted(document["stage"]["files"]) == sorted([wheel.name, sdist.name])


def test_statuses_of_a_file(cli: CommandRunner) -> None:
    """A new file is uploaded; the same bytes are unchanged; other bytes replace it."""
    outcomes = []
    for summary in ("One", "One", "Two"):
        wheel = cli.wheel(summary=summary)
        outcomes.append(statuses(cli.json("upload", wheel))[wheel.name])

    assert outcomes == ["uploaded", "unchanged", "replaced"]


def test_refused_file(cli: CommandRunner) -> None:
    """A file that the server refuses is in the document with its errors; exit code 1."""
    good = cli.wheel()
    bad = cli.save(an_sdist(cli.project, metadata="Metadata-Version: 2.4\nName: other\n"))

    ended = cli.run("upload", good, bad, "--json")

    assert ended.code == 1
    assert statuses(ended.document) == {good.name: "uploaded", bad.name: "refused"}
    assert all(ended.document["files"][1]["errors"])
    assert list(ended.document["stage"]["files"]) == [good.name]


def test_broken_file_is_not_sent(cli: CommandRunner) -> None:
    """A file that is not an archive is refused without being sent, and no stage is opened."""
    path = cli.folder / f"{cli.project.replace('-', '_')}-1.0-py3-none-any.whl"
    path.write_bytes(b"no zip")

    ended = cli.run("upload", path, "--json")

    assert ended.code == 1
    assert ended.document["stage"] is None
    assert ended.document["files"][0]["errors"] == [
        "Invalid distribution file. File is not a zipfile"
    ]


def test_refusal_without_json(cli: CommandRunner) -> None:
    """Without `--json`, the refused file and the reason are printed on stderr."""
    path = cli.folder / f"{cli.project.replace('-', '_')}-1.0-py3-none-any.whl"
    path.write_bytes(b"no zip")

    ended = cli.run("upload", path)

    assert (ended.code, ended.stdout) == (1, "")
    assert f"refused    {path.name}" in ended.stderr
    assert "File is not a zipfile" in ended.stderr


def test_next_steps(cli: CommandRunner) -> None:
    """Without `--json`, the stage URL and the install commands of pip and uv are printed."""
    ended = cli.run("upload", cli.wheel())

    url = cli.json("stage", "list", "--project", cli.project)["stages"][0]["links"]["stage"]
    lines = [line.strip() for line in ended.stdout.splitlines()]
    assert f"Stage URL: {url}" in lines
    assert f"pip --isolated install --index-url {url}simple/ {cli.project}==1.0" in lines
    assert f"uv pip install --default-index {url}simple/ {cli.project}==1.0" in lines


@pytest.mark.parametrize("by", ["id", "url"])
def test_into_a_stage(cli: CommandRunner, by: str) -> None:
    """`--stage` accepts an id or a URL; the file sets the version of the stage."""
    stage = cli.json("stage", "open", cli.project)
    name = stage["id"] if by == "id" else stage["links"]["stage"]

    document = cli.json("upload", "--stage", name, cli.wheel("3.0"))

    assert (document["stage"]["id"], document["stage"]["version"]) == (stage["id"], "3.0")


def test_into_a_stage_of_another_release(cli: CommandRunner) -> None:
    """A stage accepts only files of its release."""
    stage = cli.staged(cli.wheel("1.0"))

    ended = cli.run("upload", "--stage", stage["id"], cli.wheel("2.0"), "--json")

    assert ended.code == 1
    assert "does not belong to stage" in ended.document["files"][0]["errors"][0]


def test_into_an_ended_stage(cli: CommandRunner) -> None:
    """A canceled stage accepts no files."""
    stage = cli.staged()
    cli.json("stage", "cancel", stage["id"])

    ended = cli.run("upload", "--stage", stage["id"], cli.wheel(summary="Later"))

    assert ended.code == 1
    assert "The stage has the status 'canceled' and accepts no files." in ended.stderr


@pytest.mark.parametrize(
    ("project", "version"), [("other", "1.0"), (None, "2.0")], ids=["project", "version"]
)
def test_files_of_two_releases(cli: CommandRunner, project: str | None, version: str) -> None:
    """Files of two releases are a usage error: nothing is sent, exit code 2."""
    other = cli.save(a_wheel(project or cli.project, version))

    ended = cli.run("upload", cli.wheel(), other, "--json")

    assert (ended.code, ended.stdout) == (2, "")
    assert "more than one release" in ended.stderr
    assert cli.json("stage", "list", "--project", cli.project) == {"stages": []}


def test_equal_versions(cli: CommandRunner) -> None:
    """`1.0` and `1.0.0` are the same release."""
    document = cli.json("upload", cli.wheel("1.0"), cli.save(an_sdist(cli.project, "1.0.0")))

    assert set(statuses(document).values()) == {"uploaded"}


@pytest.mark.parametrize("arguments", [(), ("nowhere-1.0.tar.gz",)], ids=["none", "missing"])
def test_no_files(cli: CommandRunner, arguments: tuple[str, ...]) -> None:
    """Without files, or with a missing file, the exit code is 2."""
    assert cli.run("upload", *arguments).code == 2


def test_not_a_distribution(cli: CommandRunner) -> None:
    """A file that is not named like a distribution is a usage error: exit code 2."""
    path = cli.folder / "README.md"
    path.touch()

    assert cli.run("upload", path).code == 2


def test_unreachable_server(cli: CommandRunner) -> None:
    """If no server answers, the exit code is 3, and nothing is on stdout."""
    ended = cli.run("upload", "--server", UNUSED_URL, cli.wheel(), "--json")

    assert (ended.code, ended.stdout) == (3, "")
    assert f"The server at {UNUSED_URL} cannot be reached: connection refused." in ended.stderr


def test_large_file_with_an_unknown_token(cli: CommandRunner) -> None:
    """The refusal is reported even if it is received before the whole file is sent."""
    noise = {"noise": Random(cli.project).randbytes(2**24)}
    large = cli.save(a_wheel(cli.project, extra=noise))

    ended = cli.run("upload", large, token="stgu_nonsense")

    assert ended.code == 1
    assert "does not know the API token from STAGEPROXY_TOKEN" in ended.stderr


def test_upload_token_is_enough(cli: CommandRunner) -> None:
    """An upload token is enough to open a stage, upload into it and show it."""
    token = cli.new_token("upload")

    document = cli.json("upload", cli.wheel(), token=token)

    shown = cli.json("stage", "show", document["stage"]["id"], token=token)
    assert shown["files"] == document["stage"]["files"]
