"""`stageproxy promote --give-up`: ending a stage of which only a part is published."""

from pathlib import Path
from typing import Any

from tests.cli.promote.releases import accepted
from tests.support.clients.command_runner import CommandRunner, promotion_of
from tests.support.index.fake_index import FakeIndex
from tests.support.uploads.faults import Fault, FaultKind, FaultPoint


def partial(cli: CommandRunner, pypi: FakeIndex) -> tuple[Any, Path, Path]:
    """Return a stage whose wheel is published and whose sdist was refused, and both files."""
    wheel, sdist = cli.release()
    stage = cli.staged(wheel, sdist)
    no = Fault(FaultPoint.READ, FaultKind.ANSWER, sdist.name, (), status=400, sentence="No.")
    pypi.uploads.faults.append(no)
    assert cli.run(*promotion_of(stage)).code == 1
    pypi.uploads.faults.remove(no)
    return stage, wheel, sdist


def test_given_up(cli: CommandRunner, pypi: FakeIndex) -> None:
    """With `--yes`, the command gives up the rest and prints what is public and what is not."""
    stage, wheel, sdist = partial(cli, pypi)
    canceled = cli.run("stage", "cancel", stage["id"])

    given_up = cli.run("promote", stage["id"], "--give-up", "--yes")

    again = cli.run("promote", stage["id"])
    shown = cli.run("stage", "show", stage["id"])
    message = f"Public for ever: {wheel.name}. Not published: {sdist.name}."
    assert (canceled.code, "STAGE --give-up`" in canceled.stderr) == (1, True)
    assert (given_up.code, given_up.stderr) == (0, "")
    assert given_up.stdout.startswith("Given up by ")
    assert message in given_up.stdout
    assert message in shown.stdout
    assert (again.code, message in again.stderr) == (1, True)
    assert accepted(pypi, cli) == [wheel.name]
    assert cli.staged(sdist)["id"] != stage["id"]


def test_document(cli: CommandRunner, pypi: FakeIndex) -> None:
    """With `--json`, the document of a promotion is printed, with the status `canceled`."""
    stage, *_ = partial(cli, pypi)

    document = cli.json("promote", stage["id"], "--give-up", "--yes")

    assert list(document) == ["status", "promotion", "receipt", "plan"]
    assert (document["status"], document["receipt"], document["plan"]) == ("canceled", None, None)


def test_question(cli: CommandRunner, pypi: FakeIndex) -> None:
    """At a terminal, the command shows what is published and asks before it gives up."""
    stage, wheel, _ = partial(cli, pypi)

    no, printed = cli.run_in_terminal("n\n", "promote", stage["id"], "--give-up")
    kept = cli.json("stage", "show", stage["id"])["status"]
    yes, _ = cli.run_in_terminal("y\n", "promote", stage["id"], "--give-up")

    assert (no, kept, yes) == (1, "error", 0)
    assert f"1 of 2 files are published: {wheel.name}." in printed
    assert "Give up the files that are not published?" in printed
    assert "Error: Nothing was given up, because the answer was no." in printed
    assert cli.json("stage", "show", stage["id"])["status"] == "canceled"


def test_no_question_without_a_terminal(cli: CommandRunner) -> None:
    """Without a terminal, giving up needs `--yes`; other options contradict it: exit code 2."""
    for options in ([], ["--json"], ["--yes", "--stop"], ["--yes", "--dry-run"]):
        assert cli.run("promote", "id", "--give-up", *options).code == 2


def test_nothing_to_give_up(cli: CommandRunner) -> None:
    """A stage that was never promoted is not given up."""
    stage = cli.staged()

    ended = cli.run("promote", stage["id"], "--give-up", "--yes")

    assert (ended.code, "has not been promoted yet" in ended.stderr) == (1, True)
