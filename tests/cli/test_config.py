"""`stageproxy config …`."""

import tomllib
from pathlib import Path

import pytest

from stageproxy.config import Config, load_config, shown_settings
from tests.support.clients.command_runner import CommandRunner


@pytest.fixture
def cli(tmp_path: Path) -> CommandRunner:
    """Return a runner without a server, which settings do not need."""
    return CommandRunner(tmp_path, "", tmp_path, "", "demo")


@pytest.fixture
def file(cli: CommandRunner) -> Path:
    """Return a settings file."""
    path = cli.folder / "config.toml"
    path.write_text('[server]\npublic_url = "https://stage.example"\n')
    return path


def test_check(cli: CommandRunner, file: Path) -> None:
    """Valid settings are reported as valid."""
    ended = cli.run_in_environment({}, "config", "check", file)

    assert (ended.code, ended.stdout) == (0, "The settings are valid.\n")
    document = cli.run_in_environment({}, "config", "check", file, "--json").document
    assert document == {"file": str(file), "ok": True, "warnings": []}


def test_check_without_a_file(cli: CommandRunner) -> None:
    """Without a file, the environment is checked."""
    assert cli.run_in_environment({}, "config", "check", "--json").document == {
        "file": None,
        "ok": True,
        "warnings": [],
    }
    ended = cli.run_in_environment({"STAGEPROXY_SERVER__PORT": "http"}, "config", "check")
    assert ended.code == 1
    assert ended.stderr.startswith("Error: server.port: ")


def test_check_reports_all_mistakes(cli: CommandRunner, file: Path) -> None:
    """All mistakes in the settings are reported on stderr: exit code 1."""
    file.write_text("[server]\nport = -1\nprot = 1\n")

    ended = cli.run_in_environment({}, "config", "check", file, "--json")

    assert (ended.code, ended.stdout) == (1, "")
    assert "server.port: " in ended.stderr
    assert "server.prot: there is no such setting." in ended.stderr


def test_show(cli: CommandRunner, file: Path) -> None:
    """The effective settings are shown as a file that can be loaded."""
    ended = cli.run_in_environment(
        {"STAGEPROXY_SERVER__PORT": "1"}, "config", "show", "--config", file
    )

    copy = cli.folder / "copy.toml"
    copy.write_text(ended.stdout)
    config = load_config(copy, {})
    assert (config.server.public_url, config.server.port) == ("https://stage.example", 1)


@pytest.mark.parametrize("folder", ['with "quotes"', "with \\", "with\ttab", "mit Ümlaut"])
def test_show_odd_text(cli: CommandRunner, folder: str) -> None:
    """The output is valid TOML for values with quotes, backslashes and other characters."""
    ended = cli.run_in_environment({"STAGEPROXY_STORAGE__DATA": folder}, "config", "show")

    assert tomllib.loads(ended.stdout)["storage"]["data"] == folder


def test_show_table(cli: CommandRunner) -> None:
    """A table within a section is valid TOML, and its secrets are hidden."""
    tokens = {"STAGEPROXY_PROMOTION__TOKENS": "demo=hidden,Other.Name=hidden"}
    ended = cli.run_in_environment(tokens, "config", "show")

    shown_tokens = tomllib.loads(ended.stdout)["promotion"]["tokens"]
    assert shown_tokens == {"demo": "**********", "Other.Name": "**********"}


def test_show_as_a_document(cli: CommandRunner) -> None:
    """The document contains every setting."""
    document = cli.run_in_environment({}, "config", "show", "--json").document

    del document["storage"]
    expected = shown_settings(Config())
    del expected["storage"]
    assert document == expected


def test_show_hides_secrets(cli: CommandRunner) -> None:
    """Secrets and the credentials of URLs are hidden."""
    secrets = {
        "STAGEPROXY_SERVER__SECRET": "hidden-1",
        "STAGEPROXY_PROMOTION__TOKEN": "hidden-2",
        "STAGEPROXY_UPSTREAM__URL": "https://hidden-3:hidden-4@index.example/",
    }

    for options in ((), ("--json",)):
        ended = cli.run_in_environment(secrets, "config", "show", *options)
        assert ended.code == 0
        assert "hidden" not in ended.stdout + ended.stderr
        assert "https://***@index.example/" in ended.stdout
