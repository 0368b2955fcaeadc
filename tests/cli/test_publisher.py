"""`stageproxy publisher …` and `stageproxy oidc token`."""

import jwt
import pytest

from tests.support.clients.command_runner import CommandRunner
from tests.support.servers.issuer import key_number

FIELDS = {
    "repository": "octo/demo",
    "repository_id": "74",
    "repository_owner_id": "65",
    "workflow": "release.yml",
}
ARGUMENTS = tuple(f"{name}={value}" for name, value in FIELDS.items())


def test_publishers(cli: CommandRunner) -> None:
    """A publisher is added, listed and removed."""
    added = cli.json("publisher", "add", cli.project, "github", *ARGUMENTS)
    listed = cli.json("publisher", "list", cli.project)
    removed = cli.json("publisher", "remove", cli.project, added["id"])

    assert added["fields"] == FIELDS
    assert added["issuer"] == "https://token.actions.githubusercontent.com"
    assert listed == {"publishers": [added]}
    assert removed == added
    assert cli.json("publisher", "list", cli.project) == {"publishers": []}


def test_for_people(cli: CommandRunner) -> None:
    """Each command says in a line what it has done."""
    added = cli.run("publisher", "add", cli.project, "google", "email=me@demo.example")
    listed = cli.run("publisher", "list", cli.project)
    publisher_id = listed.stdout.split()[0]
    removed = cli.run("publisher", "remove", cli.project, publisher_id)

    name = f"email=me@demo.example is a trusted publisher of {cli.project} now."
    assert added.stdout.strip() == name
    assert listed.stdout.split()[1:] == ["google", "email=me@demo.example"]
    assert removed.stdout.strip().endswith(f"is no trusted publisher of {cli.project} any more.")


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("github", "repository"), 2, "is not NAME=VALUE"),
        (("github", "repository=octo/demo"), 1, "repository_id is missing"),
        (("nowhere", "a=b"), 2, "'nowhere' is not one of"),
        (("github",), 2, "Missing argument"),
    ],
)
def test_wrong_publishers(
    cli: CommandRunner, arguments: tuple[str, ...], code: int, said: str
) -> None:
    """It is said what is missing, and how to write it."""
    ended = cli.run("publisher", "add", cli.project, *arguments)

    assert (ended.code, said in ended.stderr) == (code, True)


@pytest.fixture
def no_job(monkeypatch: pytest.MonkeyPatch) -> None:
    """Run outside of any CI job."""
    for name in ("GITHUB_ACTIONS", "GITLAB_CI", "CIRCLECI", "BUILDKITE", "STAGEPROXY_ID_TOKEN"):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.usefixtures("no_job")
def test_no_job(cli: CommandRunner) -> None:
    """Outside of a CI job it is said what such a job needs, with the audience of the server."""
    ended = cli.run("oidc", "token")

    assert ended.code == 1
    assert "This is no CI job with an identity." in ended.stderr
    assert f"the audience {cli.url}" in ended.stderr


@pytest.mark.usefixtures("no_job")
def test_refused_job(cli: CommandRunner, monkeypatch: pytest.MonkeyPatch) -> None:
    """The reason of the server is printed, and no part of the identity."""
    claims = {"iss": "https://ci.example", "sub": "job"}
    identity = jwt.encode(claims, key_number(1), algorithm="RS256")
    monkeypatch.setenv("STAGEPROXY_ID_TOKEN", identity)

    ended = cli.run("oidc", "token")

    assert ended.code == 1
    assert "No project here trusts the issuer of this identity." in ended.stderr
    assert identity not in ended.output
