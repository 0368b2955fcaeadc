"""`stageproxy migrate-storage`, beside a server and without one."""

from pathlib import Path

import pytest

from tests.cli.data_directories import WHEEL, DataDirectory
from tests.support.clients.command_runner import CommandRunner
from tests.support.servers.s3 import S3Server


@pytest.fixture
def database(migrated_url: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """Return an empty database, whose URL is in the environment."""
    monkeypatch.setenv("STAGEPROXY_TO_DATABASE", migrated_url)
    return migrated_url


@pytest.fixture
def bucket(moto: S3Server, monkeypatch: pytest.MonkeyPatch) -> str:
    """Return an empty bucket, whose settings are in the environment."""
    settings = dict(moto.settings(moto.create_bucket()))
    url = settings.pop("STORAGE__FILES")
    for name, value in settings.items():
        monkeypatch.setenv(f"STAGEPROXY_{name}", value)
    return url


@pytest.fixture
def stopped(cli: CommandRunner, data: DataDirectory) -> CommandRunner:
    """Return a command line for the data directory of a server that is stopped."""
    return CommandRunner(cli.folder, "", data.path, "", "demo")


def test_move(stopped: CommandRunner, database: str, bucket: str) -> None:
    """The command says what it has done, and what is left to do."""
    assert database
    ended = stopped.run("migrate-storage", "--to-files", bucket, "--data", stopped.data)

    assert (ended.code, ended.stderr) == (0, "")
    lines = ended.stdout.splitlines()
    assert lines[0].startswith("Moved 2 stages, 1 API token and ")
    assert lines[1].startswith("Copied 3 files with ")
    assert "Set storage.database to the URL that you gave." in lines
    assert f'Set storage.files to "{bucket}".' in lines
    assert [one for one in lines if one.startswith("Set server.secret to what the file ")]


def test_way_back(
    stopped: CommandRunner, database: str, bucket: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the settings of the new place, everything is moved back."""
    stopped.json("migrate-storage", "--to-files", bucket, "--data", stopped.data)
    monkeypatch.delenv("STAGEPROXY_TO_DATABASE")
    monkeypatch.setenv("STAGEPROXY_STORAGE__DATABASE", database)
    monkeypatch.setenv("STAGEPROXY_STORAGE__FILES", bucket)
    monkeypatch.setenv("STAGEPROXY_SERVER__SECRET", (stopped.data / "secret").read_text().strip())

    back = ("--to-database", "sqlite", "--to-files", "folder", "--data", stopped.data)
    moved = stopped.json("migrate-storage", *back)

    assert (moved["files"]["copied"], moved["files"]["present"]) == (0, 3)
    assert Path(moved["former"]).is_file()
    assert 'Set storage.files to "".' in moved["notes"]


def test_running_server(cli: CommandRunner, database: str) -> None:
    """The catalogue of a running server is not moved: the command says what to do."""
    assert database

    ended = cli.run("migrate-storage", "--data", cli.data)

    assert ended.code == 1
    assert "Stop all servers, and run this again" in ended.stderr


def test_dry_run(stopped: CommandRunner, database: str, bucket: str, data: DataDirectory) -> None:
    """A dry run changes nothing, and its exit code shows that something is lost."""
    assert database
    data.file(WHEEL).unlink()
    arguments = ("migrate-storage", "--to-files", bucket, "--dry-run", "--data", stopped.data)

    planned = [stopped.run(*arguments, "--json") for _ in range(2)]

    assert [one.code for one in planned] == [1, 1]
    assert planned[0].document == planned[1].document
    files = planned[0].document["files"]
    assert (files["missing"], files["copied"]) == ([WHEEL.sha256], 2)


def test_store_that_cannot_be_reached(stopped: CommandRunner, bucket: str) -> None:
    """A bucket that does not exist is named, and what to check."""
    ended = stopped.run(
        "migrate-storage", "--to-files", f"{bucket[:12]}-missing", "--data", stopped.data
    )

    assert ended.code == 1
    assert "cannot be used" in ended.stderr
    assert "Check --to-files" in ended.stderr


def test_password(stopped: CommandRunner, monkeypatch: pytest.MonkeyPatch) -> None:
    """No password of a database is printed, whatever fails."""
    monkeypatch.setenv("STAGEPROXY_TO_DATABASE", "postgresql://me:hidden@127.0.0.1:1/nowhere")

    ended = stopped.run("migrate-storage", "--data", stopped.data)

    assert ended.code == 1
    assert "nowhere on 127.0.0.1 port 1" in ended.stderr
    assert "hidden" not in ended.stderr + ended.stdout


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        pytest.param([], "Give --to-database, --to-files, or both", id="nothing"),
        pytest.param(["--to-files", "http://bucket"], "--to-files", id="no bucket"),
        pytest.param(["--to-database", "mysql://db"], "--to-database", id="no PostgreSQL"),
    ],
)
def test_wrong_arguments(stopped: CommandRunner, arguments: list[str], said: str) -> None:
    """Places that cannot be used are refused at once."""
    ended = stopped.run("migrate-storage", *arguments, "--data", stopped.data)

    assert ended.code == 2
    assert said in ended.stderr
