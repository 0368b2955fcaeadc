"""`stageproxy token …`."""

import pytest

from stageproxy.core.rights import TokenKind, parse_token
from tests.cli.desk import Desk


@pytest.mark.parametrize(
    ("can", "kind"),
    [
        ("upload", TokenKind.UPLOAD),
        ("manage", TokenKind.MANAGE),
        ("admin", TokenKind.ADMIN),
    ],
)
def test_new(desk: Desk, can: str, kind: TokenKind) -> None:
    """The document has the token, its rights and its expiry."""
    made = desk.json("token", "new", "--project", desk.project, "--can", can, "--expires", "30d")

    assert made.keys() >= {"token", "id", "project", "can", "expires-at"}
    assert (made["project"], made["can"]) == (desk.project, can)
    token = parse_token(made["token"])
    assert token is not None
    assert token.kind is kind


def test_new_for_people(desk: Desk) -> None:
    """Only the token is on stdout, for scripts; the advice is on stderr."""
    ended = desk.run("token", "new", "--project", desk.project, "--can", "upload")

    assert ended.code == 0
    assert parse_token(ended.stdout.removesuffix("\n")) is not None
    assert ended.stderr == "Store this token: it is not shown again.\n"


def test_new_for_one_version(desk: Desk) -> None:
    """A token for one version can upload only that version."""
    token = desk.new_token("upload", "--version", "1.0")

    assert desk.run("upload", desk.wheel("1.0"), token=token).code == 0
    assert desk.run("upload", desk.wheel("2.0"), token=token).code == 1


@pytest.mark.parametrize(
    "arguments",
    [
        ("--project", "demo"),
        ("--can", "upload"),
        ("--project", "demo", "--can", "everything"),
    ],
    ids=["no right", "no project", "no such right"],
)
def test_new_with_wrong_usage(desk: Desk, arguments: tuple[str, ...]) -> None:
    """Without a project and a right, the exit code is 2."""
    assert desk.run("token", "new", *arguments).code == 2


def test_list_shows_no_token(desk: Desk) -> None:
    """Tokens are listed with their rights, the latest first, without the secret."""
    made = desk.json("token", "new", "--project", desk.project, "--can", "upload")

    ended = desk.run("token", "list", "--json")

    secret = made.pop("token")
    assert ended.document["tokens"][0] == made
    assert secret not in ended.stdout
    assert f"{made['id']}  upload  never expires" in desk.run("token", "list").stdout


def test_revoke(desk: Desk) -> None:
    """A revoked token is invalid at once, and still listed as revoked."""
    made = desk.json("token", "new", "--project", desk.project, "--can", "manage")
    desk.json("stage", "list", token=made["token"])

    revoked = desk.json("token", "revoke", made["id"])

    assert revoked["revoked-at"] is not None
    ended = desk.run("stage", "list", token=made["token"])
    assert ended.code == 1
    assert "revoked" in ended.stderr
    assert desk.json("token", "list")["tokens"][0] == revoked


def test_revoke_unknown(desk: Desk) -> None:
    """An unknown token cannot be revoked."""
    ended = desk.run("token", "revoke", "12345678")

    assert (ended.code, ended.stderr) == (1, "Error: There is no API token 12345678.\n")


@pytest.mark.parametrize("can", ["upload", "manage"])
@pytest.mark.parametrize(
    "arguments",
    [("list",), ("revoke", "12345678"), ("new", "--project", "demo", "--can", "upload")],
    ids=["list", "revoke", "new"],
)
def test_only_the_admin(desk: Desk, can: str, arguments: tuple[str, ...]) -> None:
    """Only an admin token can create, list and revoke tokens."""
    token = desk.json("token", "new", "--project", "*", "--can", can)["token"]

    ended = desk.run("token", *arguments, token=token)

    assert (ended.code, ended.stdout) == (1, "")
    assert "This API token cannot" in ended.stderr
