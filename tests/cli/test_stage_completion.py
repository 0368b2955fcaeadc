"""Completion of stages and projects, which the server is asked for."""

from collections.abc import Mapping

import click
import pytest
from click.shell_completion import ShellComplete

from stageproxy.cli import main
from tests.cli.commands import commands
from tests.support.servers.stub_server import StubServer


def offered(monkeypatch: pytest.MonkeyPatch, url: str, *words: str) -> list[str]:
    """Return what is offered for the last word, with this server."""
    monkeypatch.setenv("STAGEPROXY_SERVER", url)
    monkeypatch.setenv("STAGEPROXY_TOKEN", "stgu_x")
    completion = ShellComplete(main, {}, "stageproxy", "_STAGEPROXY_COMPLETE")
    return [one.value for one in completion.get_completions([*words[:-1]], words[-1])]


STAGES: Mapping[str, object] = {
    "stages": [
        {"id": "1" * 16, "project": "demo", "version": "2.0", "status": "open"},
        {"id": "2" * 16, "project": "demo", "version": "1.0", "status": "published"},
        {"id": "3" * 16, "project": "other", "version": None, "status": "error"},
    ]
}


@pytest.mark.parametrize(
    ("words", "names"),
    [
        (("review", ""), ["3" * 16, "demo==2.0"]),
        (("try", "de"), ["demo==2.0"]),
        (("stage", "cancel", "demo==2.0", "3"), ["3" * 16]),
        (("promote", "nothing"), []),
        (("stage", "open", ""), ["demo", "other"]),
    ],
    ids=" ".join,
)
def test_offered(
    monkeypatch: pytest.MonkeyPatch,
    stub_server: StubServer,
    words: tuple[str, ...],
    names: list[str],
) -> None:
    """Live stages are offered by their releases, those without a version by their ids."""
    stub_server.answers["/api/stages"] = STAGES

    assert offered(monkeypatch, stub_server.url, *words) == names
    assert stub_server.authorizations == ["Bearer stgu_x"]


@pytest.mark.parametrize("url", ["http://127.0.0.1:1", "nonsense"])
def test_no_server(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    """Without a server nothing is offered, and no error disturbs the command line."""
    assert offered(monkeypatch, url, "review", "de") == []


def test_every_stage_is_completed() -> None:
    """Every command with a STAGE completes it."""
    arguments = [
        (name, one)
        for name, command in commands().items()
        for one in command.params
        if isinstance(one, click.Argument) and one.name in {"stage", "stages"}
    ]
    assert len(arguments) > 10
    assert [name for name, one in arguments if one._custom_shell_complete is None] == []  # noqa: SLF001
