"""Commands that work on a data directory whose database cannot be used."""

import pytest

from tests.cli.data_directories import DataDirectory
from tests.support.clients.command_runner import CommandRunner

COMMANDS = {
    "sweep": ["sweep"],
    "reset-admin": ["token", "reset-admin"],
    "fsck": ["fsck"],
    "repair": ["fsck", "--repair"],
    "backup": ["backup", "FOLDER/b.tar"],
}


@pytest.mark.parametrize("command", COMMANDS.values(), ids=COMMANDS)
def test_damaged_database(data: DataDirectory, command: list[str]) -> None:
    """The command ends with 1 and a sentence that names the database, and with no traceback."""
    (data.path / "catalogue.db").write_bytes(b"no database, " * 1000)

    code, output = run(data, command)

    assert (code, "Traceback" in output) == (1, False)
    assert f"{data.path}/catalogue.db" in output


@pytest.mark.parametrize("command", [COMMANDS[name] for name in ("sweep", "reset-admin", "repair")])
def test_newer_database(data: DataDirectory, command: list[str]) -> None:
    """A database that a newer stageproxy has changed is not changed by an older one."""
    data.execute(
        "INSERT INTO _sqlite_migrations (migration_set, name, applied_at) "
        "SELECT migration_set, 'm9999_newer', applied_at FROM _sqlite_migrations LIMIT 1"
    )

    code, output = run(data, command)

    assert (code, "Traceback" in output) == (1, False)
    assert "m9999_newer" in output


def run(data: DataDirectory, command: list[str]) -> tuple[int, str]:
    """Run a command on a data directory. Return its exit code and everything that it printed."""
    folder = data.path.parent
    runner = CommandRunner(folder, "", data.path, "", "demo")
    arguments = [one.replace("FOLDER", str(folder)) for one in command]
    ended = runner.run_in_environment({}, *arguments, "--data", str(data.path))
    return ended.code, ended.stdout + ended.stderr
