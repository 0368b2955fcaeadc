"""Tables, colors and hints at a terminal, and plain lines for scripts everywhere else."""

import re

import pytest

from tests.support.clients.command_runner import CommandRunner

STYLES = re.compile(r"\x1b\[[0-9;]*m")


def shown(cli: CommandRunner, *arguments: str) -> str:
    """Return what a person sees at a terminal, without styles."""
    code, output = cli.run_in_terminal("", *arguments)
    assert code == 0
    return STYLES.sub("", output)


def test_list_of_stages(cli: CommandRunner) -> None:
    """At a terminal the list is a table with a heading, and the next step follows."""
    stage = cli.staged()

    text = shown(cli, "stage", "list", "--project", cli.project)

    header, _line, row, *_ = text.splitlines()
    assert header.split() == ["Id", "Status", "Expires", "Files", "Release"]
    assert row.split()[:2] == [stage["id"], "open"]
    assert row.split()[4:] == ["1", cli.project, "1.0"]
    assert text.splitlines()[-1] == f"  stageproxy stage show {stage['id']}"


def test_lines_for_scripts(cli: CommandRunner) -> None:
    """Elsewhere a stage is a line that a script can read, without a heading or a hint."""
    stage = cli.staged()

    (line,) = cli.run("stage", "list", "--project", cli.project).stdout.splitlines()

    assert line.split()[:2] == [stage["id"], "open"]
    assert line.split()[-1] == stage["links"]["stage"]


@pytest.mark.parametrize(
    ("arguments", "header"),
    [
        (("token", "list"), "Id Name Can Until Project"),
        (("audit", "STAGE"), "When Who What Details"),
        (("limits",), "Of Setting Used Limit"),
    ],
    ids=["tokens", "audit", "limits"],
)
def test_other_tables(cli: CommandRunner, arguments: tuple[str, ...], header: str) -> None:
    """Tokens, events and limits are tables at a terminal, too."""
    stage = cli.staged()

    text = shown(cli, *(one.replace("STAGE", stage["id"]) for one in arguments))

    assert text.splitlines()[0].split() == header.split()


def test_no_color(cli: CommandRunner, monkeypatch: pytest.MonkeyPatch) -> None:
    """With NO_COLOR, the output at a terminal is the plain one."""
    monkeypatch.setenv("NO_COLOR", "1")
    stage = cli.staged()

    code, text = cli.run_in_terminal("", "stage", "list", "--project", cli.project)

    assert code == 0
    assert "\x1b" not in text
    assert text.split()[:2] == [stage["id"], "open"]


def test_colors_of_a_verdict(cli: CommandRunner) -> None:
    """At a terminal the marks of a verdict have colors, and the next step is named."""
    wheel = cli.wheel()

    code, text = cli.run_in_terminal("", "check", str(wheel))

    assert code == 0
    assert f"\x1b[32mok       \x1b[0m{wheel.name}" in text
    assert text.rstrip().endswith("stageproxy upload FILE…")
    assert "\x1b" not in cli.run("check", wheel).stdout


def test_review_is_the_next_step(cli: CommandRunner) -> None:
    """An upload ends with the commands that review and publish the stage."""
    ended = cli.run("upload", cli.wheel())

    review, publish = (one for one in ended.stdout.splitlines() if one.startswith("  stageproxy "))
    assert review.startswith("  stageproxy review http")
    assert publish.startswith("  stageproxy promote http")


def test_next_step_of_a_dry_run(cli: CommandRunner) -> None:
    """A dry run ends with the command that publishes exactly these files."""
    stage = cli.staged()

    text = shown(cli, "promote", stage["id"], "--dry-run")

    assert f"--manifest {stage['manifest-digest']}" in text.splitlines()[-1]
    assert "--manifest" not in cli.run("promote", stage["id"], "--dry-run").stdout
