"""Trusted Publishing of the fake index."""

import json
from datetime import timedelta
from typing import Any

import pytest
from aiohttp import ClientSession

from tests.support.builders.distributions import Distribution, a_wheel
from tests.support.clients.http import Answer, fetch, send
from tests.support.clients.uploading import upload
from tests.support.index.fake_index import FakeIndex
from tests.support.index.oidc import CI_TOKEN
from tests.support.ports.clock import FakeClock

ATTESTED = json.dumps([{"version": 1}])


async def post_token(index: FakeIndex, path: str, token: str) -> Answer:
    """Return the answer to a document with a token."""
    data = json.dumps({"token": token}).encode()
    async with ClientSession() as session:
        return await send(session, "POST", index.url + path, data=data)


async def identity(index: FakeIndex, audience: str = "pypi") -> str:
    """Return the identity token that the CI issues to its own job."""
    headers = {"Authorization": f"bearer {CI_TOKEN}"}
    answer = await fetch(index, f"/_ci/identity?audience={audience}", headers)
    return str(answer.document["value"])


async def minted(index: FakeIndex) -> Any:
    """Return the answer of the index to a valid identity."""
    return (await post_token(index, "/_/oidc/mint-token", await identity(index))).document


async def test_exchange(index: FakeIndex) -> None:
    """A job requests the audience, an identity and a token that uploads."""
    clock = FakeClock()
    index.uploads.use(clock)
    audience = (await fetch(index, "/_/oidc/audience")).document

    document = await minted(index)
    answer = await upload(index, a_wheel(), token=document["token"])

    expires = int((clock.now() + timedelta(seconds=900)).timestamp())
    assert (audience, document["success"]) == ({"audience": "pypi"}, True)
    assert (document["expires"], answer.status) == (expires, 200)


async def test_minted_token_expires(index: FakeIndex) -> None:
    """A minted token is valid for 900 seconds."""
    clock = FakeClock()
    index.uploads.use(clock)
    token = (await minted(index))["token"]

    clock.advance(seconds=899)
    in_time = await upload(index, a_wheel(), token=token)
    clock.advance(seconds=1)
    too_late = await upload(index, a_wheel(), token=token)

    assert (in_time.status, too_late.status) == (200, 403)
    assert too_late.reason.startswith("Invalid API Token: token is expired")


async def test_burned_token(index: FakeIndex) -> None:
    """A burned token is unknown."""
    token = (await minted(index))["token"]

    burned = await post_token(index, "/_/oidc/burn-token", token)

    assert (burned.status, (await upload(index, a_wheel(), token=token)).status) == (202, 403)


@pytest.mark.parametrize("case", ["audience", "again", "unknown", "not registered"])
async def test_identity_that_is_refused(index: FakeIndex, case: str) -> None:
    """An identity is valid once, for the index's audience, if its workflow is registered."""
    token = await identity(index, "another" if case == "audience" else "pypi")
    index.uploads.trusted.is_registered = case != "not registered"
    if case == "again":
        await post_token(index, "/_/oidc/mint-token", token)

    answer = await post_token(index, "/_/oidc/mint-token", "x" if case == "unknown" else token)

    assert (answer.status, answer.document["message"]) == (422, "Token request failed")


async def test_unknown_job(index: FakeIndex) -> None:
    """The CI issues an identity only to the job itself."""
    assert (await fetch(index, "/_ci/identity?audience=pypi")).status == 401


async def attested(index: FakeIndex, one: Distribution, **more: str) -> Answer:
    """Return the answer to an upload with attestations."""
    return await upload(index, one, attestations=ATTESTED, **more)


async def test_attestations(index: FakeIndex) -> None:
    """Attestations are refused with an API token, and stored with a minted one."""
    plain = await attested(index, a_wheel())
    trusted = await attested(index, a_wheel(), token=(await minted(index))["token"])

    stored = index.uploads.history.attempts[-1].fields
    assert (plain.status, trusted.status) == (400, 200)
    assert plain.reason.endswith("only supported when using Trusted Publishing")
    assert ("attestations", ATTESTED) in stored
