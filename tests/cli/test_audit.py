"""`stageproxy audit …`."""

import re

import pytest

from tests.support.clients.command_runner import CommandRunner
from tests.support.servers.stub_server import StubServer

ADMIN = r"admin \([0-9a-f]{8}\)"


def test_show(cli: CommandRunner) -> None:
    """Without `--json`, a line has the time, the token's name and id, the action and details."""
    stage = cli.staged()
    cli.run("upload", cli.wheel("9.0"), "--stage", stage["id"])

    ended = cli.run("audit", stage["id"])

    opened, uploaded, refused = ended.stdout.splitlines()
    when = r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d"
    assert re.fullmatch(rf"{when}  {ADMIN} +opened              expires-at=\S+", opened)
    assert re.match(rf"{when}  {ADMIN} +uploaded            filename=cli_demo\S+  ", uploaded)
    assert "method=POST  route=/tmp/{project}/***/legacy/  sentence=" in refused
    assert (ended.code, ended.stderr) == (0, "")


def test_show_as_a_document(cli: CommandRunner) -> None:
    """The document lists every event of the stage in order."""
    stage = cli.staged()
    cli.json("stage", "rotate", stage["id"])

    events = cli.json("audit", stage["id"])["events"]

    assert [one["action"] for one in events] == ["opened", "uploaded", "rotated"]


@pytest.mark.parametrize(
    "typed",
    ["audit STAGE --json", "audit --json STAGE", "audit show STAGE --json", "audit URL --json"],
)
def test_spellings(cli: CommandRunner, typed: str) -> None:
    """`show` can be omitted, and the stage can be named by its id or its URL."""
    stage = cli.staged()
    named = {"STAGE": stage["id"], "URL": stage["links"]["stage"]}

    ended = cli.run(*(named.get(one, one) for one in typed.split()))

    assert [one["action"] for one in ended.document["events"]] == ["opened", "uploaded"]


def test_ended_stage(cli: CommandRunner) -> None:
    """An ended stage still has an audit trail."""
    stage = cli.staged()
    cli.json("stage", "cancel", stage["id"])

    assert cli.json("audit", stage["id"])["events"][-1]["action"] == "canceled"


@pytest.mark.parametrize(("can", "code"), [("upload", 1), ("manage", 0)])
def test_rights(cli: CommandRunner, can: str, code: int) -> None:
    """An upload token cannot read the audit trail of a stage; a manage token can."""
    stage = cli.staged()

    assert cli.run("audit", stage["id"], token=cli.new_token(can)).code == code


def test_verify(cli: CommandRunner) -> None:
    """An intact trail is verified, also with an earlier head."""
    head = cli.json("audit", "verify")["head"]
    cli.staged()

    ended = cli.run("audit", "verify", "--head", head)

    assert ended.code == 0
    assert re.fullmatch(
        r"Verified \d+ records: none was changed\.\nHead: [0-9a-f]{64}\n", ended.stdout
    )


def test_verify_with_a_missing_head(cli: CommandRunner) -> None:
    """A trail without the expected head is broken: exit code 1, and the record."""
    records = cli.json("audit", "verify")["records"]

    ended = cli.run("audit", "verify", "--head", "0" * 64)

    assert (ended.code, ended.stdout) == (1, "")
    assert ended.stderr == (
        f"Broken at record {records + 1}: "
        "The expected head is not in the chain: records were removed or replaced.\n"
    )


def test_verify_needs_an_admin(cli: CommandRunner) -> None:
    """Only an admin token can verify the trail."""
    ended = cli.run("audit", "verify", token=cli.new_token("manage"))

    assert ended.code == 1
    assert ended.stderr.startswith("Error: This API token cannot verify the audit trail.\n")


def test_verify_with_a_malformed_head(cli: CommandRunner) -> None:
    """A malformed head is reported as such, and not as a broken trail."""
    ended = cli.run("audit", "verify", "--head", "x")

    assert (ended.code, ended.stdout) == (1, "")
    assert ended.stderr == "Error: The head must be a digest of 64 hexadecimal digits.\n"


@pytest.mark.parametrize(
    "arguments", [(), ("show",), ("id", "--tokens"), ("verify", "--nonsense")], ids=str
)
def test_usage(cli: CommandRunner, arguments: tuple[str, ...]) -> None:
    """Without a stage, the exit code is 2."""
    ended = cli.run("audit", *arguments)

    assert (ended.code, ended.stdout) == (2, "")
    assert "Usage: stageproxy audit" in ended.stderr


def test_control_characters(cli: CommandRunner, stub_server: StubServer) -> None:
    """Control characters in values of clients are not sent to the terminal."""
    event = {"at": "2026-11-22T12:00:00.1Z", "actor": "t1", "action": "refused"}
    details = {"sentence": "\x1b[2Jgone\nnext\u202e"}
    stub_server.answers["/api/stages/0123456789abcdef/audit"] = {
        "events": [{**event, "details": details}]
    }

    ended = cli.run("audit", "0123456789abcdef", "--server", stub_server.url)

    assert ended.stdout.split() == [
        *("2026-11-22", "12:00:00", "t1", "refused"),
        "sentence=?[2Jgone?next?",
    ]


def test_events_of_tokens(cli: CommandRunner) -> None:
    """`audit --tokens` lists who created and revoked API tokens."""
    made = cli.json("token", "new", "--project", cli.project, "--can", "upload", "--name", "ci")
    cli.json("token", "revoke", made["id"])

    lines = cli.run("audit", "--tokens").stdout.splitlines()

    of_token = [one.split("  ", 2) for one in lines if f"token={made['id']}" in one]
    assert [who for _, who, _ in of_token] == [lines[-1].split("  ")[1]] * 2
    assert [what.split()[0] for _, _, what in of_token] == ["token-made", "token-revoked"]
    assert all("name=ci" in what for _, _, what in of_token)
    assert cli.json("audit", "--tokens")["events"][-1]["action"] == "token-revoked"
