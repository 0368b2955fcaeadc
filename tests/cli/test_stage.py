"""`stageproxy stage …`."""

import hashlib
from datetime import datetime, timedelta
from typing import Any

import pytest

from tests.support.clients.command_runner import UNUSED_URL, CommandRunner

Stage = dict[str, Any]


def lifetime_of(stage: Stage) -> timedelta:
    """Return the lifetime of a stage."""
    opened, expires = (datetime.fromisoformat(stage[key]) for key in ("opened-at", "expires-at"))
    return expires - opened


@pytest.fixture(
    params=[
        "id",
        "url",
        "url of a file",
        "url without slash",
        "project",
        "release",
        "other spelling",
    ]
)
def named(request: pytest.FixtureRequest, cli: CommandRunner) -> tuple[Stage, str]:
    """Return a stage with one file, and one of the ways to name it."""
    stage = cli.staged()
    url = stage["links"]["stage"]
    names = {
        "id": stage["id"],
        "url": url,
        "url of a file": next(iter(stage["files"].values()))["link"],
        "url without slash": url.rstrip("/"),
        "project": stage["project"],
        "release": f"{stage['project']}==1.0",
        "other spelling": f"{stage['project'].replace('-', '_').upper()}==1.0.0",
    }
    return stage, names[request.param]


def test_open(cli: CommandRunner) -> None:
    """A stage is opened for a release, with the given lifetime."""
    stage = cli.json("stage", "open", cli.project, "2.0", "--lifetime", "3d")

    assert (stage["project"], stage["version"], stage["status"]) == (cli.project, "2.0", "open")
    assert lifetime_of(stage) == timedelta(days=3)


def test_open_without_version(cli: CommandRunner) -> None:
    """A stage can be opened without a version; the default lifetime is a week."""
    stage = cli.json("stage", "open", cli.project.upper())

    assert (stage["project"], stage["version"]) == (cli.project, None)
    assert lifetime_of(stage) == timedelta(days=7)


def test_open_with_expected_files(cli: CommandRunner) -> None:
    """The files that the release should have are declared when the stage is opened."""
    expected = ("--expects", "sdist", "--expects", "cp312,cp313-win_amd64")

    stage = cli.json("stage", "open", cli.project, "2.0", *expected)

    assert stage["expects"] == ["sdist", "cp312,cp313-win_amd64"]


def test_open_prints_next_steps(cli: CommandRunner) -> None:
    """For an empty stage, the upload command is printed, and no install command."""
    done = cli.run("stage", "open", cli.project, "2.0")

    assert "The stage is empty. Upload files to it:" in done.stdout
    assert "  stageproxy upload --stage http://" in done.stdout
    assert "pip" not in done.stdout


def test_open_twice(cli: CommandRunner) -> None:
    """A second stage of a release is refused with the id of the first: exit code 1."""
    stage = cli.json("stage", "open", cli.project, "2.0")

    ended = cli.run("stage", "open", cli.project, "2.0.0", "--json")

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
def test_open_with_invalid_values(
    cli: CommandRunner, arguments: tuple[str, ...], field: str
) -> None:
    """An invalid value is reported with its field: exit code 1."""
    ended = cli.run("stage", "open", *arguments)

    assert ended.code == 1
    assert f"{field}: " in ended.stderr


def test_list(cli: CommandRunner) -> None:
    """Stages are listed, the latest first; `--project` selects those of a project."""
    ids = [cli.json("stage", "open", cli.project, one)["id"] for one in ("1.0", "2.0")]

    stages = cli.json("stage", "list", "--project", cli.project)["stages"]

    assert [one["id"] for one in stages] == ids[::-1]
    everyone = [one["id"] for one in cli.json("stage", "list")["stages"]]
    assert everyone[:2] == ids[::-1]


def test_list_for_people(cli: CommandRunner) -> None:
    """Without `--json`, a line is printed for each stage, or that there are none."""
    assert cli.run("stage", "list", "--project", cli.project).stdout == "There are no stages.\n"
    stage = cli.staged()

    line = cli.run("stage", "list", "--project", cli.project).stdout

    assert line.split() == [
        stage["id"], "open", stage["expires-at"], "1", "file", cli.project, "1.0",
        stage["links"]["stage"],
    ]  # fmt: skip
    cli.json("stage", "cancel", stage["id"])
    assert cli.run("stage", "list", "--project", cli.project).stdout.endswith(" 1.0\n")


def test_show(cli: CommandRunner, named: tuple[Stage, str]) -> None:
    """A stage can be named by its id, its URL, any URL below that, and its release."""
    stage, name = named

    shown = cli.json("stage", "show", name)

    assert (shown["id"], shown["files"]) == (stage["id"], stage["files"])


def test_show_without_a_token(cli: CommandRunner) -> None:
    """The stage URL is enough to show the stage, but not to change it."""
    url = cli.staged()["links"]["stage"]

    shown = cli.run_in_environment({}, "stage", "show", url, "--json").document
    ended = cli.run_in_environment({}, "stage", "cancel", url)

    assert set(shown["links"]) == {"stage", "review"}
    assert ended.code == 1
    assert "needs an API token" in ended.stderr


def test_show_for_people(cli: CommandRunner) -> None:
    """Without `--json`, the files with their digests and the install commands are printed."""
    stage = cli.staged()

    said = cli.run("stage", "show", stage["id"]).stdout

    [(filename, file)] = stage["files"].items()
    assert said.startswith(f"Stage {cli.project} 1.0 is open (id {stage['id']})\n")
    assert f"  {filename}  {file['size']} bytes  sha256 {file['hashes']['sha256']}\n" in said
    url = stage["links"]["stage"]
    assert f"Stage URL: {url}\n" in said
    assert f"  pip --isolated install --index-url {url}simple/ {cli.project}==1.0\n" in said
    assert f"  pip install --extra-index-url {url}+only/simple/ {cli.project}==1.0\n" in said


def test_hashes(cli: CommandRunner) -> None:
    """The manifest is printed as sha256sum prints it, to anyone who has the stage URL."""
    files = cli.release()
    stage = cli.staged(*files)

    ended = cli.run_in_environment({}, "stage", "show", stage["links"]["stage"], "--hashes")

    lines = [f"{hashlib.sha256(one.read_bytes()).hexdigest()}  {one.name}\n" for one in files]
    assert (ended.code, ended.stderr, ended.stdout) == (0, "", "".join(sorted(lines)))
    assert hashlib.sha256(ended.stdout.encode()).hexdigest() == stage["manifest-digest"]


def test_hashes_as_json(cli: CommandRunner) -> None:
    """JSON has the hashes already: exit code 2."""
    assert cli.run("stage", "show", "id", "--hashes", "--json").code == 2


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ((), "Nothing has changed since you last looked, at "),
        (("--json",), "has not looked at this stage before"),
        (("--hashes",), "has not looked at this stage before"),
    ],
    ids=["text", "JSON", "hashes"],
)
def test_show_is_a_look(cli: CommandRunner, options: tuple[str, ...], said: str) -> None:
    """The next plan compares with what was shown to somebody, not with what programs read."""
    stage = cli.staged()

    cli.run("stage", "show", stage["links"]["stage"], *options)

    assert said in cli.run("promote", stage["id"], "--dry-run").stdout


def test_extend(cli: CommandRunner, named: tuple[Stage, str]) -> None:
    """A stage is extended by the given time, up to the server's limit."""
    stage, name = named

    once = cli.json("stage", "extend", name, "--by", "3d")
    again = cli.json("stage", "extend", name, "--by", "90d")

    expires = [datetime.fromisoformat(one["expires-at"]) for one in (stage, once)]
    assert expires[1] - expires[0] == timedelta(days=3)
    assert lifetime_of(again) == timedelta(days=30)


def test_cancel(cli: CommandRunner, named: tuple[Stage, str]) -> None:
    """A canceled stage can be shown by its id; its URL responds that it was canceled."""
    stage, name = named

    canceled = cli.json("stage", "cancel", name)

    assert (canceled["status"], canceled["notices"]) == ("canceled", ["It was canceled."])
    assert cli.json("stage", "show", stage["id"])["status"] == "canceled"
    ended = cli.run("stage", "show", stage["links"]["stage"])
    assert ended.code == 1
    assert ": it was canceled." in ended.stderr


def test_rotate(cli: CommandRunner, named: tuple[Stage, str]) -> None:
    """The stage gets another URL; the old one is invalid."""
    stage, name = named

    rotated = cli.json("stage", "rotate", name)

    old, new = stage["links"]["stage"], rotated["links"]["stage"]
    assert cli.json("stage", "show", new)["id"] == stage["id"]
    ended = cli.run("stage", "show", old)
    assert ended.code == 1
    assert "replaced by a new one" in ended.stderr


def test_remove(cli: CommandRunner, named: tuple[Stage, str]) -> None:
    """A file is withdrawn; withdrawing it again fails."""
    stage, name = named
    [filename] = stage["files"]

    assert cli.json("stage", "remove", name, filename)["files"] == {}

    ended = cli.run("stage", "remove", name, filename)
    assert ended.code == 1
    assert f"has no file {filename}" in ended.stderr


@pytest.mark.parametrize(
    "arguments",
    [("extend", "--by", "1d"), ("cancel",), ("rotate",)],
    ids=["extend", "cancel", "rotate"],
)
def test_upload_token_is_not_enough(cli: CommandRunner, arguments: tuple[str, ...]) -> None:
    """An upload token cannot cancel, extend or rotate a stage."""
    stage = cli.json("stage", "show", cli.staged()["id"])
    action, *options = arguments

    ended = cli.run("stage", action, stage["id"], *options, token=cli.new_token("upload"))

    assert (ended.code, ended.stdout) == (1, "")
    assert "This API token cannot" in ended.stderr
    assert cli.json("stage", "show", stage["id"]) == stage


@pytest.mark.parametrize(
    "arguments",
    [("extend", "--by", "1d"), ("rotate",), ("cancel",)],
    ids=["extend", "rotate", "cancel"],
)
def test_manage_token_is_enough(cli: CommandRunner, arguments: tuple[str, ...]) -> None:
    """A manage token can."""
    stage = cli.staged()
    action, *options = arguments

    done = cli.json("stage", action, stage["id"], *options, token=cli.new_token("manage"))

    assert done["id"] == stage["id"]


def test_unknown_stage(cli: CommandRunner) -> None:
    """An unknown id is reported to an admin: exit code 1."""
    ended = cli.run("stage", "show", "0123456789abcdef")

    assert (ended.code, ended.stderr) == (1, "Error: There is no stage 0123456789abcdef.\n")


def test_unknown_stage_url(cli: CommandRunner) -> None:
    """An unknown or incomplete stage URL is reported: exit code 1."""
    ended = cli.run("stage", "show", cli.staged()["links"]["stage"][:-3])

    assert (ended.code, "Error: There is no stage at this URL" in ended.stderr) == (1, True)


def test_no_expiry_of_an_ended_stage(cli: CommandRunner) -> None:
    """An ended stage is shown without an expiry date."""
    stage = cli.staged()

    assert "Expires" in cli.run("stage", "show", stage["id"]).stdout
    assert "Expires" not in cli.run("stage", "cancel", stage["id"]).stdout


def test_not_a_stage_url(cli: CommandRunner) -> None:
    """A URL that is not a stage URL is a usage error."""
    ended = cli.run("stage", "show", f"{cli.url}/elsewhere/")

    assert ended.code == 2
    assert "is not a stage URL, a stage id, or a release such as" in ended.stderr


def test_ambiguous_project(cli: CommandRunner) -> None:
    """A project with more than one live stage names none of them; the error lists them."""
    stages = [cli.json("stage", "open", cli.project, one) for one in ("1.0", "2.0")]

    ended = cli.run("stage", "show", cli.project)

    assert (ended.code, ended.stdout) == (1, "")
    heading, *lines = ended.stderr.splitlines()
    assert heading == (f"Error: {cli.project} has more than one stage. Name one by its id or URL:")
    assert lines == [
        f"  {one['id']}  {cli.project} {one['version']}  open  {one['links']['stage']}"
        for one in reversed(stages)
    ]
    shown = cli.json("stage", "show", f"{cli.project}==2.0")
    assert shown["id"] == stages[1]["id"]


def test_unknown_release(cli: CommandRunner) -> None:
    """A release without a stage is an error that says so."""
    cli.json("stage", "open", cli.project, "1.0")

    ended = cli.run("stage", "show", f"{cli.project}==3.0")

    assert ended.code == 1
    assert ended.stderr == (
        f"Error: There is no stage of {cli.project}==3.0 that this token can see. List stages with "
        "`stageproxy stage list`.\n"
    )


@pytest.mark.parametrize("text", ["demo>=1.0", "demo==", "==1.0", "a b", "demo.whl==1==2", "é"])
def test_not_a_stage(cli: CommandRunner, text: str) -> None:
    """Anything else is a usage error."""
    assert cli.run("stage", "show", text).code == 2


def test_stage_of_another_server(cli: CommandRunner) -> None:
    """A stage URL of another server than `--server` is a usage error: it would get the token."""
    ended = cli.run("stage", "show", f"{UNUSED_URL}/tmp/demo/token/")

    assert ended.code == 2
    assert "a different server than --server." in ended.stderr


@pytest.mark.parametrize("command", ["list", "show id", "cancel id", "open demo"])
def test_unreachable_server(cli: CommandRunner, command: str) -> None:
    """If no server answers, the exit code is 3."""
    ended = cli.run("stage", *command.split(), "--server", UNUSED_URL)

    assert (ended.code, ended.stdout) == (3, "")
    assert "cannot be reached" in ended.stderr


def test_too_many_stages(cli: CommandRunner) -> None:
    """The number of open stages of a project is limited."""
    for version in ("1.0", "2.0", "3.0"):
        cli.json("stage", "open", cli.project, version)

    ended = cli.run("stage", "open", cli.project, "4.0")

    assert ended.code == 1
    assert "already has 3 live stages" in ended.stderr


def test_cancel_several(cli: CommandRunner) -> None:
    """Several stages are canceled at once; one that has ended does not keep the others."""
    first, second, third = (
        cli.json("stage", "open", cli.project, one)["id"] for one in ("1.0", "2.0", "3.0")
    )
    cli.json("stage", "cancel", second)

    ended = cli.run("stage", "cancel", first, second, third)

    assert ended.code == 1
    assert ended.stdout == (
        f"Canceled {cli.project} 1.0 (id {first})\nCanceled {cli.project} 3.0 (id {third})\n"
    )
    assert ended.stderr.startswith(f"Error: Stage {cli.project} 2.0 ended on ")


def test_cancel_empty(cli: CommandRunner) -> None:
    """All empty stages of a project are canceled at once, and only those."""
    filled = cli.staged()
    empty = [cli.json("stage", "open", cli.project, one)["id"] for one in ("2.0", "3.0")]
    other = cli.json("stage", "open", f"{cli.project}-other", "2.0")

    canceled = cli.json("stage", "cancel", "--empty", "--project", cli.project)["stages"]

    assert [(one["id"], one["status"]) for one in canceled] == [
        (one, "canceled") for one in reversed(empty)
    ]
    for kept in (filled, other):
        assert cli.json("stage", "show", kept["id"])["status"] == "open"
    said = cli.run("stage", "cancel", "--empty", "--project", cli.project).stdout
    assert said == "There are no empty stages.\n"


@pytest.mark.parametrize(
    "arguments",
    [(), ("id", "--empty"), ("id", "--project", "demo"), ("--project", "demo")],
    ids=["nothing", "both", "a project of a stage", "only a project"],
)
def test_cancel_with_wrong_usage(cli: CommandRunner, arguments: tuple[str, ...]) -> None:
    """Stages are named, or all empty ones are canceled: anything else is wrong usage."""
    assert cli.run("stage", "cancel", *arguments).code == 2


@pytest.mark.parametrize("command", ["open", "extend"])
def test_lifetime_beyond_the_limit(cli: CommandRunner, command: str) -> None:
    """A lifetime that the server shortens is not shortened silently."""
    arguments = [cli.project, "2.0", "--lifetime", "90d"]
    if command == "extend":
        arguments = [cli.json("stage", "open", cli.project, "2.0")["id"], "--by", "90d"]

    ended = cli.run("stage", command, *arguments)

    assert ended.code == 0
    assert "  The server keeps a stage for at most 30d after it was opened: " in ended.stdout
    shown = cli.json("stage", "show", cli.project)
    assert (lifetime_of(shown), shown["notices"]) == (timedelta(days=30), [])


def test_lifetime_within_the_limit(cli: CommandRunner) -> None:
    """A lifetime that is granted needs no notice."""
    assert cli.json("stage", "open", cli.project, "2.0", "--lifetime", "3d")["notices"] == []
