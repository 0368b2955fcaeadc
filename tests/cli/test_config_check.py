"""`stageproxy config check`: what would keep a server from starting or publishing."""

import socket
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlite_utils import Database as Tables

from stageproxy.store.directory import DataDirectory
from stageproxy.store.sqlite.database import Database
from tests.support.clients.command_runner import CommandRunner
from tests.support.servers.s3 import S3Server

TOKEN_FILE = "STAGEPROXY_PROMOTION__TOKEN_FILE"
UPLOADS, INDEX = "https://index.example/legacy/", "https://index.example/simple/"


@pytest.fixture
def cli(tmp_path: Path) -> CommandRunner:
    """Return a runner without a server."""
    return CommandRunner(tmp_path, "", tmp_path, "", "demo")


def errors_of(cli: CommandRunner, **settings: object) -> str:
    """Check settings that are wrong, and return what is said about them."""
    environment = {f"STAGEPROXY_{name}": str(value) for name, value in settings.items()}
    ended = cli.run_in_environment(environment, "config", "check")
    assert (ended.code, ended.stdout) == (1, "")
    return ended.stderr.removeprefix("Error: ").removesuffix("\n")


def a_token_file(cli: CommandRunner, content: bytes, mode: int = 0o600) -> Path:
    """Write a file with a token."""
    path = cli.folder / "pypi.token"
    path.write_bytes(content)
    path.chmod(mode)
    return path


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (b"", "is empty. Write nothing but the token to it."),
        (b" \n", "is empty. Write nothing but the token to it."),
        (b"pypi-a\npypi-b\n", "has more than one line. Write nothing but the token to it."),
        (b"\xff\xfe", "is not text. Write nothing but the token to it."),
    ],
    ids=["empty", "blank", "two lines", "not text"],
)
def test_unusable_token_file(cli: CommandRunner, content: bytes, what: str) -> None:
    """A token file without a token is an error, which does not show its content."""
    path = a_token_file(cli, content)

    said = errors_of(cli, PROMOTION__TOKEN_FILE=path)

    assert said == f"promotion.token_file: {path} {what}"


@pytest.mark.parametrize(
    ("name", "reason"),
    [("missing", "No such file or directory"), ("", "Is a directory")],
    ids=["missing", "a directory"],
)
def test_unreadable_token_file(cli: CommandRunner, name: str, reason: str) -> None:
    """A token file that cannot be read is an error with the reason."""
    path = cli.folder / name

    assert errors_of(cli, PROMOTION__TOKEN_FILE=path) == (
        f"promotion.token_file: {path} cannot be read: {reason}. Write the token to it, readable "
        "for the user that runs the server."
    )


@pytest.mark.parametrize("mode", [0o640, 0o444, 0o604])
def test_token_file_that_others_can_read(cli: CommandRunner, mode: int) -> None:
    """A token file that others can read is a warning: the secrets of containers are such files."""
    path = a_token_file(cli, b"pypi-a\n", mode)

    ended = cli.run_in_environment({TOKEN_FILE: str(path)}, "config", "check")

    warning = f"promotion.token_file: {path} is readable by other users. Run `chmod 600 {path}`."
    assert (ended.code, ended.stdout) == (0, "The settings are valid.\n")
    assert ended.stderr == f"Warning: {warning}\n"
    document = cli.run_in_environment({TOKEN_FILE: str(path)}, "config", "check", "--json").document
    assert document == {"file": None, "ok": True, "warnings": [warning]}


def test_token_beside_a_token_file(cli: CommandRunner) -> None:
    """A token file that is not used, because a token is set too, is a warning."""
    environment = {
        TOKEN_FILE: str(a_token_file(cli, b"pypi-a\n")),
        "STAGEPROXY_PROMOTION__TOKEN": "pypi-b",
    }

    ended = cli.run_in_environment(environment, "config", "check")

    assert ended.code == 0
    assert "it is not used, because promotion.token is set too." in ended.stderr


@pytest.mark.parametrize(
    ("given", "missing", "url"),
    [("repository_url", "index_url", UPLOADS), ("index_url", "repository_url", INDEX)],
)
def test_lone_url(cli: CommandRunner, given: str, missing: str, url: str) -> None:
    """One of the two URLs alone is an error: nothing could be published."""
    said = errors_of(cli, **{f"PROMOTION__{given.upper()}": url})

    assert said == (
        f"promotion.{missing}: set it as well. With promotion.{given} alone nothing can be "
        "published."
    )


def test_data_directory_is_a_file(cli: CommandRunner) -> None:
    """A file in the place of the data directory, or above it, is an error."""
    path = a_token_file(cli, b"")

    assert errors_of(cli, STORAGE__DATA=path / "data") == (
        f"storage.data: {path} is not a directory. Name another data directory."
    )


def test_empty_secret(cli: CommandRunner) -> None:
    """An empty secret, which would let anyone guess stage URLs, is an error."""
    (cli.folder / "secret").touch()

    assert errors_of(cli, STORAGE__DATA=cli.folder).startswith(
        f"storage.data: {cli.folder}/secret is empty, so anyone could guess stage URLs. "
    )


def newer(path: Path) -> None:
    """Write a database of a newer version."""
    with Database(path):
        pass
    step = {"migration_set": "stageproxy", "name": "m9999_of_the_future", "applied_at": "later"}
    with Tables(path, execute_plugins=False) as tables:
        tables.table("_sqlite_migrations").insert(step)


def no_database(path: Path) -> None:
    """Write something else in its place."""
    path.write_text("x" * 4096)


@pytest.mark.parametrize(
    ("write", "what"),
    [
        (newer, "The data directory was written by a newer stageproxy; this is "),
        (no_database, "cannot be used: file is not a database."),
    ],
    ids=["a newer one", "none"],
)
def test_unusable_database(cli: CommandRunner, write: Callable[[Path], None], what: str) -> None:
    """A database that this version cannot read is an error."""
    write(cli.folder / "catalogue.db")

    assert what in errors_of(cli, STORAGE__DATA=cli.folder)


def test_address_is_taken(cli: CommandRunner) -> None:
    """A port that another program uses is an error."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]

        assert errors_of(cli, SERVER__PORT=port) == (
            f"server.host, server.port: Cannot listen on 127.0.0.1 port {port}: "
            "Address already in use. Stop what listens there, or set another port with server.port "
            "or --port."
        )


def test_address_of_another_machine(cli: CommandRunner) -> None:
    """An address that is not of this machine is an error."""
    assert errors_of(cli, SERVER__HOST="192.0.2.1", SERVER__PORT="0").startswith(
        "server.host, server.port: Cannot listen on 192.0.2.1 port 0: "
    )


def test_while_the_server_runs(cli: CommandRunner) -> None:
    """The port of the server that runs with these settings is not an error."""
    directory = DataDirectory(cli.folder)
    with directory.locked(), socket.create_server(("127.0.0.1", 0)) as taken:
        environment = {
            "STAGEPROXY_STORAGE__DATA": str(cli.folder),
            "STAGEPROXY_SERVER__PORT": str(taken.getsockname()[1]),
        }

        assert cli.run_in_environment(environment, "config", "check").code == 0


def test_everything_at_once(cli: CommandRunner) -> None:
    """All problems are reported together, and nothing is created."""
    said = errors_of(
        cli,
        PROMOTION__TOKEN_FILE=cli.folder / "missing",
        PROMOTION__INDEX_URL=INDEX,
        STORAGE__DATA=cli.folder / "new" / "data",
    )

    assert [line.partition(":")[0] for line in said.splitlines()] == [
        "promotion.repository_url",
        "promotion.token_file",
    ]
    assert not (cli.folder / "new").exists()


def test_stores_of_several_servers(cli: CommandRunner, migrated_url: str, moto: S3Server) -> None:
    """A database and a bucket that can be used are right; of wrong ones, each is named."""
    stores = {"STORAGE__DATABASE": migrated_url, **moto.settings(moto.create_bucket())}
    given = {f"STAGEPROXY_{name}": text for name, text in stores.items()}
    secret = {"STAGEPROXY_SERVER__SECRET": "of all servers", "STAGEPROXY_SERVER__PORT": "0"}

    ended = cli.run_in_environment({**given, **secret}, "config", "check")
    wrong = {**stores, "STORAGE__FILES": "s3://no-such-bucket"}

    assert (ended.code, ended.stderr) == (0, "")
    assert [line.partition(" ")[0] for line in errors_of(cli, **wrong).splitlines()] == [
        "server.secret:",
        "The",
    ]
