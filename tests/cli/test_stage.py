"""`stageproxy stage …`."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from tests.cli.desk import NOBODY, Desk

Stage = dict[str, Any]


def lifetime_of(stage: Stage) -> timedelta:
    """Return the lifetime of a stage."""
    opened, expires = (datetime.fromisoformat(stage[key]) for key in ("opened-at", "expires-at"))
    return expires - opened


@pytest.fixture(params=["id", "url", "url of a file", "url without slash"])
def named(request: pytest.FixtureRequest, desk: Desk) -> tuple[Stage, str]:
    """Return a stage with one file, and one of the ways to name it."""
    stage = desk.staged()
    url = stage["links"]["stage"]
    names = {
        "id": stage["id"],
        "url": url,
        "url of a file": next(iter(stage["files"].values()))["link"],
        "url without slash": url.rstrip("/"),
    }
    return stage, names[request.param]


def test_open(desk: Desk) -> None:
    """A stage is opened for a release, with the given lifetime."""
    stage = desk.json("stage", "open", desk.project, "2.0", "--lifetime", "3d")

    assert (stage["project"], stage["version"], stage["status"]) == (desk.project, "2.0", "open")
    assert lifetime_of(stage) == timedelta(days=3)


def test_open_without_version(desk: Desk) -> None:
    """A stage can be opened without a version; the default lifetime is a week."""
    stage = desk.json("stage", "open", desk.project.upper())

    assert (stage["project"], stage["version"]) == (desk.project, None)
    assert lifetime_of(stage) == timedelta(days=7)


def test_open_prints_next_steps(desk: Desk) -> None:
    """For an empty stage, the upload command is printed, and no install command."""
    done = desk.run("stage", "open", desk.project, "2.0")

    assert "The stage is empty. Upload files to it:" in done.stdout
    assert "  stageproxy upload --stage http://" in done.stdout
    assert "pip" not in done.stdout


def test_open_twice(desk: Desk) -> None:
    """A second stage of a release is refused with the id of the first: exit code 1."""
    stage = desk.json("stage", "open", desk.project, "2.0")

    ended = desk.run("stage", "open", desk.project, "2.0.0", "--json")

    assert (ended.code, ended.stdout) == (1, "")
    assert f"is already staged, as stage {stage['id']}" in ended.stderr


@pytest.mark.parametrize(
    ("arguments", "field"),
    [
        (("no/name", "1.0"), "name"),
        (("demo", "not a version"), "version"),
        (("demo", "1.0", "--lifetime", "soon"), "lifetime"),
        (("demo", "1.0", "--lifetime", "0d"), "lifetime"),
    ],
)
def test_open_with_invalid_values(desk: Desk, arguments: tuple[str, ...], field: str) -> None:
    """An invalid value is reported with its field: exit code 1."""
    ended = desk.run("stage", "open", *arguments)

    assert ended.code == 1
    assert f"{field}: " in ended.stderr


def test_list(desk: Desk) -> None:
    """Stages are listed, the latest first; `--project` selects those of a project."""
    ids = [desk.json("stage", "open", desk.project, one)["id"] for one in ("1.0", "2.0")]

    stages = desk.json("stage", "list", "--project", desk.project)["stages"]

    assert [one["id"] for one in stages] == ids[::-1]
    everyone = [one["id"] for one in desk.json("stage", "list")["stages"]]
    assert everyone[:2] == ids[::-1]


def test_list_for_people(desk: Desk) -> None:
    """Without `--json`, a line is printed for each stage, or that there are none."""
    assert desk.run("stage", "list", "--project", desk.project).stdout == "There are no stages.\n"
    stage = desk.staged()

    line = desk.run("stage", "list", "--project", desk.project).stdout

    assert line.split() == [
        stage["id"], "open", stage["expires-at"], "1", "files", desk.project, "1.0",
    ]  # fmt: skip


def test_show(desk: Desk, named: tuple[Stage, str]) -> None:
    """A stage can be named by its id, its URL and any URL below that."""
    stage, name = named

    shown = desk.json("stage", "show", name)

    assert (shown["id"], shown["files"]) == (stage["id"], stage["files"])


def test_show_without_a_token(desk: Desk) -> None:
    """The stage URL is enough to show the stage, but not to change it."""
    url = desk.staged()["links"]["stage"]

    shown = desk.run_with({}, "stage", "show", url, "--json").document
    ended = desk.run_with({}, "stage", "cancel", url)

    assert list(shown["links"]) == ["stage"]
    assert ended.code == 1
    assert "needs an API token" in ended.stderr


def test_show_for_people(desk: Desk) -> None:
    """Without `--json`, the files with their digests and the install commands are printed."""
    stage = desk.staged()

    said = desk.run("stage", "show", stage["id"]).stdout

    [(filename, file)] = stage["files"].items()
    assert said.startswith(f"Stage {desk.project} 1.0 is open (id {stage['id']})\n")
    assert f"  {filename}  {file['size']} bytes  sha256 {file['hashes']['sha256']}\n" in said
    assert f"Stage URL: {stage['links']['stage']}\n" in said


def test_extend(desk: Desk, named: tuple[Stage, str]) -> None:
    """A stage is extended by the given time, up to the server's limit."""
    stage, name = named

    once = desk.json("stage", "extend", name, "--by", "3d")
    again = desk.json("stage", "extend", name, "--by", "90d")

    expires = [datetime.fromisoformat(one["expires-at"]) for one in (stage, once)]
    assert expires[1] - expires[0] == timedelta(days=3)
    assert lifetime_of(again) == timedelta(days=30)


def test_cancel(desk: Desk, named: tuple[Stage, str]) -> None:
    """A canceled stage can be shown by its id; its URL responds that it was canceled."""
    stage, name = named

    canceled = desk.json("stage", "cancel", name)

    assert (canceled["status"], canceled["notices"]) == ("canceled", ["It was canceled."])
    assert desk.json("stage", "show", stage["id"])["status"] == "canceled"
    ended = desk.run("stage", "show", stage["links"]["stage"])
    assert ended.code == 1
    assert ": it was canceled." in ended.stderr


def test_rotate(desk: Desk, named: tuple[Stage, str]) -> None:
    """The stage gets another URL; the old one is invalid."""
    stage, name = named

    rotated = desk.json("stage", "rotate", name)

    old, new = stage["links"]["stage"], rotated["links"]["stage"]
    assert desk.json("stage", "show", new)["id"] == stage["id"]
    ended = desk.run("stage", "show", old)
    assert ended.code == 1
    assert "replaced by a new one" in ended.stderr


def test_remove(desk: Desk, named: tuple[Stage, str]) -> None:
    """A file is withdrawn; withdrawing it again fails."""
    stage, name = named
    [filename] = stage["files"]

    assert desk.json("stage", "remove", name, filename)["files"] == {}

    ended = desk.run("stage", "remove", name, filename)
    assert ended.code == 1
    assert f"has no file {filename}" in ended.stderr


@pytest.mark.parametrize(
    "arguments",
    [("extend", "--by", "1d"), ("cancel",), ("rotate",)],
    ids=["extend", "cancel", "rotate"],
)
def test_upload_token_is_not_enough(desk: Desk, arguments: tuple[str, ...]) -> None:
    """An upload token cannot cancel, extend or rotate a stage."""
    stage = desk.json("stage", "show", desk.staged()["id"])
    action, *options = arguments

    ended = desk.run("stage", action, stage["id"], *options, token=desk.new_token("upload"))

    assert (ended.code, ended.stdout) == (1, "")
    assert "This API token cannot" in ended.stderr
    assert desk.json("stage", "show", stage["id"]) == stage


@pytest.mark.parametrize(
    "arguments",
    [("extend", "--by", "1d"), ("rotate",), ("cancel",)],
    ids=["extend", "rotate", "cancel"],
)
def test_manage_token_is_enough(desk: Desk, arguments: tuple[str, ...]) -> None:
    """A manage token can."""
    stage = desk.staged()
    action, *options = arguments

    done = desk.json("stage", action, stage["id"], *options, token=desk.new_token("manage"))

    assert done["id"] == stage["id"]


def test_unknown_stage(desk: Desk) -> None:
    """An unknown id is reported to an admin: exit code 1."""
    ended = desk.run("stage", "show", "0123456789abcdef")

    assert (ended.code, ended.stderr) == (1, "Error: There is no stage 0123456789abcdef.\n")


def test_unknown_stage_url(desk: Desk) -> None:
    """An unknown or incomplete stage URL is reported: exit code 1."""
    ended = desk.run("stage", "show", desk.staged()["links"]["stage"][:-3])

    assert (ended.code, "Error: There is no stage at this URL" in ended.stderr) == (1, True)


def test_no_expiry_of_an_ended_stage(desk: Desk) -> None:
    """An ended stage is shown without an expiry date."""
    stage = desk.staged()

    assert "Expires" in desk.run("stage", "show", stage["id"]).stdout
    assert "Expires" not in desk.run("stage", "cancel", stage["id"]).stdout


def test_not_a_stage_url(desk: Desk) -> None:
    """A URL that is not a stage URL is a usage error."""
    ended = desk.run("stage", "show", f"{desk.url}/elsewhere/")

    assert ended.code == 2
    assert "neither a stage URL nor a stage id" in ended.stderr


def test_stage_of_another_server(desk: Desk) -> None:
    """A stage URL of another server than `--server` is a usage error: it would get the token."""
    ended = desk.run("stage", "show", f"{NOBODY}/tmp/demo/token/")

    assert ended.code == 2
    assert "a different server than --server." in ended.stderr


@pytest.mark.parametrize("command", ["list", "show id", "cancel id", "open demo"])
def test_unreachable_server(desk: Desk, command: str) -> None:
    """If no server answers, the exit code is 3."""
    ended = desk.run("stage", *command.split(), "--server", NOBODY)

    assert (ended.code, ended.stdout) == (3, "")
    assert "cannot be reached" in ended.stderr


def test_too_many_stages(desk: Desk) -> None:
    """The number of open stages of a project is limited."""
    for version in ("1.0", "2.0", "3.0"):
        desk.json("stage", "open", desk.project, version)

    ended = desk.run("stage", "open", desk.project, "4.0")

    assert ended.code == 1
    assert "already has 3 live stages" in ended.stderr
