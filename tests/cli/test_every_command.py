"""Properties of all commands: help, JSON, and the servers that get a token."""

from pathlib import Path

import pytest

from stageproxy.cli import main
from tests.cli.commands import commands, load
from tests.support.clients.command_runner import CommandRunner
from tests.support.servers.stub_server import StubServer, running_stub_server

WITHOUT_JSON = {"serve", "demo"}


@pytest.mark.parametrize("command", ["", "stage", "audit", "token", "config", *commands()])
@pytest.mark.parametrize("option", ["--help", "-h"])
def test_help(cli: CommandRunner, command: str, option: str) -> None:
    """Every command and group has a help text."""
    ended = cli.run(*command.split(), option)

    assert (ended.code, ended.stderr) == (0, "")
    assert ended.stdout.startswith("Usage: ")


@pytest.mark.parametrize("group", ["", "stage", "audit", "token", "config"])
def test_lines_of_commands_fit(cli: CommandRunner, group: str) -> None:
    """The line of a command in the list of commands is not cut off."""
    listed = cli.run(*group.split(), "--help").stdout.partition("Commands:")[2]

    assert [line for line in listed.splitlines() if line.endswith("...")] == []


@pytest.mark.parametrize("name", main.commands)
def test_list_of_commands(name: str) -> None:
    """The list of commands has the same line as the command, without importing it."""
    listed, command = main.commands[name], load(main.commands[name])

    assert command is not listed
    assert (listed.name, listed.get_short_help_str()) == (name, command.get_short_help_str())


def test_json_everywhere() -> None:
    """Every command except `serve` and `demo` has `--json`."""
    without = {
        name
        for name, command in commands().items()
        if not any("--json" in one.opts for one in command.params)
    }

    assert without == WITHOUT_JSON


@pytest.mark.parametrize(
    "command",
    ["upload", "stage show", "stage extend", "download", "wait", "token new", "nonsense"],
)
def test_usage(cli: CommandRunner, command: str) -> None:
    """A missing argument is a usage error: exit code 2, and nothing on stdout."""
    ended = cli.run(*command.split())

    assert (ended.code, ended.stdout) == (2, "")
    assert "Usage: " in ended.stderr


def test_invalid_server_url(cli: CommandRunner) -> None:
    """A server that is not given by its URL is a usage error."""
    ended = cli.run("stage", "list", "--server", "localhost")

    assert ended.code == 2
    assert "localhost is not the URL of a server" in ended.stderr


@pytest.mark.parametrize("answer", [b"<html>Welcome</html>", ["a", "list"]], ids=["html", "list"])
def test_not_a_stageproxy_server(
    cli: CommandRunner, stub_server: StubServer, answer: object
) -> None:
    """A server that is not stageproxy is reported, without a traceback."""
    stub_server.answers["/api/stages"] = answer

    ended = cli.run("stage", "list", "--server", stub_server.url)

    assert (ended.code, ended.stdout) == (1, "")
    assert ended.stderr.startswith(
        f"Error: The server at {stub_server.url} is not a stageproxy server. "
    )


def at_home(cli: CommandRunner, url: str) -> dict[str, str]:
    """Return the environment on the machine of a server at *url* that has an admin token."""
    data = cli.folder / "data"
    data.mkdir()
    (data / "server.url").write_text(f"{url}\n")
    (data / "admin.token").write_text("stga_local\n")
    return {"STAGEPROXY_STORAGE__DATA": str(data)}


def test_server_of_this_machine(cli: CommandRunner, stub_server: StubServer) -> None:
    """The server on this machine and its admin token are the defaults."""
    environment = at_home(cli, stub_server.url)
    stub_server.answers["/api/stages"] = {"stages": []}

    assert cli.run_in_environment(environment, "stage", "list").code == 0

    assert stub_server.authorizations == ["Bearer stga_local"]


@pytest.mark.parametrize(
    "command",
    ["stage list", "stage show id", "stage cancel id", "upload FILE", "wait id --files 1"],
)
def test_local_token_is_not_sent_to_other_servers(
    cli: CommandRunner, stub_server: StubServer, command: str
) -> None:
    """The admin token of this machine is not sent to a server that `--server` names."""
    environment = at_home(cli, cli.url)
    arguments = [str(cli.wheel()) if one == "FILE" else one for one in command.split()]

    cli.run_in_environment(environment, *arguments, "--server", stub_server.url)

    assert set(stub_server.authorizations) <= {None}


@pytest.mark.parametrize(
    "command", ["stage show", "stage cancel", "download", "upload FILE --stage"]
)
def test_local_token_does_not_follow_a_stage_url(
    cli: CommandRunner, stub_server: StubServer, command: str
) -> None:
    """The admin token of this machine is not sent to the server of a stage URL."""
    environment = at_home(cli, cli.url)
    arguments = [str(cli.wheel()) if one == "FILE" else one for one in command.split()]

    cli.run_in_environment(environment, *arguments, f"{stub_server.url}/tmp/demo/token/")

    assert set(stub_server.authorizations) == {None}


@pytest.mark.parametrize("command", ["download ID", "upload FILE --stage ID"])
def test_token_does_not_follow_a_link(
    cli: CommandRunner, stub_server: StubServer, command: str
) -> None:
    """A link to another host is requested from the server itself, so no token is sent there."""
    values = {"FILE": str(cli.wheel()), "ID": "0123456789abcdef"}
    arguments = [values.get(one, one) for one in command.split()]
    with running_stub_server() as other:
        url = f"{other.url}/tmp/demo/token/"
        file = {"link": f"{url}packages/a", "size": 1, "hashes": {"sha256": "0"}}
        stage = {"project": "demo", "version": None, "status": "open", "files": {"a": file}}
        more = {"links": {"stage": url}, "manifest-digest": "0" * 64}
        stub_server.answers["/api/stages/0123456789abcdef"] = {**stage, **more}

        cli.run(*arguments, "--server", stub_server.url)

    assert other.authorizations == []
    assert stub_server.authorizations == [f"Bearer {cli.token}"] * 2


def test_token_does_not_follow_a_redirect(cli: CommandRunner, stub_server: StubServer) -> None:
    """The token is not sent to the target of a redirect to another server."""
    with running_stub_server() as other:
        stub_server.answers["/api/stages"] = f"{other.url}/api/stages"

        cli.run("stage", "list", "--server", stub_server.url)

    assert stub_server.authorizations == [f"Bearer {cli.token}"]
    assert other.authorizations == [None]


def test_token_is_never_shown(cli: CommandRunner) -> None:
    """Error messages do not contain the token."""
    for command in (["stage", "show", "nothing"], ["stage", "list", "--server", "http://x:1"]):
        ended = cli.run(*command, token="stgu_visible")
        assert "stgu_visible" not in ended.stdout + ended.stderr


def test_options_override_the_environment(cli: CommandRunner, tmp_path: Path) -> None:
    """Options override the environment."""
    wrong = {"STAGEPROXY_SERVER": "http://127.0.0.1:1", "STAGEPROXY_TOKEN": "stgu_wrong"}

    ended = cli.run_in_environment(
        wrong, "stage", "list", "--server", cli.url, "--token", cli.token, "--json"
    )

    assert ended.code == 0
    assert list(tmp_path.iterdir()) == []
