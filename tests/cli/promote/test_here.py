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
from stageproxy.cli.output import FailedError
from stageproxy.cli.promote.here import open_client_sender
from tests.cli.desk import Desk, Ended, publishing_on
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
from tests.support.clients.uploading import post_to
from tests.support.index.fake_index import FakeIndex, Quirks
from tests.support.index.history import Attempt
from tests.support.index.oidc import CI_TOKEN
from tests.support.uploads.fake_uploads import UPLOAD_TOKEN
from tests.support.uploads.faults import Fault, Moment, Way

WORKFLOW = "demo/demo/.github/workflows/release.yml@refs/tags/1.0"
OTHER_WORKFLOW = "demo/demo/.github/workflows/build.yml@refs/tags/1.0"


def own_settings(desk: Desk, pypi: FakeIndex, **changes: str | None) -> dict[str, str]:
    """Return the environment of a machine that publishes on the index."""
    named = {f"STAGEPROXY_{name}": text for name, text in publishing_on(pypi).items()}
    server = {"STAGEPROXY_SERVER": desk.url, "STAGEPROXY_TOKEN": desk.token}
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


def here(desk: Desk, pypi: FakeIndex, stage: Any, *options: str, **changes: str | None) -> Ended:
    """Promote a stage from this machine."""
    environment = own_settings(desk, pypi, **changes)
    return desk.run_with(environment, "promote", stage["id"], "--here", *options)


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


def attested(desk: Desk, *workflows: str) -> tuple[Distribution, Any]:
    """Return a staged wheel with attestations of workflows, and its stage."""
    wheel = a_wheel(desk.project)
    attestations = json.dumps([an_attestation(one) for one in workflows])
    answer = asyncio.run(
        post_to(f"{desk.url}/legacy/", desk.token, wheel, attestations=attestations, staged="true")
    )
    return wheel, json.loads(answer)


def test_published(desk: Desk, pypi: FakeIndex) -> None:
    """All files are published in order, and the server has the receipt."""
    files = desk.release(LINUX, MACOS)
    stage = desk.staged(*files)

    ended = here(desk, pypi, stage)

    assert (ended.code, ended.stderr) == (0, "")
    assert f"{files[2].name} is published.\n" in ended.stdout
    assert f"{desk.project} 1.0 is published.\n" in ended.stdout
    published = accepted(pypi, desk)
    assert (published[0], published[2]) == (files[1].name, files[2].name)
    receipt = desk.json("promote", stage["id"])["receipt"]
    assert (receipt["publisher"], receipt["manifest-digest"]) == (
        "client",
        stage["manifest-digest"],
    )


def test_document(desk: Desk, pypi: FakeIndex) -> None:
    """The document has the same keys as that of a promotion by the server."""
    ended = here(desk, pypi, desk.staged(), "--json")

    assert (ended.code, ended.stderr) == (0, "")
    assert list(ended.document) == ["status", "promotion", "receipt", "plan"]
    assert ended.document["promotion"]["publisher"] == "client"


def test_hashes_that_differ(desk: Desk, pypi: FakeIndex) -> None:
    """A stage with other files than the approved ones is not published."""
    files = desk.release()
    stage = desk.staged(*files)
    hashes = desk.folder / "SHA256SUMS"
    hashes.write_text(checksums(*files[:1]))

    ended = here(desk, pypi, stage, "--hashes", str(hashes))

    assert (ended.code, accepted(pypi, desk)) == (1, [])


def test_resumed(desk: Desk, pypi: FakeIndex) -> None:
    """A promotion that stopped on the server is resumed from this machine."""
    wheel, sdist = desk.release()
    stage = desk.staged(wheel, sdist)
    no = Fault(Moment.READ, Way.ANSWER, sdist.name, status=400, sentence="Not today.")
    pypi.uploads.faults.append(no)
    assert desk.run("promote", stage["id"]).code == 1

    ended = here(desk, pypi, stage)

    assert (ended.code, accepted(pypi, desk)) == (0, [wheel.name, sdist.name])


def test_failure(desk: Desk, pypi: FakeIndex) -> None:
    """A refused upload ends it, the server stores the reason, and the credential is not printed."""
    stage = desk.staged()

    ended = here(desk, pypi, stage, TOKEN=WRONG)

    assert (ended.code, NO_IDENTITY in ended.stderr) == (1, True)
    assert WRONG not in ended.stdout + ended.stderr
    shown = desk.json("stage", "show", stage["id"])
    assert (shown["status"], NO_IDENTITY in shown["notices"][0]) == ("error", True)


def test_credential_from_a_file(desk: Desk, pypi: FakeIndex, tmp_path: Path) -> None:
    """The credential of `--pypi-token-file` overrides that of the settings."""
    token = tmp_path / "token"
    token.write_text(WRONG)

    ended = here(desk, pypi, desk.staged(), "--pypi-token-file", str(token))

    assert (ended.code, NO_IDENTITY in ended.stderr) == (1, True)


def test_settings_from_a_file(desk: Desk, pypi: FakeIndex, tmp_path: Path) -> None:
    """The settings can be read from a file."""
    config = settings_file(tmp_path, pypi)
    stage = desk.staged()

    ended = here(desk, pypi, stage, "--config", str(config), REPOSITORY_URL=None, INDEX_URL=None)

    assert (ended.code, len(accepted(pypi, desk))) == (0, 1)


def test_other_target(desk: Desk, pypi: FakeIndex) -> None:
    """If the server would publish elsewhere, nothing is sent and the stage stays open."""
    stage = desk.staged()
    other = "http://127.0.0.1:1/legacy/"

    ended = here(desk, pypi, stage, REPOSITORY_URL=other)

    assert (ended.code, accepted(pypi, desk)) == (1, [])
    assert f"The server would publish on {pypi.url}/legacy/" in ended.stderr
    assert f"but the settings on this machine name {other}" in ended.stderr
    assert desk.json("stage", "show", stage["id"])["status"] == "open"


def test_changed_stage(desk: Desk, pypi: FakeIndex, tmp_path: Path) -> None:
    """If the stage has changed since the plan, the command fails before it starts publishing."""
    stage = desk.staged()
    config = settings_file(tmp_path, pypi)

    async def prepare() -> None:
        async with (
            open_client(URL(desk.url), desk.token) as client,
            open_client_sender(client, config, None, as_json=True) as sender,
        ):
            plan = {"project": desk.project, "manifest-digest": "0" * 64}
            await sender.prepare(stage, plan)

    with pytest.raises(FailedError, match="The stage was changed in the meantime"):
        asyncio.run(prepare())


def test_one_url_of_two(desk: Desk, pypi: FakeIndex) -> None:
    """`promotion.repository_url` without `promotion.index_url` is an error."""
    ended = here(desk, pypi, desk.staged(), INDEX_URL=None)

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
    desk: Desk, pypi: FakeIndex, changes: dict[str, str | None], message: str
) -> None:
    """If a setting is missing or wrong, the command fails and the stage stays open."""
    stage = desk.staged()

    ended = here(desk, pypi, stage, **changes)

    assert (ended.code, message in ended.stderr) == (1, True), ended
    assert desk.json("stage", "show", stage["id"])["status"] == "open"


def test_trusted_publishing(desk: Desk, trusted: FakeIndex) -> None:
    """A CI job publishes without a secret, and sends only the attestations of its workflow."""
    wheel, stage = attested(desk, WORKFLOW, OTHER_WORKFLOW)
    environment = {**own_settings(desk, trusted, TOKEN=None), **in_ci(trusted)}

    ended = desk.run_with(environment, "promote", stage["id"], "--here")

    assert ended.code == 0, ended
    assert ended.stderr == (
        f"{wheel.filename}: 1 of its attestations are not sent, because they were not made by "
        f"{WORKFLOW}.\n"
    )
    sent = dict(attempt_at(trusted, wheel.filename).fields)["attestations"]
    assert json.loads(sent) == [an_attestation(WORKFLOW)]
    minted = trusted.uploads.trusted.minted
    assert [one for one in [CI_TOKEN, *minted] if one in ended.stdout + ended.stderr] == []


def test_untrusted(desk: Desk, trusted: FakeIndex) -> None:
    """If the index does not trust the CI job, the command fails and the stage stays open."""
    trusted.uploads.trusted.is_registered = False
    stage = desk.staged()
    environment = {**own_settings(desk, trusted, TOKEN=None), **in_ci(trusted)}

    ended = desk.run_with(environment, "promote", stage["id"], "--here")

    assert (ended.code, "no publisher for it" in ended.stderr) == (1, True)
    assert desk.json("stage", "show", stage["id"])["status"] == "open"


def test_job_without_permission(desk: Desk, trusted: FakeIndex) -> None:
    """A CI job that cannot request an identity token fails with the CI's message."""
    environment = {**own_settings(desk, trusted, TOKEN=None), "GITHUB_ACTIONS": "true"}

    ended = desk.run_with(environment, "promote", desk.staged()["id"], "--here")

    assert ended.code == 1
    assert "missing or insufficient OIDC token permissions" in ended.stderr


def test_attestations_and_a_token(desk: Desk, pypi: FakeIndex) -> None:
    """With an API token no attestations are sent, and a message says so."""
    wheel, stage = attested(desk, WORKFLOW)

    ended = here(desk, pypi, stage)

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


def test_other_bytes_on_the_index(desk: Desk, pypi: FakeIndex) -> None:
    """If the index lists other bytes, publishing ends with an error and can be resumed."""
    wheel, sdist = desk.release()
    stage = desk.staged(wheel, sdist)
    answers = other_bytes_once(pypi, desk.project, sdist.name)
    pypi.quirks = Quirks(raw={f"/simple/{desk.project}/": answers})

    ended = here(desk, pypi, stage)

    assert (ended.code, list(answers)) == (1, [])
    assert f"Error: {sdist.name} is already on the index with other bytes" in ended.stderr
    assert desk.json("stage", "show", stage["id"])["status"] == "error"
    assert here(desk, pypi, stage).code == 0
    assert accepted(pypi, desk) == [wheel.name, sdist.name]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=lambda one: one.name)
def test_interrupted(desk: Desk, pypi: FakeIndex, number: signal.Signals) -> None:
    """SIGINT and SIGTERM store the reason in the journal, and publishing can be resumed."""
    wheel, sdist = desk.release()
    stage = desk.staged(wheel, sdist)
    pypi.uploads.faults.append(Fault(Moment.READ, Way.HANG, sdist.name))

    ended = desk.interrupted(
        number,
        lambda: bool(upload_outcomes(pypi, sdist.name)),
        own_settings(desk, pypi),
        *("promote", stage["id"], "--here"),
    )

    assert ended.code == 1
    assert (
        "Error: Publishing was interrupted on the machine that ran it. 1 of 2 files are published"
        in ended.stderr
    )
    assert desk.json("stage", "show", stage["id"])["status"] == "error"
    assert here(desk, pypi, stage).code == 0
    assert accepted(pypi, desk) == [wheel.name, sdist.name]
