"""`stageproxy promote --stop`: stopping a promotion that another command follows."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from random import randbytes

import pytest

from tests.cli.promote.releases import LINUX, MACOS, accepted
from tests.support.builders.distributions import a_wheel
from tests.support.clients.command_runner import CommandRunner, promotion_environment, promotion_of
from tests.support.index.fake_index import FakeIndex
from tests.support.index.history import Attempt
from tests.support.servers.processes import CommandResult
from tests.support.uploads.fake_uploads import MOMENT

LARGE = 12_000_000
"""The size of a wheel of which a half does not fit into the buffers of a connection."""

SECONDS = 1.0
"""How long the index takes to accept a file. Meanwhile the file is being sent."""


@pytest.fixture
def slow(pypi: FakeIndex) -> Iterator[FakeIndex]:
    """Return the index, which takes its time to accept files."""
    pypi.uploads.processing = SECONDS
    yield pypi
    pypi.uploads.processing = MOMENT


@contextmanager
def promoting(
    cli: CommandRunner,
    pypi: FakeIndex,
    *arguments: str,
    has_come: Callable[[Attempt], bool] = lambda one: one.sha256 != "",
) -> Iterator[list[CommandResult]]:
    """Run a command in another process, and start the block when an upload *has come* so far."""
    ended: list[CommandResult] = []
    before = len(pypi.uploads.history.attempts)
    command = threading.Thread(target=lambda: ended.append(cli.run_in_process(*arguments)))
    command.start()
    while not any(map(has_come, pypi.uploads.history.attempts[before:])):
        assert not ended, ended
        time.sleep(0.01)
    yield ended
    command.join()


def test_stop_while_a_file_is_sent(cli: CommandRunner, slow: FakeIndex) -> None:
    """The file that is being sent is completed, no other is sent, and both commands say so."""
    files = cli.release(LINUX, MACOS)
    stage = cli.staged(*files)

    with promoting(cli, slow, *promotion_of(stage)) as ended:
        stopped = cli.run("promote", stage["id"], "--stop")

    first = files[1].name
    assert accepted(slow, cli) == [first]
    assert stopped.code == 0
    assert stopped.stdout.splitlines()[-1].startswith("Stopped by ")
    assert "0 of 3 files are published." in stopped.stdout
    assert f"Accepted, but not listed by the index yet: {first}." in stopped.stdout
    assert "The promotion stops once" in stopped.stderr
    [promote] = ended
    assert (promote.code, "Error: Stopped by " in promote.stderr) == (1, True)
    assert cli.run("promote", stage["id"]).code == 0
    assert len(accepted(slow, cli)) == 3


def test_stop_in_the_middle_of_a_large_wheel(cli: CommandRunner, pypi: FakeIndex) -> None:
    """A wheel of which only a half was sent is sent to its end, with all of its bytes."""
    large = a_wheel(cli.project, tag="cp311-cp311-win_amd64", extra={"noise": randbytes(LARGE)})
    stage = cli.staged(cli.save(large), *cli.release())
    pypi.uploads.halfway = SECONDS

    def is_named(attempt: Attempt) -> bool:
        return attempt.filename == large.filename

    with promoting(cli, pypi, *promotion_of(stage), has_come=is_named):
        before = [one.sha256 for one in pypi.uploads.history.attempts if is_named(one)]
        stopped = cli.json("promote", stage["id"], "--stop")
    pypi.uploads.halfway = 0

    [attempt] = (one for one in pypi.uploads.history.attempts if is_named(one))
    assert before == [""]
    assert (attempt.sha256, attempt.answer) == (large.sha256, "200")
    assert accepted(pypi, cli) == [large.filename]
    assert stopped["status"] == "error"


def test_stop_of_a_promotion_from_here(cli: CommandRunner, slow: FakeIndex) -> None:
    """A promotion that runs on a client stops after the file that the client is sending."""
    stage = cli.staged(*cli.release(LINUX, MACOS))
    settings = promotion_environment(slow)
    config = cli.folder / "here.toml"
    config.write_text(
        f'[promotion]\nrepository_url = "{settings["PROMOTION__REPOSITORY_URL"]}"\n'
        f'index_url = "{settings["PROMOTION__INDEX_URL"]}"\n'
        f'token = "{settings["PROMOTION__TOKEN"]}"\npoll = "0.05s"\n'
    )

    with promoting(cli, slow, *promotion_of(stage), "--here", "--config", str(config)) as ended:
        document = cli.run("promote", stage["id"], "--stop", "--json").document

    assert len(accepted(slow, cli)) == 1
    assert list(document) == ["status", "promotion", "receipt", "plan"]
    assert (document["status"], document["receipt"]) == ("error", None)
    assert document["promotion"]["stop-requested-by"] == document["promotion"]["approved-by"]
    [promote] = ended
    assert (promote.code, "Error: Stopped by " in promote.stderr) == (1, True)


def test_nothing_to_stop(cli: CommandRunner) -> None:
    """A stage that is not being published cannot be stopped."""
    stage = cli.staged()

    ended = cli.run("promote", stage["id"], "--stop")

    assert (ended.code, "is open and cannot be stopped" in ended.stderr) == (1, True)


def test_stop_with_other_options(cli: CommandRunner) -> None:
    """Stopping takes no other options: exit code 2."""
    for options in (["--dry-run"], ["--here"], ["--manifest", "0"], ["--yes"]):
        assert cli.run("promote", "id", "--stop", *options).code == 2
