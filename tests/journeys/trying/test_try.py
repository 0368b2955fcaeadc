"""A stage is tried with pip and uv, and the result is attached to it as evidence."""

import shutil
import signal
import tempfile
from pathlib import Path
from typing import Any

import pytest

from stageproxy.core.rights import TOKEN_PATTERN
from tests.support.builders.distributions import a_wheel
from tests.support.clients.command_runner import CommandRunner

pytestmark = pytest.mark.journey

CODE = "print('hello from', __name__)\n"


def stage_of(
    cli: CommandRunner, *, code: str = CODE, tag: str = "py3-none-any", **more: Any
) -> Any:
    """Return a stage of a wheel with this code."""
    module = cli.project.replace("-", "_")
    wheel = a_wheel(cli.project, "1.0", tag=tag, modules={f"{module}.py": code}, **more)
    return cli.staged(cli.save(wheel))


def evidence_of(cli: CommandRunner, stage: Any) -> list[Any]:
    """Return the evidence of a stage, as its trail of events names it."""
    events = cli.json("audit", stage["id"])["events"]
    return [one["details"] for one in events if one["action"] == "tried"]


def left_behind() -> set[str]:
    """Return the temporary folders of tries."""
    return {one.name for one in Path(tempfile.gettempdir()).glob("stageproxy-try-*")}


@pytest.mark.parametrize("installer", ["pip", "uv"])
def test_passes(cli: CommandRunner, installer: str) -> None:
    """A release that installs and can be imported passes, and everything about it is reported."""
    stage, before = stage_of(cli), left_behind()
    token = cli.new_token("upload")

    ended = cli.run("try", stage["links"]["stage"], "--installer", installer, token=token)

    (wheel,) = stage["files"]
    assert ended.code == 0
    assert f"{cli.project} 1.0 passed with Python 3." in ended.stdout
    assert f"  Installed   {wheel} with {installer} " in ended.stdout
    assert f"  Evidence    attached to manifest {stage['manifest-digest'][:12]}…" in ended.stdout
    assert "hello from cli_demo_" in ended.stderr
    assert not TOKEN_PATTERN.search(ended.stderr)
    (evidence,) = evidence_of(cli, stage)
    assert (evidence["passed"], evidence["filename"]) == (True, wheel)
    assert left_behind() == before


def test_failing_command(cli: CommandRunner) -> None:
    """A command that fails is reported with its exit code and its last lines, without tokens."""
    stage = stage_of(cli)
    url = stage["links"]["stage"]
    command = ("python", "-c", f"print('see {url}'); raise SystemExit(7)")

    ended = cli.run("try", stage["id"], "--installer", "uv", "--json", "--", *command)

    assert (ended.code, ended.stderr) == (1, "")
    assert (ended.document["passed"], ended.document["exit-code"]) == (False, 7)
    assert ended.document["log-tail"].endswith("/***/")
    assert not TOKEN_PATTERN.search(ended.stdout)
    assert [one["passed"] for one in evidence_of(cli, stage)] == [False]


def test_failing_import(cli: CommandRunner) -> None:
    """A module that cannot be imported is a failure, though the release installs."""
    stage = stage_of(cli, code="import nothing_of_that_name\n")

    document = cli.run("try", stage["id"], "--installer", "uv", "--json").document

    assert not document["passed"]
    assert "No module named 'nothing_of_that_name'" in document["log-tail"]


def test_failing_installation(cli: CommandRunner) -> None:
    """A release without a file for this platform is a failure, which the log explains."""
    stage = stage_of(cli, tag="cp39-cp39-win_amd64")

    document = cli.run("try", stage["id"], "--installer", "uv", "--json").document

    assert (document["passed"], document["filename"]) == (False, "")
    assert document["command"] == "install"
    assert "no wheels with a matching Python" in " ".join(document["log-tail"].split())


def test_missing_requirement(cli: CommandRunner) -> None:
    """Requirements that the index lacks are a failure."""
    stage = stage_of(cli, requires_dist=["nothing-of-that-name"])

    document = cli.run("try", stage["id"], "--installer", "uv", "--json").document

    assert not document["passed"]
    assert "nothing-of-that-name" in document["log-tail"]


def test_without_a_token(cli: CommandRunner) -> None:
    """The stage URL is enough to try a stage; the result is only printed then."""
    stage = stage_of(cli)

    ended = cli.run_in_environment({}, "try", stage["links"]["stage"], "--installer", "uv")

    assert ended.code == 0
    assert "  Evidence    not attached: that needs an upload token" in ended.stdout
    assert evidence_of(cli, stage) == []


def test_secrets_are_out_of_reach(cli: CommandRunner) -> None:
    """Neither the API token nor the stage URL reaches the code of the release."""
    code = "import os\nprint('seen:', sorted(os.environ.values()))\n"
    stage = stage_of(cli, code=code)

    ended = cli.run("try", stage["links"]["stage"], "--installer", "uv")

    assert "seen:" in ended.stderr
    assert "/tmp/cli-demo" not in ended.stderr
    assert not TOKEN_PATTERN.search(ended.stderr)
    assert "stga_***" not in ended.stderr


def test_refused_token(cli: CommandRunner) -> None:
    """If the token may not attach the result, that is an error after the result."""
    stage = stage_of(cli)
    other = CommandRunner(cli.folder, cli.url, cli.data, cli.token, "another").new_token("upload")

    ended = cli.run("try", stage["links"]["stage"], "--installer", "uv", token=other)

    assert ended.code == 1
    assert " passed with Python 3." in ended.stdout
    assert "Error: The result was not attached to the stage." in ended.stderr


def test_superseded(cli: CommandRunner) -> None:
    """Evidence is superseded once a file of the stage is replaced, and a new try counts."""
    stage = stage_of(cli)
    cli.json("try", stage["id"], "--installer", "uv")

    changed = stage_of(cli, code="IS = 'another'\n")
    cli.json("try", stage["id"], "--installer", "uv")

    digests = [one["manifest-digest"] for one in evidence_of(cli, stage)]
    assert digests == [stage["manifest-digest"], changed["manifest-digest"]]


def test_kept(cli: CommandRunner) -> None:
    """With `--keep`, the environment stays, and its path is reported."""
    stage, before = stage_of(cli), left_behind()

    document = cli.json("try", stage["id"], "--installer", "uv", "--keep")

    environment = Path(document["environment"])
    assert (environment / "bin" / "python").exists()
    assert left_behind() - before == {environment.parent.name}
    shutil.rmtree(environment.parent)


def test_interrupted(cli: CommandRunner, tmp_path: Path) -> None:
    """Ctrl-C ends what runs, and removes the environment."""
    stage, before = stage_of(cli), left_behind()
    started = tmp_path / "started"
    script = f"import pathlib, time; pathlib.Path({str(started)!r}).touch(); time.sleep(600)"
    environment = {"STAGEPROXY_SERVER": cli.url, "STAGEPROXY_TOKEN": cli.token}

    ended = cli.run_and_signal(
        signal.SIGINT,
        started.exists,
        environment,
        *("try", stage["id"], "--installer", "uv", "--", "python", "-c", script),
    )

    assert ended.code == 1
    assert "Aborted!" in ended.stderr
    assert left_behind() == before
    assert evidence_of(cli, stage) == []


def test_empty_stage(cli: CommandRunner) -> None:
    """An empty stage has nothing to try, and the error says what to do."""
    stage = cli.json("stage", "open", cli.project, "1.0")

    ended = cli.run("try", stage["id"])

    assert ended.code == 1
    assert "Upload its files first" in ended.stderr
