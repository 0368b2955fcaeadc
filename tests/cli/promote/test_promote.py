"""`stageproxy promote`: a stage planned, published by the server, and told of."""

import re
import signal
import threading
from pathlib import Path

import pytest

from tests.cli.desk import NOBODY, Desk, Ended, Stranger
from tests.cli.promote.releases import (
    LINUX,
    MACOS,
    NO_IDENTITY,
    WRONG,
    accepted,
    upload_outcomes,
    warned,
)
from tests.support.index.fake_index import FakeIndex
from tests.support.uploads.fake_uploads import UPLOAD_TOKEN, Lag
from tests.support.uploads.faults import Fault, Moment, Way


def test_published(desk: Desk, pypi: FakeIndex) -> None:
    """A release goes out whole: one wheel, the other wheels, the sdist; the receipt is printed."""
    files = desk.release(LINUX, MACOS)
    stage = desk.staged(*files)

    ended = desk.run("promote", stage["id"])

    assert (ended.code, ended.stderr) == (0, "")
    first, *_, last = accepted(pypi, desk)
    assert (first, last) == (files[1].name, files[2].name)
    assert sorted(accepted(pypi, desk)) == sorted(one.name for one in files)
    _, said = ended.stdout.split(f"{desk.project} 1.0 is published.\n")
    assert f"  Manifest  {stage['manifest-digest']}\n" in said
    assert re.search(r"  Approved  \d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ by [0-9a-f]{8}\n", said)
    for one in files:
        assert f"  {one.name}  sha256 {stage['files'][one.name]['hashes']['sha256']}\n" in said
        assert f"    {pypi.url}/packages/" in said


def test_document(desk: Desk, pypi: FakeIndex) -> None:
    """The document has all that there is to know in the end, and nothing else is printed."""
    stage = desk.staged(*desk.release())

    document = desk.json("promote", stage["links"]["stage"])

    assert list(document) == ["status", "promotion", "receipt", "plan"]
    assert document["status"] == document["promotion"]["status"] == "published"
    names = [one["filename"] for one in document["plan"]["files"]]
    assert names == [*document["receipt"]["files"]] == accepted(pypi, desk)


def test_each_change_is_told(desk: Desk, pypi: FakeIndex) -> None:
    """Who is no person at a terminal reads a line for each file that is sent, taken and seen."""
    [wheel] = files = (desk.wheel(),)
    stage = desk.staged(*files)
    pypi.uploads.lags[wheel.name] = Lag(pages=20)

    lines = desk.run("promote", stage["id"]).stdout.splitlines()

    told = [one for one in lines if one.startswith(f"{wheel.name} ")]
    assert told[-2:] == [
        f"{wheel.name} was accepted, but the index does not list it yet.",
        f"{wheel.name} is published.",
    ]


def test_published_already(desk: Desk, pypi: FakeIndex) -> None:
    """What is published prints its receipt again, by its id and its URL, and sends nothing."""
    stage = desk.staged()
    first = desk.json("promote", stage["id"])

    for name in (stage["id"], stage["links"]["stage"]):
        again = desk.json("promote", name)
        assert (again["receipt"], again["plan"]) == (first["receipt"], None)
    assert len(accepted(pypi, desk)) == 1


def test_two_commands(desk: Desk, pypi: FakeIndex) -> None:
    """Of two commands one publishes and the other follows; both end well, nothing goes twice."""
    stage = desk.staged(*desk.release(LINUX, MACOS))
    ended: list[Ended] = []
    commands = [
        threading.Thread(target=lambda: ended.append(desk.separately("promote", stage["id"])))
        for _ in range(2)
    ]

    for one in commands:
        one.start()
    for one in commands:
        one.join()

    assert [one.code for one in ended] == [0, 0], ended
    assert len(accepted(pypi, desk)) == 3


def test_goes_on(desk: Desk, pypi: FakeIndex) -> None:
    """A refusal half-way tells what is live and how to go on; the same command then goes on."""
    wheel, sdist = desk.release()
    stage = desk.staged(wheel, sdist)
    no = Fault(Moment.READ, Way.ANSWER, sdist.name, status=400, sentence="Not today.")
    pypi.uploads.faults.append(no)

    stopped = desk.run("promote", stage["id"])
    shown = desk.run("stage", "show", stage["id"]).stdout
    resumed = desk.run("promote", stage["id"])

    assert stopped.code == 1
    assert f"Error: {sdist.name} was refused: Not today." in stopped.stderr
    assert f"1 of 2 files are published: {wheel.name}." in stopped.stderr
    assert ("was not published completely" in shown, "Expires" in shown) == (True, False)
    assert f"1. {wheel.name}  {wheel.stat().st_size} bytes  (already published)" in resumed.stdout
    assert (resumed.code, accepted(pypi, desk)) == (0, [wheel.name, sdist.name])


def test_failure_as_document(desk: Desk, pypi: FakeIndex) -> None:
    """A promotion that stopped prints its document, too; the reason is on the error stream."""
    wheel = desk.wheel()
    stage = desk.staged(wheel)
    no = Fault(Moment.READ, Way.ANSWER, wheel.name, status=400, sentence="Not today.")
    pypi.uploads.faults.append(no)

    ended = desk.run("promote", stage["id"], "--json")

    document = ended.document
    assert (ended.code, document["status"], document["receipt"]) == (1, "error", None)
    assert ended.stderr == f"Error: {document['promotion']['reason']}\n"
    assert "Nothing was published" in document["promotion"]["reason"]


def test_interrupted(desk: Desk, pypi: FakeIndex) -> None:
    """Ctrl-C ends the command, says that the server goes on, and the server does."""
    wheel, sdist = desk.release()
    stage = desk.staged(wheel, sdist)
    pypi.uploads.faults.append(Fault(Moment.READ, Way.HANG, sdist.name, seconds=1))

    ended = desk.interrupted(
        signal.SIGINT,
        lambda: bool(upload_outcomes(pypi, sdist.name)),
        {"STAGEPROXY_SERVER": desk.url, "STAGEPROXY_TOKEN": desk.token},
        *("promote", stage["id"]),
    )

    assert (ended.code, "publishing continues" in ended.stderr) == (1, True)
    assert desk.run("promote", stage["id"]).code == 0
    assert accepted(pypi, desk) == [wheel.name, sdist.name]


def test_warnings_need_somebody(desk: Desk, pypi: FakeIndex) -> None:
    """Without --yes, warnings keep a release back where nobody can be asked; with it, it goes."""
    stage = warned(desk)

    kept_back = desk.run("promote", stage["id"])
    as_json = desk.run("promote", stage["id"], "--json")

    assert (kept_back.code, as_json.code, accepted(pypi, desk)) == (1, 1, [])
    assert "Warnings to acknowledge:\n" in kept_back.stdout
    assert "add --yes" in kept_back.stderr
    assert (as_json.stdout, "a different Requires-Dist" in as_json.stderr) == ("", True)
    promotion = desk.json("promote", stage["id"], "--yes")["promotion"]
    assert len(promotion["acknowledged"]) == 1


def test_asked_on_a_terminal(desk: Desk, pypi: FakeIndex) -> None:
    """Who sits at a terminal is asked about the warnings, and then sees bars."""
    stage = warned(desk)

    no, said = desk.at_a_terminal("n\n", "promote", stage["id"])
    sent_before = accepted(pypi, desk)
    yes, seen = desk.at_a_terminal("y\n", "promote", stage["id"])

    assert (no, "Publish anyway?" in said, sent_before) == (1, True, [])
    assert (yes, "\u2501" in seen, len(accepted(pypi, desk))) == (0, True, 2)


def test_credential_of_a_file(desk: Desk, tmp_path: Path) -> None:
    """A credential that is handed over counts for this promotion, and is not printed."""
    stage = desk.staged()
    token = tmp_path / "token"
    token.write_text(f"{WRONG}\n")

    ended = desk.run("promote", stage["id"], "--pypi-token-file", token)

    assert (ended.code, NO_IDENTITY in ended.stderr) == (1, True)
    assert WRONG not in ended.stdout + ended.stderr
    token.write_text(f"__token__:{UPLOAD_TOKEN}")
    assert desk.run("promote", stage["id"], "--pypi-token-file", token).code == 0


def test_credential_of_the_environment(desk: Desk) -> None:
    """The environment's goes to the server that was named, not where only a stage URL leads."""
    stage = desk.staged()
    own = {"STAGEPROXY_TOKEN": desk.token, "STAGEPROXY_PROMOTION__TOKEN": WRONG}
    url = stage["links"]["stage"]

    named = desk.run_with(own, "promote", url, "--server", desk.url)
    unnamed = desk.run_with(own, "promote", url)

    assert (named.code, NO_IDENTITY in named.stderr) == (1, True)
    assert (unnamed.code, "is not sent to" in unnamed.stderr) == (0, True)
    assert WRONG not in named.stderr + unnamed.stderr + unnamed.stdout


@pytest.mark.parametrize(
    "text", ["", "  \n", "two\nlines", ":"], ids=["empty", "blank", "lines", "nobody"]
)
def test_no_credential_in_the_file(desk: Desk, tmp_path: Path, text: str) -> None:
    """A file that has no credential is told of, and nothing of it is printed."""
    stage = desk.staged()
    token = tmp_path / "token"
    token.write_text(text)

    ended = desk.run("promote", stage["id"], "--pypi-token-file", token)

    assert (ended.code, "Could not read a credential from" in ended.stderr) == (1, True)


def test_upload_token_is_not_enough(desk: Desk, pypi: FakeIndex) -> None:
    """Whoever can fill a stage cannot publish it."""
    stage = desk.staged()

    ended = desk.run("promote", stage["id"], token=desk.new_token("upload"))

    assert (ended.code, accepted(pypi, desk)) == (1, [])
    assert "This API token cannot promote" in ended.stderr


def test_canceled(desk: Desk) -> None:
    """A stage that was canceled cannot be published any more."""
    stage = desk.staged()
    desk.json("stage", "cancel", stage["id"])

    ended = desk.run("promote", stage["id"])

    assert (ended.code, ": it was canceled." in ended.stderr) == (1, True)


def test_out_of_reach(offline: Desk) -> None:
    """Without a server the exit code is 3."""
    assert offline.run("promote", "id", "--server", NOBODY).code == 3


@pytest.mark.parametrize(
    "options",
    [("--manifest", "0", "--hashes", "-"), ("--config", __file__), ("--hashes", "nowhere")],
    ids=["two approvals", "settings of the server", "no file"],
)
def test_wrong_usage(desk: Desk, options: tuple[str, ...]) -> None:
    """What makes no sense is a mistake of the command line."""
    assert desk.run("promote", "id", *options).code == 2


def test_server_that_is_another(desk: Desk, stranger: Stranger) -> None:
    """A credential in the environment does not go where a link of a stranger leads."""
    told = {"STAGEPROXY_PROMOTION__TOKEN": WRONG}
    stranger.answers["/tmp/demo/token/"] = {"id": "1"}

    ended = desk.run_with(told, "promote", f"{stranger.url}/tmp/demo/token/")

    assert ended.code == 1
    assert set(stranger.authorizations) == {None}
