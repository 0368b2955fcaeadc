"""`stageproxy wait`."""

import asyncio
import threading

import pytest
from aiohttp import ClientSession, FormData

from tests.support.builders.distributions import Distribution, a_wheel, upload_form
from tests.support.clients.command_runner import CommandRunner


def upload(cli: CommandRunner, wheel: Distribution) -> None:
    """Upload a file as another client does, from another thread."""

    async def post() -> None:
        form = FormData(upload_form(wheel))
        form.add_field("content", wheel.content, filename=wheel.filename)
        headers = {"Authorization": f"Bearer {cli.token}"}
        async with (
            ClientSession(headers=headers) as session,
            session.post(f"{cli.url}/legacy/", data=form) as response,
        ):
            assert response.status == 200

    asyncio.run(post())


def test_enough_files(cli: CommandRunner) -> None:
    """If enough files are uploaded, the command ends at once; the document is the stage."""
    stage = cli.staged()

    document = cli.json("wait", stage["id"], "--files", "1")

    assert (document["id"], document["files"]) == (stage["id"], stage["files"])


def test_wait_for_an_upload(cli: CommandRunner) -> None:
    """The command ends when the last file is uploaded, and prints how many there are."""
    stage = cli.json("stage", "open", cli.project, "1.0")
    later = threading.Timer(0.5, upload, (cli, a_wheel(cli.project)))
    later.start()

    ended = cli.run("wait", stage["links"]["stage"], "--files", "1", "--timeout", "1m")
    later.join()

    assert (ended.code, ended.stdout) == (0, "1 of 1 files are uploaded.\n")


def test_timeout(cli: CommandRunner) -> None:
    """After the timeout, the exit code is 1, and the number of files is printed."""
    stage = cli.staged()

    ended = cli.run("wait", stage["id"], "--files", "2", "--timeout", "1s", "--json")

    assert (ended.code, ended.stdout) == (1, "")
    assert ended.stderr == (
        "Error: Timed out: 1 of 2 files are uploaded. "
        "Run the command again, or give it more time with --timeout.\n"
    )


def test_ended_stage(cli: CommandRunner) -> None:
    """For an ended stage, the command fails at once."""
    stage = cli.staged()
    cli.json("stage", "cancel", stage["id"])

    for name in (stage["id"], stage["links"]["stage"]):
        ended = cli.run("wait", name, "--files", "2")
        assert ended.code == 1
        assert "it was canceled." in ended.stderr.lower()


@pytest.mark.parametrize(
    "options",
    [(), ("--files", "0"), ("--files", "1", "--timeout", "soon")],
    ids=["no number", "nothing", "no time"],
)
def test_wrong_usage(cli: CommandRunner, options: tuple[str, ...]) -> None:
    """A missing or invalid option is a usage error: exit code 2."""
    assert cli.run("wait", "id", *options).code == 2
