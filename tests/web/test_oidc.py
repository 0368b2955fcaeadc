"""Trusted publishing into stages: a CI job gets an upload token for its identity."""

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.support.builders.distributions import a_wheel
from tests.support.clients.http import Answer
from tests.support.index.fake_index import FakeIndex
from tests.support.servers.issuer import AUDIENCE, Issuer, running_issuer
from tests.support.servers.service import RunningService, running_service

FIELDS = {
    "repository": "octo/demo",
    "repository_id": "74",
    "repository_owner_id": "65",
    "workflow": "release.yml",
}
WHEEL = a_wheel(version="2.0")


@pytest.fixture
async def issuer() -> AsyncIterator[Issuer]:
    """Return a running issuer."""
    async with running_issuer() as issuer:
        yield issuer


@pytest.fixture
async def service(
    tmp_path: Path, index: FakeIndex, issuer: Issuer, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[RunningService]:
    """Return a running service that trusts the issuer."""
    authorities = tmp_path / "authorities.pem"
    issuer.authority.cert_pem.write_to_path(str(authorities))
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(authorities))
    settings = {"audience": AUDIENCE, "issuers": [issuer.url]}
    async with running_service(tmp_path / "data", index, oidc=settings) as running:
        yield running


async def trust(
    service: RunningService, issuer: Issuer, project: str = "demo", **more: str
) -> Answer:
    """Add a trusted publisher, and return the answer."""
    fields = {**FIELDS, **more}
    order = {"provider": "github", "issuer": issuer.url, "fields": fields}
    return await service.api("POST", f"projects/{project}/publishers", **order)


async def exchange(service: RunningService, name: str, token: str) -> Answer:
    """Send a token to an endpoint of trusted publishing."""
    body = f'{{"token": "{token}"}}'.encode()
    headers = {"Content-Type": "application/json"}
    return await service.send("POST", f"/_/oidc/{name}", headers, data=body)


async def minted(service: RunningService, issuer: Issuer, **claims: Any) -> str:
    """Return an API token that was minted for a job."""
    answer = await exchange(service, "mint-token", issuer.token(**claims))
    assert answer.status == 200, answer.text
    return str(answer.document["token"])


def reasons(answer: Answer) -> tuple[int, str, str]:
    """Return the status of a refusal, its code, and what it says."""
    [error] = answer.document["errors"]
    return answer.status, error["code"], error["description"]


async def test_audience(service: RunningService) -> None:
    """Clients learn what an identity has to be made for."""
    answer = await service.get("/_/oidc/audience")

    assert (answer.status, answer.document) == (200, {"audience": AUDIENCE})


async def test_upload(service: RunningService, issuer: Issuer) -> None:
    """The job of a trusted publisher uploads with the token that it gets."""
    await trust(service, issuer)

    answer = await exchange(service, "mint-token", issuer.token())
    token = answer.document["token"]
    uploaded = await service.upload(WHEEL, token=token)

    expires = service.clock.now() + timedelta(minutes=15)
    assert answer.document == {"success": True, "token": token, "expires": int(expires.timestamp())}
    assert uploaded.status == 200
    [stage] = (await service.api("GET", "stages")).document["stages"]
    [file] = (await service.api("GET", f"stages/{stage['id']}")).document["files"].values()
    assert file["uploaded-by-name"] == "octo/demo release.yml 1234567890"


async def test_other_rights(service: RunningService, issuer: Issuer) -> None:
    """A minted token is an upload token for its project alone, and for 15 minutes."""
    await trust(service, issuer)
    token = await minted(service, issuer)
    stage = await service.staged(WHEEL)

    elsewhere = await service.upload(a_wheel("other", "1.0"), token=token)
    canceled = await service.api("DELETE", f"stages/{stage['id']}", token)
    tokens = await service.api("GET", "tokens", token)
    service.clock.advance(minutes=15)
    late = await service.upload(WHEEL, token=token)

    assert [elsewhere.status, canceled.status, tokens.status, late.status] == [403] * 4


async def test_trail(service: RunningService, issuer: Issuer) -> None:
    """The audit trail says which run of which repository got a token."""
    await trust(service, issuer)
    await minted(service, issuer)

    events = (await service.api("GET", "audit")).document["events"]

    added, given = events[-2:]
    assert added["action"] == "publisher-added"
    assert added["details"].items() >= FIELDS.items()
    assert given["action"] == "token-minted"
    assert given["details"]["sha"] == "f" * 40
    assert given["details"]["workflow_ref"].endswith("release.yml@refs/tags/v2.0")


async def test_second_use(service: RunningService, issuer: Issuer) -> None:
    """An identity is good for one token."""
    await trust(service, issuer)
    identity = issuer.token()

    first = await exchange(service, "mint-token", identity)
    second = await exchange(service, "mint-token", identity)

    assert first.status == 200
    assert reasons(second)[:2] == (422, "invalid-reuse-token")


async def test_refused_identity_can_be_used_later(service: RunningService, issuer: Issuer) -> None:
    """An identity that was refused because no publisher was there is not used up."""
    identity = issuer.token()
    assert (await exchange(service, "mint-token", identity)).status == 422

    await trust(service, issuer)

    assert (await exchange(service, "mint-token", identity)).status == 200


async def test_job_that_is_nearly_right(service: RunningService, issuer: Issuer) -> None:
    """A job of the same repository learns what differs; one of another learns nothing."""
    await trust(service, issuer, environment="release")

    own = await exchange(service, "mint-token", issuer.token())
    foreign = await exchange(service, "mint-token", issuer.token(repository_id="666"))

    assert reasons(own) == (
        422,
        "invalid-publisher",
        "This job is no trusted publisher of a project here. environment is missing, not release.",
    )
    assert reasons(foreign) == (
        422,
        "invalid-publisher",
        "This job is no trusted publisher of a project here.",
    )


async def test_two_projects(service: RunningService, issuer: Issuer) -> None:
    """A job of two projects has to name one of them by its environment."""
    await trust(service, issuer, environment="demo")
    await trust(service, issuer, "other", environment="other")
    await trust(service, issuer, "third")
    await trust(service, issuer, "fourth")

    token = await minted(service, issuer, environment="other")
    unclear = await exchange(service, "mint-token", issuer.token())

    assert (await service.upload(a_wheel("other", "1.0"), token=token)).status == 200
    assert reasons(unclear)[:2] == (422, "ambiguous-publisher")
    assert "fourth, third" in reasons(unclear)[2]


async def test_forged_identity(service: RunningService, issuer: Issuer) -> None:
    """A forgery is refused in PyPI's shape, and its text is not repeated."""
    await trust(service, issuer)
    forged = issuer.token()[:-6] + "AAAAAA"

    answer = await exchange(service, "mint-token", forged)

    assert reasons(answer)[:2] == (422, "invalid-token")
    assert forged not in answer.text


async def test_issuer_that_is_down(service: RunningService, issuer: Issuer) -> None:
    """Without the keys of its issuer, a job is asked to try again."""
    await trust(service, issuer)
    issuer.status = 500

    answer = await exchange(service, "mint-token", issuer.token())

    assert reasons(answer)[:2] == (503, "issuer-unavailable")


async def test_burned_token(service: RunningService, issuer: Issuer) -> None:
    """A job gives its token back when it is done; other tokens are not burned."""
    await trust(service, issuer)
    token, long_lived = await minted(service, issuer), await service.token()

    answers = [
        await exchange(service, "burn-token", one) for one in (token, token, long_lived, "nonsense")
    ]

    assert [one.status for one in answers] == [202] * 4
    assert len({one.text for one in answers}) == 1
    assert (await service.upload(WHEEL, token=token)).status == 403
    assert (await service.upload(WHEEL, token=long_lived)).status == 200


async def test_publishers(service: RunningService, issuer: Issuer) -> None:
    """Publishers are listed and removed; tokens of a removed one are revoked."""
    added = (await trust(service, issuer)).document
    token = await minted(service, issuer)

    listed = (await service.api("GET", "projects/demo/publishers")).document["publishers"]
    removed = await service.api("DELETE", f"projects/demo/publishers/{added['id']}")
    again = await service.api("DELETE", f"projects/demo/publishers/{added['id']}")

    assert listed == [added]
    assert removed.document == added
    assert again.status == 404
    assert (await service.upload(WHEEL, token=token)).status == 403
    assert (await exchange(service, "mint-token", issuer.token(run_id="2"))).status == 422


@pytest.mark.parametrize(("can", "reads"), [("upload", 403), ("manage", 200)])
async def test_who_may_add_publishers(
    service: RunningService, issuer: Issuer, can: str, reads: int
) -> None:
    """A publisher is as good as a token: whoever makes no tokens adds none."""
    token = await service.token(can)
    order = {"provider": "github", "issuer": issuer.url, "fields": FIELDS}

    added = await service.api("POST", "projects/demo/publishers", token, **order)
    listed = await service.api("GET", "projects/demo/publishers", token)

    assert (added.status, listed.status) == (403, reads)


WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "no ids": ({"fields": {"repository": "octo/demo", "workflow": "release.yml"}}, "is missing"),
    "id is a name": ({"fields": {**FIELDS, "repository_id": "demo"}}, "gh api repos"),
    "unknown field": ({"fields": {**FIELDS, "branch": "main"}}, "is no field of github"),
    "path of a workflow": (
        {"fields": {**FIELDS, "workflow": ".github/workflows/release.yml"}},
        "name the file",
    ),
    "unknown issuer": ({"issuer": "https://attacker.example"}, "oidc.issuers"),
    "no issuer": ({"provider": "other", "issuer": "", "fields": {"sub": "x"}}, "needs an issuer"),
    "empty value": ({"fields": {**FIELDS, "environment": ""}}, "environment"),
}


@pytest.mark.parametrize(("changes", "said"), WRONG.values(), ids=WRONG)
async def test_wrong_publishers(
    service: RunningService, issuer: Issuer, changes: dict[str, Any], said: str
) -> None:
    """A publisher that could match nothing, or too much, is refused, with what to write."""
    order = {"provider": "github", "issuer": issuer.url, "fields": FIELDS, **changes}

    answer = await service.api("POST", "projects/demo/publishers", **order)

    assert answer.status == 400
    assert said in answer.text


async def test_same_publisher_again(service: RunningService, issuer: Issuer) -> None:
    """A project has a publisher once."""
    first, second = await trust(service, issuer), await trust(service, issuer)

    assert (first.status, second.status) == (201, 409)
