"""`stageproxy promote`: the server publishes a stage, and the command reports it."""

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
    """One wheel, the other wheels and the sdist are published; the receipt is printed."""
    files = desk.release(LINUX, MACOS)
    stage = desk.staged(*files)

    ended = desk.run("promote", stage["id"])

    assert (ended.code, ended.stderr) == (0, "")
    first, *_, last = accepted(pypi, desk)
    assert (first, last) == (files[1].name, files[2].name)
    assert sorted(accepted(pypi, desk)) == sorted(one.name for one in files)
    _, printed = ended.stdout.split(f"{desk.project} 1.0 is published.\n")
    assert f"  Manifest  {stage['manifest-digest']}\n" in printed
    assert re.search(r"  Approved  \d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ by [0-9a-f]{8}\n", printed)
    for one in files:
        assert f"  {one.name}  sha256 {stage['files'][one.name]['hashes']['sha256']}\n" in printed
        assert f"    {pypi.url}/packages/" in printed


def test_document(desk: Desk, pypi: FakeIndex) -> None:
    """With `--json`, only the document is printed."""
    stage = desk.staged(*desk.release())

    document = desk.json("promote", stage["links"]["stage"])

    assert list(document) == ["status", "promotion", "receipt", "plan"]
    assert document["status"] == document["promotion"]["status"] == "published"
    names = [one["filename"] for one in document["plan"]["files"]]
    assert names == [*document["receipt"]["files"]] == accepted(pypi, desk)


def test_lines_of_changes(desk: Desk, pypi: FakeIndex) -> None:
    """Without a terminal, a line is printed for each change of a file."""
    [wheel] = files = (desk.wheel(),)
    stage = desk.staged(*files)
    pypi.uploads.lags[wheel.name] = Lag(pages=20)

    lines = desk.run("promote", stage["id"]).stdout.splitlines()

    changes = [one for one in lines if one.startswith(f"{wheel.name} ")]
    assert changes[-2:] == [
        f"{wheel.name} was accepted, but the index does not list it yet.",
        f"{wheel.name} is published.",
    ]


def test_published_already(desk: Desk, pypi: FakeIndex) -> None:
    """A published stage, named by id or URL, prints its receipt again and sends nothing."""
    stage = desk.staged()
    first = desk.json("promote", stage["id"])

    for name in (stage["id"], stage["links"]["stage"]):
        again = desk.json("promote", name)
        assert (again["receipt"], again["plan"]) == (first["receipt"], None)
    assert len(accepted(pypi, desk)) == 1


def test_two_commands(desk: Desk, pypi: FakeIndex) -> None:
    """If two commands run, one publishes and the other follows; no file is sent twice."""
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


def test_resumed(desk: Desk, pypi: FakeIndex) -> None:
    """If a file is refused, the command lists the published files, and resumes when run again."""
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
    """A failed promotion prints its document, and the reason on stderr."""
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
    """Ctrl-C ends the command; the server continues to publish."""
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


def test_warnings_without_a_terminal(desk: Desk, pypi: FakeIndex) -> None:
    """Without a terminal, a release with warnings is published only with `--yes`."""
    stage = warned(desk)

    stopped = desk.run("promote", stage["id"])
    as_json = desk.run("promote", stage["id"], "--json")

    assert (stopped.code, as_json.code, accepted(pypi, desk)) == (1, 1, [])
    assert "Warnings to acknowledge:\n" in stopped.stdout
    assert "add --yes" in stopped.stderr
    assert (as_json.stdout, "a different Requires-Dist" in as_json.stderr) == ("", True)
    promotion = desk.json("promote", stage["id"], "--yes")["promotion"]
    assert len(promotion["acknowledged"]) == 1


def test_warnings_on_a_terminal(desk: Desk, pypi: FakeIndex) -> None:
    """On a terminal the command asks about warnings, and then shows progress bars."""
    stage = warned(desk)

    no, printed = desk.at_a_terminal("n\n", "promote", stage["id"])
    sent_before = accepted(pypi, desk)
    yes, output = desk.at_a_terminal("y\n", "promote", stage["id"])

    assert (no, "Publish anyway?" in printed, sent_before) == (1, True, [])
    assert (yes, "\u2501" in output, len(accepted(pypi, desk))) == (0, True, 2)


def test_credential_from_a_file(desk: Desk, tmp_path: Path) -> None:
    """A credential from a file is used for this promotion, and is not printed."""
    stage = desk.staged()
    token = tmp_path / "token"
    token.write_text(f"{WRONG}\n")

    ended = desk.run("promote", stage["id"], "--pypi-token-file", token)

    assert (ended.code, NO_IDENTITY in ended.stderr) == (1, True)
    assert WRONG not in ended.stdout + ended.stderr
    token.write_text(f"__token__:{UPLOAD_TOKEN}")
    assert desk.run("promote", stage["id"], "--pypi-token-file", token).code == 0


def test_credential_from_the_environment(desk: Desk) -> None:
    """The environment's credential is sent to the server of `--server`, not to that of a URL."""
    stage = desk.staged()
    own = {"STAGEPROXY_TOKEN": desk.token, "STAGEPROXY_PROMOTION__TOKEN": WRONG}
    url = stage["links"]["stage"]

    named = desk.run_with(own, "promote", url, "--server", desk.url)
    unnamed = desk.run_with(own, "promote", url)

    assert (named.code, NO_IDENTITY in named.stderr) == (1, True)
    assert (unnamed.code, "is not sent to" in unnamed.stderr) == (0, True)
    assert WRONG not in named.stderr + unnamed.stderr + unnamed.stdout


@pytest.mark.parametrize(
    "text", ["", "  \n", "two\nlines", ":"], ids=["empty", "blank", "lines", "no user"]
)
def test_no_credential_in_the_file(desk: Desk, tmp_path: Path, text: str) -> None:
    """A file without a credential is an error."""
    stage = desk.staged()
    token = tmp_path / "token"
    token.write_text(text)

    ended = desk.run("promote", stage["id"], "--pypi-token-file", token)

    assert (ended.code, "Could not read a credential from" in ended.stderr) == (1, True)


def test_upload_token_is_not_enough(desk: Desk, pypi: FakeIndex) -> None:
    """An upload token cannot promote a stage."""
    stage = desk.staged()

    ended = desk.run("promote", stage["id"], token=desk.new_token("upload"))

    assert (ended.code, accepted(pypi, desk)) == (1, [])
    assert "This API token cannot promote" in ended.stderr


def test_canceled(desk: Desk) -> None:
    """A canceled stage cannot be published."""
    stage = desk.staged()
    desk.json("stage", "cancel", stage["id"])

    ended = desk.run("promote", stage["id"])

    assert (ended.code, ": it was canceled." in ended.stderr) == (1, True)


def test_out_of_reach(offline: Desk) -> None:
    """If no server answers, the exit code is 3."""
    assert offline.run("promote", "id", "--server", NOBODY).code == 3


@pytest.mark.parametrize(
    "options",
    [("--manifest", "0", "--hashes", "-"), ("--config", __file__), ("--hashes", "nowhere")],
    ids=["two approvals", "settings of the server", "no file"],
)
def test_wrong_usage(desk: Desk, options: tuple[str, ...]) -> None:
    """Options that contradict each other, and a missing file, are usage errors: exit code 2."""
    assert desk.run("promote", "id", *options).code == 2


def test_credential_stays_from_other_servers(desk: Desk, stranger: Stranger) -> None:
    """The environment's credential is not sent to the server of a stage URL."""
    environment = {"STAGEPROXY_PROMOTION__TOKEN": WRONG}
    stranger.answers["/tmp/demo/token/"] = {"id": "1"}

    ended = desk.run_with(environment, "promote", f"{stranger.url}/tmp/demo/token/")

    assert ended.code == 1
    assert set(stranger.authorizations) == {None}
