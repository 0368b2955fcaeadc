"""`stageproxy sweep`: through a running server, and in the directory of a stopped one."""

import fcntl
import os
from pathlib import Path

import pytest

from tests.cli.data_directories import DataDirectory
from tests.support.clients.command_runner import CommandRunner
from tests.support.servers.processes import CommandResult

LONG_AGO = 1_000_000_000
NOTHING = "Deleted 0 files with 0 bytes.\n"


def sweep(data: DataDirectory, *options: str) -> CommandResult:
    """Sweep the data directory of a stopped server."""
    runner = CommandRunner(data.path.parent, "", data.path, "", "demo")
    return runner.run_in_environment({}, "sweep", "--data", str(data.path), *options)


def left_over(data: DataDirectory) -> Path:
    """Write a file that no row names, as a server that was killed leaves it."""
    path = data.path / "files" / "incoming" / "x"
    path.write_bytes(b"left over")
    os.utime(path, (LONG_AGO, LONG_AGO))
    return path


def test_running_server(cli: CommandRunner) -> None:
    """A running server sweeps when an admin asks it to; a dry run changes nothing."""
    planned = cli.json("sweep", "--dry-run")

    assert planned["dry-run"]
    assert cli.json("sweep")["dry-run"] is False


def test_other_tokens(cli: CommandRunner) -> None:
    """A manage token cannot sweep."""
    ended = cli.run("sweep", token=cli.new_token("manage"))

    assert (ended.code, ended.stdout) == (1, "")


def test_stopped_server(data: DataDirectory) -> None:
    """Without a server, the data directory is swept directly."""
    path = left_over(data)
    # Written by a clock of tests, which may be far from ours.
    for table in ("stage", "file_upload"):
        data.execute(f"UPDATE {table} SET expires_at = '2999-01-01T00:00:00.000000Z'")

    planned = sweep(data, "--dry-run")
    was_there = path.exists()
    done = sweep(data)

    assert planned.stdout.splitlines()[0] == "Would delete incoming/x, 9 bytes (orphan)"
    assert done.stdout.splitlines()[0] == "Deleted incoming/x, 9 bytes (orphan)"
    assert (was_there, path.exists(), sweep(data).stdout) == (True, False, NOTHING)


def test_expired_stages_are_named(data: DataDirectory) -> None:
    """The stages that end and that are forgotten are named, with their ids."""
    data.execute("UPDATE stage SET expires_at = '2001-01-01T00:00:00.000000Z'")
    ids = {project: stage.id for project, stage in data.stages().items()}

    done = sweep(data)

    for project, version in (("demo", "2.0"), ("other", "1.0")):
        assert f"Ended stage {project} {version} (id {ids[project]})" in done.stdout
        assert f"Forgot stage {project} {version} (id {ids[project]})" in done.stdout
    assert data.stages() == {}


def test_directory_in_use(data: DataDirectory) -> None:
    """A directory that a server uses is left to that server, here one that does not answer."""
    (data.path / "server.url").write_text("http://127.0.0.1:1")
    with (data.path / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)

        ended = sweep(data)

    assert (ended.code, ended.stdout) == (3, "")


@pytest.mark.parametrize("options", [("--config", "missing.toml")])
def test_settings(data: DataDirectory, options: tuple[str, ...]) -> None:
    """Settings that cannot be read are named."""
    ended = sweep(data, *options)

    assert (ended.code, "missing.toml cannot be read" in ended.stderr) == (1, True)


def test_newer_data(data: DataDirectory) -> None:
    """What a newer version has written is not swept, and a sentence says what to do."""
    data.execute(
        "INSERT INTO _sqlite_migrations (migration_set, name, applied_at) "
        "VALUES ('stageproxy', 'm9999_of_the_future', 'later')"
    )

    ended = sweep(data)

    assert (ended.code, ended.stdout) == (1, "")
    assert ended.stderr.startswith("Error: The data directory was written by ")
