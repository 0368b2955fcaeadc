"""`stageproxy promote`: the server publishes a stage, and the command reports it."""

import re
import signal
import threading
from pathlib import Path

import pytest

from tests.cli.promote.releases import (
    LINUX,
    MACOS,
    NO_IDENTITY,
    WRONG,
    accepted,
    upload_outcomes,
    warned,
)
from tests.support.clients.command_runner import UNUSED_URL, CommandRunner, promotion_of
from tests.support.index.fake_index import FakeIndex
from tests.support.servers.processes import CommandResult
from tests.support.servers.stub_server import StubServer
from tests.support.uploads.fake_uploads import UPLOAD_TOKEN, Lag
from tests.support.uploads.faults import Fault, FaultKind, FaultPoint


def test_published(cli: CommandRunner, pypi: FakeIndex) -> None:
    """One wheel, the other wheels and the sdist are published; the receipt is printed."""
    files = cli.release(LINUX, MACOS)
    stage = cli.staged(*files)

    ended = cli.run(*promotion_of(stage))

    assert (ended.code, ended.stderr) == (0, "")
    first, *_, last = accepted(pypi, cli)
    assert (first, last) == (files[1].name, files[2].name)
    assert sorted(accepted(pypi, cli)) == sorted(one.name for one in files)
    _, printed = ended.stdout.split(f"{cli.project} 1.0 is published.\n")
    assert f"  Manifest  {stage['manifest-digest']}\n" in printed
    assert re.search(
        r"  Approved  \d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ by admin \([0-9a-f]{8}\)\n", printed
    )
    for one in files:
        assert f"  {one.name}  sha256 {stage['files'][one.name]['hashes']['sha256']}\n" in printed
        assert f"    {pypi.url}/packages/" in printed


def test_document(cli: CommandRunner, pypi: FakeIndex) -> None:
    """With `--json`, only the document is printed."""
    stage = cli.staged(*cli.release())

    document = cli.json("promote", stage["links"]["stage"], *promotion_of(stage)[2:])

    assert list(document) == ["status", "promotion", "receipt", "plan"]
    assert document["status"] == document["promotion"]["status"] == "published"
    names = [one["filename"] for one in document["plan"]["files"]]
    assert names == [*document["receipt"]["files"]] == accepted(pypi, cli)


def test_lines_of_changes(cli: CommandRunner, pypi: FakeIndex) -> None:
    """Without a terminal, a line is printed for each change of a file."""
    [wheel] = files = (cli.wheel(),)
    stage = cli.staged(*files)
    pypi.uploads.lags[wheel.name] = Lag(pages=20)

    lines = cli.run(*promotion_of(stage)).stdout.splitlines()

    changes = [one for one in lines if one.startswith(f"{wheel.name} ")]
    assert changes[-2:] == [
        f"{wheel.name} was accepted, but the index does not list it yet.",
        f"{wheel.name} is published.",
    ]


def test_published_already(cli: CommandRunner, pypi: FakeIndex) -> None:
    """A published stage, named by id or URL, prints its receipt again and sends nothing."""
    stage = cli.staged()
    first = cli.json(*promotion_of(stage))

    for name in (stage["id"], stage["links"]["stage"]):
        again = cli.json("promote", name)
        assert (again["receipt"], again["plan"]) == (first["receipt"], None)
    assert len(accepted(pypi, cli)) == 1


def test_two_commands(cli: CommandRunner, pypi: FakeIndex) -> None:
    """If two commands run, one publishes and the other follows; no file is sent twice."""
    stage = cli.staged(*cli.release(LINUX, MACOS))
    ended: list[CommandResult] = []
    commands = [
        threading.Thread(target=lambda: ended.append(cli.run_in_process(*promotion_of(stage))))
        for _ in range(2)
    ]

    for one in commands:
        one.start()
    for one in commands:
        one.join()

    assert [one.code for one in ended] == [0, 0], ended
    assert len(accepted(pypi, cli)) == 3


def test_resumed(cli: CommandRunner, pypi: FakeIndex) -> None:
    """If a file is refused, the command lists the published files, and resumes when run again."""
    wheel, sdist = cli.release()
    stage = cli.staged(wheel, sdist)
    no = Fault(FaultPoint.READ, FaultKind.ANSWER, sdist.name, status=400, sentence="Not today.")
    pypi.uploads.faults.append(no)

    stopped = cli.run(*promotion_of(stage))
    shown = cli.run("stage", "show", stage["id"]).stdout
    resumed = cli.run("promote", stage["id"])

    assert stopped.code == 1
    assert f"Error: {sdist.name} was refused: Not today." in stopped.stderr
    assert f"1 of 2 files are published: {wheel.name}." in stopped.stderr
    assert ("was not published completely" in shown, "Expires" in shown) == (True, False)
    assert f"1. {wheel.name}  {wheel.stat().st_size} bytes  (already published)" in resumed.stdout
    assert (resumed.code, accepted(pypi, cli)) == (0, [wheel.name, sdist.name])


def test_failure_as_document(cli: CommandRunner, pypi: FakeIndex) -> None:
    """A failed promotion prints its document, and the reason on stderr."""
    wheel = cli.wheel()
    stage = cli.staged(wheel)
    no = Fault(FaultPoint.READ, FaultKind.ANSWER, wheel.name, status=400, sentence="Not today.")
    pypi.uploads.faults.append(no)

    ended = cli.run(*promotion_of(stage), "--json")

    document = ended.document
    assert (ended.code, document["status"], document["receipt"]) == (1, "error", None)
    assert ended.stderr == f"Error: {document['promotion']['reason']}\n"
    assert "Nothing was published" in document["promotion"]["reason"]


def test_interrupted(cli: CommandRunner, pypi: FakeIndex) -> None:
    """Ctrl-C ends the command; the server continues to publish."""
    wheel, sdist = cli.release()
    stage = cli.staged(wheel, sdist)
    pypi.uploads.faults.append(Fault(FaultPoint.READ, FaultKind.HANG, sdist.name, seconds=3))

    ended = cli.run_and_signal(
        signal.SIGINT,
        lambda: bool(upload_outcomes(pypi, sdist.name)),
        {"STAGEPROXY_SERVER": cli.url, "STAGEPROXY_TOKEN": cli.token},
        *promotion_of(stage),
    )

    assert (ended.code, "publishing continues" in ended.stderr) == (1, True)
    assert cli.run("promote", stage["id"]).code == 0
    assert accepted(pypi, cli) == [wheel.name, sdist.name]


def test_warnings_without_a_terminal(cli: CommandRunner, pypi: FakeIndex) -> None:
    """Without a terminal, a release with warnings is published only with `--yes`."""
    stage = warned(cli)

    stopped = cli.run(*promotion_of(stage))
    as_json = cli.run(*promotion_of(stage), "--json")

    assert (stopped.code, as_json.code, accepted(pypi, cli)) == (1, 1, [])
    assert "Warnings to acknowledge:\n" in stopped.stdout
    assert "add --yes" in stopped.stderr
    assert (as_json.stdout, "a different Requires-Dist" in as_json.stderr) == ("", True)
    promotion = cli.json(*promotion_of(stage), "--yes")["promotion"]
    assert len(promotion["acknowledged"]) == 1


def test_warnings_on_a_terminal(cli: CommandRunner, pypi: FakeIndex) -> None:
    """On a terminal the command shows warnings, asks, and then shows progress bars."""
    stage = warned(cli)

    no, printed = cli.run_in_terminal("n\n", "promote", stage["id"])
    sent_before = accepted(pypi, cli)
    yes, output = cli.run_in_terminal("y\n", "promote", stage["id"])

    assert (no, "? [y/N]: " in printed, sent_before) == (1, True, [])
    assert (yes, "\u2501" in output, len(accepted(pypi, cli))) == (0, True, 2)


def test_credential_from_a_file(cli: CommandRunner, tmp_path: Path) -> None:
    """A credential from a file is used for this promotion, and is not printed."""
    stage = cli.staged()
    token = tmp_path / "token"
    token.write_text(f"{WRONG}\n")

    ended = cli.run(*promotion_of(stage), "--pypi-token-file", token)

    assert (ended.code, NO_IDENTITY in ended.stderr) == (1, True)
    assert WRONG not in ended.stdout + ended.stderr
    token.write_text(f"__token__:{UPLOAD_TOKEN}")
    assert cli.run(*promotion_of(stage), "--pypi-token-file", token).code == 0


def test_credential_from_the_environment(cli: CommandRunner) -> None:
    """The environment's credential is sent to the server of `--server`, not to that of a URL."""
    stage = cli.staged()
    own = {"STAGEPROXY_TOKEN": cli.token, "STAGEPROXY_PROMOTION__TOKEN": WRONG}
    url = stage["links"]["stage"]

    approval = promotion_of(stage)[2:]
    named = cli.run_in_environment(own, "promote", url, *approval, "--server", cli.url)
    unnamed = cli.run_in_environment(own, "promote", url, *approval)

    assert (named.code, NO_IDENTITY in named.stderr) == (1, True)
    assert (unnamed.code, "is not sent to" in unnamed.stderr) == (0, True)
    assert WRONG not in named.stderr + unnamed.stderr + unnamed.stdout


@pytest.mark.parametrize(
    "text", ["", "  \n", "two\nlines", ":"], ids=["empty", "blank", "lines", "no user"]
)
def test_no_credential_in_the_file(cli: CommandRunner, tmp_path: Path, text: str) -> None:
    """A file without a credential is an error."""
    stage = cli.staged()
    token = tmp_path / "token"
    token.write_text(text)

    ended = cli.run(*promotion_of(stage), "--pypi-token-file", token)

    assert (ended.code, "Could not read a credential from" in ended.stderr) == (1, True)


def test_upload_token_is_not_enough(cli: CommandRunner, pypi: FakeIndex) -> None:
    """An upload token cannot promote a stage."""
    stage = cli.staged()

    ended = cli.run(*promotion_of(stage), token=cli.new_token("upload"))

    assert (ended.code, accepted(pypi, cli)) == (1, [])
    assert "This API token cannot promote" in ended.stderr


def test_canceled(cli: CommandRunner) -> None:
    """A canceled stage cannot be published."""
    stage = cli.staged()
    cli.json("stage", "cancel", stage["id"])

    ended = cli.run(*promotion_of(stage))

    assert (ended.code, ": it was canceled." in ended.stderr) == (1, True)


def test_out_of_reach(offline: CommandRunner) -> None:
    """If no server answers, the exit code is 3."""
    assert offline.run("promote", "id", "--server", UNUSED_URL).code == 3


@pytest.mark.parametrize(
    "options",
    [("--manifest", "0", "--hashes", "-"), ("--config", __file__), ("--hashes", "nowhere")],
    ids=["two approvals", "settings of the server", "no file"],
)
def test_wrong_usage(cli: CommandRunner, options: tuple[str, ...]) -> None:
    """Options that contradict each other, and a missing file, are usage errors: exit code 2."""
    assert cli.run("promote", "id", *options).code == 2


def test_credential_stays_from_other_servers(cli: CommandRunner, stub_server: StubServer) -> None:
    """The environment's credential is not sent to the server of a stage URL."""
    environment = {"STAGEPROXY_PROMOTION__TOKEN": WRONG}
    stub_server.answers["/tmp/demo/token/"] = {"id": "1"}

    ended = cli.run_in_environment(environment, "promote", f"{stub_server.url}/tmp/demo/token/")

    assert ended.code == 1
    assert set(stub_server.authorizations) == {None}
