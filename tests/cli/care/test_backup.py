"""`stageproxy backup`, `restore` and `token reset-admin`."""

import os
from pathlib import Path

import pytest

from stageproxy.core.rights import TokenKind, parse_token
from tests.support.clients.command_runner import CommandRunner
from tests.support.data_directories import contents_of, rows_of
from tests.support.database import connection_to
from tests.support.stored_files import stored_file

NOBODY = 65534


@pytest.fixture
def archive(cli: CommandRunner) -> Path:
    """Return the path of an archive with a stage of the running server."""
    cli.staged()
    path = cli.folder / "backup.tar"
    cli.json("backup", path, "--data", cli.data)
    return path


@pytest.fixture
def new(cli: CommandRunner) -> Path:
    """Return the path of a data directory that does not exist yet."""
    return cli.folder / "new"


def admin_token_of(data: Path) -> str:
    """Return the admin token of a data directory."""
    return (data / "admin.token").read_text().strip()


def admin_rights_of(data: Path) -> str:
    """Return the kind of the admin token of a data directory."""
    token = parse_token(admin_token_of(data))
    assert token is not None
    with connection_to(data / "catalogue.db") as connection:
        query = "SELECT kind FROM api_token WHERE digest = ? AND revoked_at IS NULL"
        return str(connection.execute(query, [token.digest]).fetchone()["kind"])


@pytest.mark.parametrize("target", ["backup.tar", "backups/"])
def test_running_server(cli: CommandRunner, new: Path, target: str) -> None:
    """The data directory of a running server is copied, and restored as it was."""
    cli.staged()
    place = f"{cli.folder}/{target}"

    made = cli.json("backup", place, "--data", cli.data)
    restored = cli.json("restore", place, "--data", new)

    rows = rows_of(new)
    assert (made["lost"], restored["missing"]) == ([], [])
    assert made["files"] == restored["files"] == len(contents_of(new))
    assert contents_of(new) == contents_of(cli.data)
    assert rows["stage"] == rows_of(cli.data)["stage"]


def test_first_restore(cli: CommandRunner, archive: Path, new: Path) -> None:
    """Where there are no secrets, the operator gets a valid admin token, which is not printed."""
    restored = cli.json("restore", archive, "--data", new)

    assert (restored["secret"], restored["admin-token"]) == ("new", "new")
    assert admin_rights_of(new) == TokenKind.ADMIN
    assert [one for one in restored["notes"] if "`stageproxy stage rotate STAGE`" in one]
    assert admin_token_of(new) not in str(restored)


def test_secrets_stay(cli: CommandRunner, archive: Path, new: Path) -> None:
    """The secret and the valid admin token of the data directory stay if the backup has none."""
    new.mkdir()
    for name in ("secret", "admin.token"):
        (new / name).write_text((cli.data / name).read_text())

    restored = cli.json("restore", archive, "--data", new, "--replace")

    assert (restored["secret"], restored["admin-token"]) == ("kept", "kept")
    assert admin_token_of(new) == cli.token
    assert (new / "secret").read_text() == (cli.data / "secret").read_text()


def test_other_admin_tokens_do_not_stay(cli: CommandRunner, archive: Path, new: Path) -> None:
    """An admin token that the restored catalogue does not know is replaced."""
    new.mkdir()
    (new / "admin.token").write_text("stga_other\n")

    assert cli.json("restore", archive, "--data", new, "--replace")["admin-token"] == "new"
    assert admin_token_of(new) != "stga_other"


def test_secrets_are_warned_about(cli: CommandRunner, new: Path) -> None:
    """A backup with secrets comes with a warning, and restores them."""
    path = cli.folder / "backup.tar"

    made = cli.run("backup", path, "--data", cli.data, "--with-secrets", "--json")
    restored = cli.json("restore", path, "--data", new)

    assert (made.code, made.document["secrets"]) == (0, ["secret", "admin.token"])
    assert made.stderr.startswith("Warning: the backup has secrets. ")
    assert (restored["secret"], restored["admin-token"]) == ("restored", "restored")


def test_former_contents_are_kept(cli: CommandRunner, archive: Path, new: Path) -> None:
    """What is in the data directory is only replaced if asked for, and never deleted."""
    new.mkdir()
    (new / "catalogue.db").write_text("damaged")

    refused = cli.run("restore", archive, "--data", new)
    assert (refused.code, (new / "catalogue.db").read_text()) == (1, "damaged")
    assert refused.stderr.startswith(f"Error: The data directory {new} is not empty. ")

    restored = cli.json("restore", archive, "--data", new, "--replace")
    assert (Path(restored["former"]) / "catalogue.db").read_text() == "damaged"
    assert contents_of(new) == contents_of(cli.data)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_restored_by_root(cli: CommandRunner, archive: Path, new: Path) -> None:
    """What root restores belongs to the user of the data directory, who runs the server."""
    new.mkdir()
    os.chown(new, NOBODY, NOBODY)

    cli.json("restore", archive, "--data", new)

    restored = [new / name for name in ("catalogue.db", "admin.token", "files")]
    restored += (new / "files").rglob("*")
    assert {path.stat().st_uid for path in restored} == {NOBODY}


def test_running_server_is_not_replaced(cli: CommandRunner, archive: Path) -> None:
    """The data directory of a running server is not restored, nor its admin token reset."""
    for command in (["restore", archive, "--replace"], ["token", "reset-admin"]):
        refused = cli.run(*command, "--data", cli.data)

        assert refused.code == 1
        assert "Stop it, and run this again." in refused.stderr


def half(folder: Path) -> tuple[str, Path]:
    """Make a folder of backups lose a file; return its digest and the folder."""
    lost = min((folder / "files").iterdir())
    lost.unlink()
    return lost.name, folder


def test_half_a_backup(cli: CommandRunner, new: Path) -> None:
    """Missing files are named, and nothing is restored; with --partial, everything else is."""
    cli.staged()
    cli.json("backup", f"{cli.folder}/backups/", "--data", cli.data)
    lost, folder = half(cli.folder / "backups")

    refused = cli.run("restore", folder, "--data", new)
    assert (refused.code, new.exists()) == (1, False)
    assert refused.stderr.splitlines()[1:] == [f"  {lost}"]

    restored = cli.json("restore", folder, "--data", new, "--partial")
    assert restored["missing"] == [lost]
    assert contents_of(new).keys() == contents_of(cli.data).keys() - {lost}


def test_lost_files_fail_the_backup(cli: CommandRunner, new: Path) -> None:
    """A backup of a data directory that has lost a file has everything else: exit code 1."""
    cli.staged()
    cli.json("backup", cli.folder / "first.tar", "--data", cli.data)
    cli.json("restore", cli.folder / "first.tar", "--data", new)
    lost = next(iter(contents_of(new)))
    stored_file(new, lost).unlink()

    made = cli.run("backup", cli.folder / "second.tar", "--data", new, "--json")

    assert (made.code, made.document["lost"]) == (1, [lost])
    assert lost in made.stderr


@pytest.mark.parametrize(
    ("arguments", "code", "sentence"),
    [
        (["backup", "DATA/backup.tar", "--data", "DATA"], 1, "is in the data directory"),
        (["backup", "b.tar", "--data", "NONE"], 2, "is not the data directory of a server"),
        (["backup", "NONE/b.tar", "--data", "DATA"], 1, "none does not exist. Create it"),
        (["backup", "b.tar.gz", "--data", "DATA"], 1, "with the ending .tar"),
        (["restore", "NONE", "--data", "NONE"], 1, "cannot be read: No such file"),
        (["token", "reset-admin", "--data", "NONE"], 2, "is not the data directory of a server"),
    ],
)
def test_refused(cli: CommandRunner, arguments: list[str], code: int, sentence: str) -> None:
    """What cannot be done is refused with a sentence, and leaves nothing behind."""
    places = {"DATA": str(cli.data), "NONE": str(cli.folder / "none")}
    for name, place in places.items():
        arguments = [one.replace(name, place) for one in arguments]

    ended = cli.run(*arguments)

    assert (ended.code, ended.stdout) == (code, "")
    assert sentence in ended.stderr
    assert list(cli.folder.iterdir()) == []


def test_lost_admin_token(cli: CommandRunner, archive: Path, new: Path) -> None:
    """Whoever can write the data directory can have a new admin token; it is not printed."""
    cli.json("restore", archive, "--data", new)
    before = admin_token_of(new)
    (new / "admin.token").unlink()

    ended = cli.run("token", "reset-admin", "--data", new)

    assert ended.output == f"A new admin token was written to {new / 'admin.token'}\n"
    assert admin_rights_of(new) == TokenKind.ADMIN
    assert admin_token_of(new) != before
