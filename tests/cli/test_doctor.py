"""`stageproxy doctor`: the checks of this machine, and the exit codes."""

from pathlib import Path
from typing import Any

import pytest

from stageproxy.cli.doctor.machine import disk_facts, pip_settings
from tests.support.clients.command_runner import UNUSED_URL, CommandRunner, ServerWithIndex
from tests.support.index.fake_index import FakeIndex
from tests.support.servers.processes import CommandResult


def doctor(cli: CommandRunner, upstream: str, **settings: str) -> CommandResult:
    """Run doctor against a server, with an upstream in the settings."""
    environment = {
        "STAGEPROXY_SERVER": cli.url,
        "STAGEPROXY_TOKEN": cli.token,
        "STAGEPROXY_UPSTREAM__URL": upstream,
        "STAGEPROXY_STORAGE__DATA": str(cli.data),
        **{f"STAGEPROXY_{name}": value for name, value in settings.items()},
    }
    return cli.run_in_environment(environment, "doctor", "--json")


def levels(ended: CommandResult, topic: str) -> list[str]:
    """Return the levels of the checks about a topic."""
    return [one["level"] for one in ended.document["checks"] if one["topic"] == topic]


def test_server_that_runs(cli: CommandRunner, server_with_index: ServerWithIndex) -> None:
    """A server and its upstream answer, and their clocks are compared with ours."""
    ended = doctor(cli, server_with_index.index.url)

    assert (ended.code, ended.document["ok"]) == (0, True)
    assert levels(ended, "server") == ["ok"]
    assert levels(ended, "upstream")[0] == "ok"
    assert levels(ended, "clock") == ["ok", "ok"]
    assert levels(ended, "settings") == ["ok"]


def test_upstream_out_of_reach(cli: CommandRunner) -> None:
    """An upstream that does not answer is exit code 3, and everything else is checked."""
    ended = doctor(cli, UNUSED_URL)

    assert (ended.code, levels(ended, "upstream")) == (3, ["out-of-reach"])
    assert levels(ended, "server") == ["ok"]


def test_server_out_of_reach(offline: CommandRunner, index: FakeIndex) -> None:
    """A server that does not answer is exit code 3."""
    ended = doctor(offline, index.url, SERVER__PORT="0")

    assert (ended.code, levels(ended, "server")) == (3, ["out-of-reach"])


def test_token_that_is_not_enough(cli: CommandRunner, server_with_index: ServerWithIndex) -> None:
    """Without an admin token, the way to the server cannot be probed: that is a problem."""
    token = cli.new_token("manage")
    runner = CommandRunner(cli.folder, cli.url, cli.data, token, cli.project)

    ended = doctor(runner, server_with_index.index.url)

    assert (ended.code, levels(ended, "server")) == (1, ["problem"])


@pytest.mark.parametrize(
    ("url", "what"),
    [
        (UNUSED_URL, "cannot be reached from this machine"),
        ("INDEX", "and not as stageproxy does"),
    ],
    ids=["nobody", "somebody else"],
)
def test_wrong_public_url(
    cli: CommandRunner, server_with_index: ServerWithIndex, url: str, what: str
) -> None:
    """A public URL that leads elsewhere is a problem, and no token is sent to it."""
    index = server_with_index.index
    index.requests.clear()

    ended = doctor(cli, index.url, SERVER__PUBLIC_URL=url.replace("INDEX", index.url))

    said = [one["message"] for one in ended.document["checks"] if one["topic"] == "public URL"]
    assert (ended.code, what in said[-1]) == (1, True)
    assert [one for one in index.requests if "Authorization" in one.headers] == []


def test_public_url_that_is_right(cli: CommandRunner, server_with_index: ServerWithIndex) -> None:
    """A public URL that leads to the server is right, here without a proxy between."""
    ended = doctor(cli, server_with_index.index.url, SERVER__PUBLIC_URL=cli.url)

    assert (ended.code, levels(ended, "public URL")) == (0, ["ok"])


def test_wrong_settings(cli: CommandRunner, server_with_index: ServerWithIndex) -> None:
    """What `config check` refuses is a problem here, too."""
    index = server_with_index.index

    ended = doctor(cli, index.url, PROMOTION__INDEX_URL=f"{index.url}/simple/")

    assert (ended.code, levels(ended, "settings")) == (1, ["problem"])


def test_postgresql(
    cli: CommandRunner, server_with_index: ServerWithIndex, migrated_url: str
) -> None:
    """A database server is looked at instead of SQLite, if the settings name one."""
    url = server_with_index.index.url

    ended = doctor(cli, url, STORAGE__DATABASE=migrated_url, SERVER__SECRET="of all")

    assert (levels(ended, "sqlite"), len(levels(ended, "database"))) == ([], 1)
    assert levels(ended, "settings") == ["ok"]


def test_text(cli: CommandRunner) -> None:
    """Each line begins with how well a thing is."""
    environment = {"STAGEPROXY_SERVER": cli.url, "STAGEPROXY_UPSTREAM__URL": UNUSED_URL}

    ended = cli.run_in_environment(environment, "doctor")

    first = {line.split()[0] for line in ended.stdout.splitlines() if not line.startswith(" ")}
    assert first <= {"ok", "warning", "problem", "out-of-reach"}
    assert (ended.code, ended.stderr) == (3, "")


def test_disk(tmp_path: Path) -> None:
    """The disk of this machine is looked at, and nothing is left on it."""
    facts = disk_facts(tmp_path, None)

    assert facts.space.free > 0
    assert isinstance(facts.flush, float)
    assert list(tmp_path.iterdir()) == []


def test_settings_of_pip(monkeypatch: pytest.MonkeyPatch) -> None:
    """The names of pip's settings are read with where they are from, without values."""
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    monkeypatch.setenv("PIP_EXTRA_INDEX_URL", "https://user:secret@index.example/simple/")

    found: Any = pip_settings()

    assert found["extra-index-url"] == "the environment variable PIP_EXTRA_INDEX_URL"
    assert "secret" not in str(found)
