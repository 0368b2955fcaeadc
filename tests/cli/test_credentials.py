"""What commands say about a missing or wrong API token, and where they find one."""

import pytest

from stageproxy.core.rights import TokenKind, make_token
from tests.support.clients.command_runner import UNUSED_URL, CommandRunner

UNKNOWN = make_token(TokenKind.UPLOAD, b"\x07" * 32).reveal()
COMMANDS = [
    "stage list",
    "stage show id",
    "stage cancel id",
    "stage open demo 1.0",
    "upload FILE",
    "promote id",
    "wait id --files 1",
    "download id",
    "token list",
    "token new --project demo --can upload",
    "audit id",
    "audit verify",
]


def typed(cli: CommandRunner, command: str) -> list[str]:
    """Return the arguments of a command."""
    return [str(cli.wheel()) if one == "FILE" else one for one in command.split()]


@pytest.mark.parametrize("command", COMMANDS)
def test_without_a_token(cli: CommandRunner, command: str) -> None:
    """Without a token, a command names the server that wants one, and every way to give one."""
    ended = cli.run_in_environment({}, *typed(cli, command), "--server", cli.url)

    assert (ended.code, ended.stdout) == (1, "")
    assert ended.stderr == (
        f"Error: The server at {cli.url} needs an API token for this, and none was given. "
        f"There is none in {cli.folder}/no-data/admin.token. Give one with --token or "
        "STAGEPROXY_TOKEN. On the server's machine, name its data directory with --data DIR: "
        "the admin token is read there.\n"
    )


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("token", [UNKNOWN, "nonsense"], ids=["unknown", "malformed"])
def test_with_a_wrong_token(cli: CommandRunner, command: str, token: str) -> None:
    """With a token that the server does not know, a command says which token and which server."""
    ended = cli.run(*typed(cli, command), token=token)

    assert (ended.code, ended.stdout) == (1, "")
    assert ended.stderr == (
        f"Error: The server at {cli.url} does not know the API token from STAGEPROXY_TOKEN. Check "
        "that it is complete and was made on that server, or give another one with --token or "
        "STAGEPROXY_TOKEN. On the server's machine, name its data directory with --data DIR: "
        "the admin token is read there.\n"
    )
    assert token not in ended.stderr


@pytest.mark.parametrize("command", ["stage list", "upload FILE"])
def test_with_a_revoked_token(cli: CommandRunner, command: str) -> None:
    """A revoked token is told apart from an unknown one, and so is where it came from."""
    made = cli.json("token", "new", "--project", cli.project, "--can", "upload")
    cli.json("token", "revoke", made["id"])

    ended = cli.run(*typed(cli, command), "--token", made["token"])

    assert (ended.code, ended.stdout) == (1, "")
    assert ended.stderr == (
        "Error: This API token is revoked or has expired. Ask for a new one.\n"
        f"The server at {cli.url} was asked with the API token from --token.\n"
    )


def test_without_the_right(cli: CommandRunner) -> None:
    """A token without the right is named with the server, because several may be at hand."""
    ended = cli.run("token", "list", token=cli.new_token("upload"))

    assert ended.stderr == (
        "Error: This API token cannot manage API tokens.\n"
        f"The server at {cli.url} was asked with the API token from STAGEPROXY_TOKEN.\n"
    )


def test_data_directory(cli: CommandRunner) -> None:
    """`--data` names the data directory of a server on this machine, with its URL and token."""
    ended = cli.run_in_environment({}, "stage", "list", "--data", str(cli.data))

    assert (ended.code, ended.stderr) == (0, "")


def test_stale_admin_token(cli: CommandRunner) -> None:
    """An admin token of an earlier server in the data directory is named by its path."""
    data = cli.folder / "data"
    data.mkdir()
    (data / "server.url").write_text(f"{cli.url}\n")
    (data / "admin.token").write_text(f"{UNKNOWN}\n")

    ended = cli.run_in_environment({}, "stage", "list", "--data", str(data))

    assert f"does not know the API token from {data}/admin.token. " in ended.stderr


def test_admin_token_of_another_server(cli: CommandRunner) -> None:
    """The admin token of this machine is not sent elsewhere, and the command says so."""
    data = cli.folder / "data"
    data.mkdir()
    (data / "server.url").write_text(f"{UNUSED_URL}\n")
    (data / "admin.token").write_text(f"{UNKNOWN}\n")

    ended = cli.run_in_environment({}, "stage", "list", "--data", str(data), "--server", cli.url)

    assert f"The one in {data}/admin.token is only sent to {UNUSED_URL}. " in ended.stderr


@pytest.mark.parametrize("token", ["", "  ", "two\nlines"], ids=["empty", "spaces", "two lines"])
def test_unusable_token(cli: CommandRunner, token: str) -> None:
    """An empty token, such as that of an unset variable, is wrong usage: no other one is used."""
    ended = cli.run("stage", "list", "--token", token)

    assert (ended.code, ended.stdout) == (2, "")
    assert "is empty or not one line" in ended.stderr


def test_token_with_a_line_end(cli: CommandRunner) -> None:
    """The end of the line behind a token, as in a file, does not matter."""
    assert cli.run("stage", "list", "--token", f"{cli.token}\n").code == 0
