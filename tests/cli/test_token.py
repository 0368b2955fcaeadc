"""`stageproxy token …`."""

import pytest

from stageproxy.core.rights import TokenKind, parse_token
from tests.support.clients.command_runner import CommandRunner


@pytest.mark.parametrize(
    ("can", "kind"),
    [
        ("upload", TokenKind.UPLOAD),
        ("manage", TokenKind.MANAGE),
        ("admin", TokenKind.ADMIN),
    ],
)
def test_new(cli: CommandRunner, can: str, kind: TokenKind) -> None:
    """The document has the token, its rights and its expiry."""
    made = cli.json("token", "new", "--project", cli.project, "--can", can, "--expires", "30d")

    assert made.keys() >= {"token", "id", "project", "can", "expires-at"}
    assert (made["project"], made["can"]) == (cli.project, can)
    token = parse_token(made["token"])
    assert token is not None
    assert token.kind is kind


def test_new_for_people(cli: CommandRunner) -> None:
    """Only the token is on stdout, for scripts; the advice is on stderr."""
    ended = cli.run("token", "new", "--project", cli.project, "--can", "upload")

    assert ended.code == 0
    assert parse_token(ended.stdout.removesuffix("\n")) is not None
    assert ended.stderr == "Store this token: it is not shown again.\n"


def test_new_for_one_version(cli: CommandRunner) -> None:
    """A token for one version can upload only that version."""
    token = cli.new_token("upload", "--version", "1.0")

    assert cli.run("upload", cli.wheel("1.0"), token=token).code == 0
    assert cli.run("upload", cli.wheel("2.0"), token=token).code == 1


@pytest.mark.parametrize(
    "arguments",
    [
        ("--project", "demo"),
        ("--can", "upload"),
        ("--project", "demo", "--can", "everything"),
    ],
    ids=["no right", "no project", "no such right"],
)
def test_new_with_wrong_usage(cli: CommandRunner, arguments: tuple[str, ...]) -> None:
    """Without a project and a right, the exit code is 2."""
    assert cli.run("token", "new", *arguments).code == 2


def test_list_shows_no_token(cli: CommandRunner) -> None:
    """Tokens are listed with their rights, the latest first, without the secret."""
    made = cli.json("token", "new", "--project", cli.project, "--can", "upload")

    ended = cli.run("token", "list", "--json")

    secret = made.pop("token")
    assert ended.document["tokens"][0] == made
    assert secret not in ended.stdout
    [line, *_] = cli.run("token", "list").stdout.splitlines()
    assert line.split("  ")[:2] == [made["id"], f"upload {cli.project}"]
    assert "  upload  never expires" in line


def test_new_with_a_name(cli: CommandRunner) -> None:
    """A token can be given a name, which the list shows."""
    made = cli.json(
        *("token", "new", "--project", cli.project, "--can", "upload", "--name", "ci-linux")
    )

    assert made["name"] == "ci-linux"
    listed = cli.run("token", "list").stdout
    assert f"{made['id']}  ci-linux  " in listed
    revoked = cli.run("token", "revoke", made["id"])
    assert revoked.stdout == f"Token ci-linux ({made['id']}) is revoked.\n"


def test_revoke(cli: CommandRunner) -> None:
    """A revoked token is invalid at once, and still listed as revoked."""
    made = cli.json("token", "new", "--project", cli.project, "--can", "manage")
    cli.json("stage", "list", token=made["token"])

    revoked = cli.json("token", "revoke", made["id"])

    assert revoked["revoked-at"] is not None
    ended = cli.run("stage", "list", token=made["token"])
    assert ended.code == 1
    assert "revoked" in ended.stderr
    assert cli.json("token", "list")["tokens"][0] == revoked


def test_revoke_unknown(cli: CommandRunner) -> None:
    """An unknown token cannot be revoked."""
    ended = cli.run("token", "revoke", "12345678")

    assert (ended.code, ended.stderr) == (1, "Error: There is no API token 12345678.\n")


@pytest.mark.parametrize("can", ["upload", "manage"])
@pytest.mark.parametrize(
    "arguments",
    [("list",), ("revoke", "12345678"), ("new", "--project", "demo", "--can", "upload")],
    ids=["list", "revoke", "new"],
)
def test_only_the_admin(cli: CommandRunner, can: str, arguments: tuple[str, ...]) -> None:
    """Only an admin token can create, list and revoke tokens."""
    token = cli.json("token", "new", "--project", "*", "--can", can)["token"]

    ended = cli.run("token", *arguments, token=token)

    assert (ended.code, ended.stdout) == (1, "")
    assert "This API token cannot" in ended.stderr
