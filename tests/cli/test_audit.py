"""`stageproxy audit …`."""

import re

import pytest

from tests.cli.desk import Desk, Stranger

TOKEN_ID = r"[0-9a-f]{8}"


def test_show(desk: Desk) -> None:
    """Without `--json`, a line has the time, the token, the action and the details of an event."""
    stage = desk.staged()
    desk.run("upload", desk.wheel("9.0"), "--stage", stage["id"])

    ended = desk.run("audit", stage["id"])

    opened, uploaded, refused = ended.stdout.splitlines()
    when = r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d"
    assert re.fullmatch(rf"{when}  {TOKEN_ID}  opened              expires-at=\S+", opened)
    assert re.match(rf"{when}  {TOKEN_ID}  uploaded            filename=cli_demo\S+  ", uploaded)
    assert "method=POST  route=/tmp/{project}/***/legacy/  sentence=" in refused
    assert (ended.code, ended.stderr) == (0, "")


def test_show_as_a_document(desk: Desk) -> None:
    """The document lists every event of the stage in order."""
    stage = desk.staged()
    desk.json("stage", "rotate", stage["id"])

    events = desk.json("audit", stage["id"])["events"]

    assert [one["action"] for one in events] == ["opened", "uploaded", "rotated"]


@pytest.mark.parametrize(
    "typed",
    ["audit STAGE --json", "audit --json STAGE", "audit show STAGE --json", "audit URL --json"],
)
def test_spellings(desk: Desk, typed: str) -> None:
    """`show` can be omitted, and the stage can be named by its id or its URL."""
    stage = desk.staged()
    named = {"STAGE": stage["id"], "URL": stage["links"]["stage"]}

    ended = desk.run(*(named.get(one, one) for one in typed.split()))

    assert [one["action"] for one in ended.document["events"]] == ["opened", "uploaded"]


def test_ended_stage(desk: Desk) -> None:
    """An ended stage still has an audit trail."""
    stage = desk.staged()
    desk.json("stage", "cancel", stage["id"])

    assert desk.json("audit", stage["id"])["events"][-1]["action"] == "canceled"


@pytest.mark.parametrize(("can", "code"), [("upload", 1), ("manage", 0)])
def test_rights(desk: Desk, can: str, code: int) -> None:
    """An upload token cannot read the audit trail of a stage; a manage token can."""
    stage = desk.staged()

    assert desk.run("audit", stage["id"], token=desk.new_token(can)).code == code


def test_verify(desk: Desk) -> None:
    """An intact trail is verified, also with an earlier head."""
    head = desk.json("audit", "verify")["head"]
    desk.staged()

    ended = desk.run("audit", "verify", "--head", head)

    assert ended.code == 0
    assert re.fullmatch(
        r"Verified \d+ records: none was changed\.\nHead: [0-9a-f]{64}\n", ended.stdout
    )


def test_verify_with_a_missing_head(desk: Desk) -> None:
    """A trail without the expected head is broken: exit code 1, and the record."""
    records = desk.json("audit", "verify")["records"]

    ended = desk.run("audit", "verify", "--head", "0" * 64)

    assert (ended.code, ended.stdout) == (1, "")
    assert ended.stderr == (
        f"Broken at record {records + 1}: "
        "The expected head is not in the chain: records were removed or replaced.\n"
    )


def test_verify_needs_an_admin(desk: Desk) -> None:
    """Only an admin token can verify the trail."""
    ended = desk.run("audit", "verify", token=desk.new_token("manage"))

    assert (ended.code, ended.stderr) == (
        1,
        "Error: This API token cannot verify the audit trail.\n",
    )


def test_verify_with_a_malformed_head(desk: Desk) -> None:
    """A malformed head is reported as such, and not as a broken trail."""
    ended = desk.run("audit", "verify", "--head", "x")

    assert (ended.code, ended.stdout) == (1, "")
    assert ended.stderr == "Error: The head must be a digest of 64 hexadecimal digits.\n"


@pytest.mark.parametrize("arguments", [(), ("show",), ("verify", "--nonsense")], ids=str)
def test_usage(desk: Desk, arguments: tuple[str, ...]) -> None:
    """Without a stage, the exit code is 2."""
    ended = desk.run("audit", *arguments)

    assert (ended.code, ended.stdout) == (2, "")
    assert "Usage: stageproxy audit" in ended.stderr


def test_control_characters(desk: Desk, stranger: Stranger) -> None:
    """Control characters in values of clients are not sent to the terminal."""
    event = {"at": "2026-11-22T12:00:00.1Z", "actor": "t1", "action": "refused"}
    details = {"sentence": "\x1b[2Jgone\nnext\u202e"}
    stranger.answers["/api/stages/id/audit"] = {"events": [{**event, "details": details}]}

    ended = desk.run("audit", "id", "--server", stranger.url)

    assert (
        ended.stdout
        == "2026-11-22 12:00:00  t1        refused             sentence=?[2Jgone?next?\n"
    )
