"""`stageproxy promote --here`: the command publishes, and the server stores the journal."""

import asyncio
import json
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from yarl import URL

from stageproxy.cli.client import open_client
from stageproxy.cli.output.output import FailedError
from stageproxy.cli.promote.here import open_client_sender
from tests.cli.promote.releases import (
    LINUX,
    MACOS,
    NO_IDENTITY,
    WRONG,
    accepted,
    checksums,
    upload_outcomes,
)
from tests.support.builders.attestations import an_attestation
from tests.support.builders.distributions import Distribution, a_wheel
from tests.support.clients.command_runner import CommandRunner, promotion_environment, promotion_of
from tests.support.clients.uploading import post_to
from tests.support.index.fake_index import FakeIndex, Quirks
from tests.support.index.history import Attempt
from tests.support.index.oidc import CI_TOKEN
from tests.support.servers.processes import CommandResult
from tests.support.uploads.fake_uploads import UPLOAD_TOKEN
from tests.support.uploads.faults import Fault, FaultKind, FaultPoint

WORKFLOW = "demo/demo/.github/workflows/release.yml@refs/tags/1.0"
OTHER_WORKFLOW = "demo/demo/.github/workflows/build.yml@refs/tags/1.0"


def own_settings(cli: CommandRunner, pypi: FakeIndex, **changes: str | None) -> dict[str, str]:
    """Return the environment of a machine that publishes on the index."""
    named = {f"STAGEPROXY_{name}": text for name, text in promotion_environment(pypi).items()}
    server = {"STAGEPROXY_SERVER": cli.url, "STAGEPROXY_TOKEN": cli.token}
    changed = {f"STAGEPROXY_PROMOTION__{name}": text for name, text in changes.items()}
    return {name: text for name, text in {**server, **named, **changed}.items() if text}


def settings_file(folder: Path, pypi: FakeIndex) -> Path:
    """Return a file with the settings to publish on the index."""
    path = folder / "config.toml"
    path.write_text(
        f'[promotion]\nrepository_url = "{pypi.url}/legacy/"\nindex_url = "{pypi.url}/simple/"\n'
        f'token = "{UPLOAD_TOKEN}"\n'
    )
    return path


def in_ci(pypi: FakeIndex) -> dict[str, str]:
    """Return the environment of a CI job that can request an identity token."""
    return {
        "GITHUB_ACTIONS": "true",
        "ACTIONS_ID_TOKEN_REQUEST_URL": f"{pypi.url}/_ci/identity",
        "ACTIONS_ID_TOKEN_REQUEST_TOKEN": CI_TOKEN,
    }


def here(
    cli: CommandRunner, pypi: FakeIndex, stage: Any, *options: str, **changes: str | None
) -> CommandResult:
    """Promote a stage from this machine."""
    environment = own_settings(cli, pypi, **changes)
    return cli.run_in_environment(environment, *promotion_of(stage), "--here", *options)


def attempt_at(pypi: FakeIndex, filename: str) -> Attempt:
    """Return the latest attempt at uploading a file."""
    return [one for one in pypi.uploads.history.attempts if one.filename == filename][-1]


@pytest.fixture
def trusted(pypi: FakeIndex) -> Iterator[FakeIndex]:
    """Return the index, on which a workflow is a Trusted Publisher."""
    pypi.uploads.trusted.claims["job_workflow_ref"] = WORKFLOW
    yield pypi
    pypi.uploads.trusted.claims.clear()
    pypi.uploads.trusted.is_registered = True


def attested(cli: CommandRunner, *workflows: str) -> tuple[Distribution, Any]:
    """Return a staged wheel with attestations of workflows, and its stage."""
    wheel = a_wheel(cli.project)
    attestations = json.dumps([an_attestation(one) for one in workflows])
    answer = asyncio.run(
        post_to(f"{cli.url}/legacy/", cli.token, wheel, attestations=attestations, staged="true")
    )
    return wheel, json.loads(answer)


def test_published(cli: CommandRunner, pypi: FakeIndex) -> None:
    """All files are published in order, and the server has the receipt."""
    files = cli.release(LINUX, MACOS)
    stage = cli.staged(*files)

    ended = here(cli, pypi, stage)

    assert (ended.code, ended.stderr) == (0, "")
    assert f"{files[2].name} is published.\n" in ended.stdout
    assert f"{cli.project} 1.0 is published.\n" in ended.stdout
    published = accepted(pypi, cli)
    assert (published[0], published[2]) == (files[1].name, files[2].name)
    receipt = cli.json(*promotion_of(stage))["receipt"]
    assert (receipt["publisher"], receipt["manifest-digest"]) == (
        "client",
        stage["manifest-digest"],
    )


def test_document(cli: CommandRunner, pypi: FakeIndex) -> None:
    """The document has the same keys as that of a promotion by the server."""
    ended = here(cli, pypi, cli.staged(), "--json")

    assert (ended.code, ended.stderr) == (0, "")
    assert list(ended.document) == ["status", "promotion", "receipt", "plan"]
    assert ended.document["promotion"]["publisher"] == "client"


def test_hashes_that_differ(cli: CommandRunner, pypi: FakeIndex) -> None:
    """A stage with other files than the approved ones is not published."""
    files = cli.release()
    stage = cli.staged(*files)
    hashes = cli.folder / "SHA256SUMS"
    hashes.write_text(checksums(*files[:1]))

    environment = own_settings(cli, pypi)
    command = ("promote", stage["id"], "--here", "--hashes", str(hashes))
    ended = cli.run_in_environment(environment, *command)

    assert (ended.code, accepted(pypi, cli)) == (1, [])


def test_resumed(cli: CommandRunner, pypi: FakeIndex) -> None:
    """A promotion that stopped on the server is resumed from this machine."""
    wheel, sdist = cli.release()
    stage = cli.staged(wheel, sdist)
    no = Fault(FaultPoint.READ, FaultKind.ANSWER, sdist.name, status=400, sentence="Not today.")
    pypi.uploads.faults.append(no)
    assert cli.run(*promotion_of(stage)).code == 1

    ended = here(cli, pypi, stage)

    assert (ended.code, accepted(pypi, cli)) == (0, [wheel.name, sdist.name])


def test_failure(cli: CommandRunner, pypi: FakeIndex) -> None:
    """A refused upload ends it, the server stores the reason, and the credential is not printed."""
    stage = cli.staged()

    ended = here(cli, pypi, stage, TOKEN=WRONG)

    assert (ended.code, NO_IDENTITY in ended.stderr) == (1, True)
    assert WRONG not in ended.stdout + ended.stderr
    shown = cli.json("stage", "show", stage["id"])
    assert (shown["status"], NO_IDENTITY in shown["notices"][0]) == ("error", True)


def test_credential_from_a_file(cli: CommandRunner, pypi: FakeIndex, tmp_path: Path) -> None:
    """The credential of `--pypi-token-file` overrides that of the settings."""
    token = tmp_path / "token"
    token.write_text(WRONG)

    ended = here(cli, pypi, cli.staged(), "--pypi-token-file", str(token))

    assert (ended.code, NO_IDENTITY in ended.stderr) == (1, True)


def test_settings_from_a_file(cli: CommandRunner, pypi: FakeIndex, tmp_path: Path) -> None:
    """The settings can be read from a file."""
    config = settings_file(tmp_path, pypi)
    stage = cli.staged()

    ended = here(cli, pypi, stage, "--config", str(config), REPOSITORY_URL=None, INDEX_URL=None)

    assert (ended.code, len(accepted(pypi, cli))) == (0, 1)


def test_other_target(cli: CommandRunner, pypi: FakeIndex) -> None:
    """If the server would publish elsewhere, nothing is sent and the stage stays open."""
    stage = cli.staged()
    other = "http://127.0.0.1:1/legacy/"

    ended = here(cli, pypi, stage, REPOSITORY_URL=other)

    assert (ended.code, accepted(pypi, cli)) == (1, [])
    assert f"The server would publish on {pypi.url}/legacy/" in ended.stderr
    assert f"but the settings on this machine name {other}" in ended.stderr
    assert cli.json("stage", "show", stage["id"])["status"] == "open"


def test_changed_stage(cli: CommandRunner, pypi: FakeIndex, tmp_path: Path) -> None:
    """If the stage has changed since the plan, the command fails before it starts publishing."""
    stage = cli.staged()
    config = settings_file(tmp_path, pypi)

    async def prepare() -> None:
        async with (
            open_client(URL(cli.url), cli.token) as client,
            open_client_sender(client, config, None, as_json=True) as sender,
        ):
            plan = {"project": cli.project, "manifest-digest": "0" * 64}
            await sender.prepare(stage, plan)

    with pytest.raises(FailedError, match="The stage was changed in the meantime"):
        asyncio.run(prepare())


def test_one_url_of_two(cli: CommandRunner, pypi: FakeIndex) -> None:
    """`promotion.repository_url` without `promotion.index_url` is an error."""
    ended = here(cli, pypi, cli.staged(), INDEX_URL=None)

    assert ended.code == 1
    assert "Set both promotion.repository_url and" in ended.stderr


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"TOKEN": None}, "There is no credential to publish with"),
        ({"TOKEN": None, "TOKEN_FILE": "/nowhere"}, "Cannot read promotion.token_file, /nowhere: "),
        ({"PARALLEL": "many"}, "promotion.parallel: "),
    ],
    ids=["no credential", "no file", "wrong setting"],
)
def test_not_ready(
    cli: CommandRunner, pypi: FakeIndex, changes: dict[str, str | None], message: str
) -> None:
    """If a setting is missing or wrong, the command fails and the stage stays open."""
    stage = cli.staged()

    ended = here(cli, pypi, stage, **changes)

    assert (ended.code, message in ended.stderr) == (1, True), ended
    assert cli.json("stage", "show", stage["id"])["status"] == "open"


def test_trusted_publishing(cli: CommandRunner, trusted: FakeIndex) -> None:
    """A CI job publishes without a secret, and sends only the attestations of its workflow."""
    wheel, stage = attested(cli, WORKFLOW, OTHER_WORKFLOW)
    environment = {**own_settings(cli, trusted, TOKEN=None), **in_ci(trusted)}

    ended = cli.run_in_environment(environment, *promotion_of(stage), "--here")

    assert ended.code == 0, ended
    assert ended.stderr == (
        f"{wheel.filename}: 1 of its attestations are not sent, because they were not made by "
        f"{WORKFLOW}.\n"
    )
    sent = dict(attempt_at(trusted, wheel.filename).fields)["attestations"]
    assert json.loads(sent) == [an_attestation(WORKFLOW)]
    minted = trusted.uploads.trusted.minted
    assert [one for one in [CI_TOKEN, *minted] if one in ended.stdout + ended.stderr] == []


def test_untrusted(cli: CommandRunner, trusted: FakeIndex) -> None:
    """If the index does not trust the CI job, the command fails and the stage stays open."""
    trusted.uploads.trusted.is_registered = False
    stage = cli.staged()
    environment = {**own_settings(cli, trusted, TOKEN=None), **in_ci(trusted)}

    ended = cli.run_in_environment(environment, *promotion_of(stage), "--here")

    assert (ended.code, "no publisher for it" in ended.stderr) == (1, True)
    assert cli.json("stage", "show", stage["id"])["status"] == "open"


def test_job_without_permission(cli: CommandRunner, trusted: FakeIndex) -> None:
    """A CI job that cannot request an identity token fails with the CI's message."""
    environment = {**own_settings(cli, trusted, TOKEN=None), "GITHUB_ACTIONS": "true"}

    ended = cli.run_in_environment(environment, *promotion_of(cli.staged()), "--here")

    assert ended.code == 1
    assert "missing or insufficient OIDC token permissions" in ended.stderr


def test_attestations_and_a_token(cli: CommandRunner, pypi: FakeIndex) -> None:
    """With an API token no attestations are sent, and a message says so."""
    wheel, stage = attested(cli, WORKFLOW)

    ended = here(cli, pypi, stage)

    assert ended.code == 0, ended
    assert "PyPI accepts them only from Trusted Publishers" in ended.stderr
    names = [name for name, _ in attempt_at(pypi, wheel.filename).fields]
    assert "attestations" not in names


def other_bytes_once(pypi: FakeIndex, project: str, sdist: str) -> Iterator[bytes | None]:
    """Yield responses of a project page: other bytes of the sdist, once, after it is listed."""
    while sdist not in pypi.uploads.history.accepted:
        yield None
    # The command reads the page to confirm the last file, and again to confirm all files.
    yield from (None, None)
    file = {"filename": sdist, "url": f"/{sdist}", "hashes": {"sha256": "0" * 64}}
    page = json.dumps({"meta": {"api-version": "1.0"}, "name": project, "files": [file]})
    head = f"Content-Type: application/vnd.pypi.simple.v1+json\r\nContent-Length: {len(page)}"
    yield f"HTTP/1.1 200 OK\r\n{head}\r\nConnection: close\r\n\r\n{page}".encode()


def test_other_bytes_on_the_index(cli: CommandRunner, pypi: FakeIndex) -> None:
    """If the index lists other bytes, publishing ends with an error and can be resumed."""
    wheel, sdist = cli.release()
    stage = cli.staged(wheel, sdist)
    answers = other_bytes_once(pypi, cli.project, sdist.name)
    pypi.quirks = Quirks(raw={f"/simple/{cli.project}/": answers})

    ended = here(cli, pypi, stage)

    assert (ended.code, list(answers)) == (1, [])
    assert f"Error: {sdist.name} is already on the index with other bytes" in ended.stderr
    assert cli.json("stage", "show", stage["id"])["status"] == "error"
    assert here(cli, pypi, stage).code == 0
    assert accepted(pypi, cli) == [wheel.name, sdist.name]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=lambda one: one.name)
def test_interrupted(cli: CommandRunner, pypi: FakeIndex, number: signal.Signals) -> None:
    """SIGINT and SIGTERM store the reason in the journal, and publishing can be resumed."""
    wheel, sdist = cli.release()
    stage = cli.staged(wheel, sdist)
    pypi.uploads.faults.append(Fault(FaultPoint.READ, FaultKind.HANG, sdist.name))

    ended = cli.run_and_signal(
        number,
        lambda: bool(upload_outcomes(pypi, sdist.name)),
        own_settings(cli, pypi),
        *promotion_of(stage),
        "--here",
    )

    assert ended.code == 1
    assert (
        "Error: Publishing was interrupted on the machine that ran it. 1 of 2 files are published"
        in ended.stderr
    )
    assert cli.json("stage", "show", stage["id"])["status"] == "error"
    assert here(cli, pypi, stage).code == 0
    assert accepted(pypi, cli) == [wheel.name, sdist.name]
