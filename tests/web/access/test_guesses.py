"""Clients that guess tokens: they have to wait, and nobody else has to."""

from collections.abc import AsyncIterator
from pathlib import Path
from secrets import token_bytes, token_hex
from typing import Any

import pytest

from stageproxy.core.rights import TokenKind, make_token
from tests.support.builders.distributions import a_wheel
from tests.support.index.fake_index import FakeIndex
from tests.support.servers.service import RunningService, prefix_of, running_service

ELSEWHERE = {"X-Forwarded-For": "192.0.2.7"}


@pytest.fixture
async def service(tmp_path: Path, index: FakeIndex) -> AsyncIterator[RunningService]:
    """Return a running service behind a proxy that is trusted."""
    server = {"port": 0, "trusted_proxies": ["127.0.0.1"]}
    async with running_service(tmp_path / "data", index, server=server) as running:
        yield running


def a_token(kind: TokenKind) -> str:
    """Return a token of the right form that nobody has made."""
    return make_token(kind, token_bytes(32)).reveal()


async def guess(service: RunningService, times: int, path: str = "/api/stages") -> list[Any]:
    """Return the answers to requests with so many unknown API tokens."""
    method = "GET" if path == "/api/stages" else "POST"
    return [
        await service.send(method, path, {"Authorization": f"Bearer {a_token(TokenKind.UPLOAD)}"})
        for _ in range(times)
    ]


async def test_unknown_api_tokens(service: RunningService) -> None:
    """After ten unknown API tokens in five minutes, the next ones get 429 and a time to wait."""
    answers = await guess(service, 12)

    assert [one.status for one in answers] == [401] * 10 + [429] * 2
    assert answers[-1].headers["Retry-After"] == "30"
    assert answers[-1].document["detail"] == (
        "Your address has sent too many unknown API tokens. Try again in 30 s."
    )
    service.clock.advance(seconds=30)
    assert [one.status for one in await guess(service, 2)] == [401, 429]


@pytest.mark.parametrize("path", ["/legacy/", "/upload/2.0/", "/api/check"])
async def test_every_api_counts(service: RunningService, path: str) -> None:
    """Unknown API tokens count wherever they are sent; uploaders show the sentence."""
    await guess(service, 10)

    refused = (await guess(service, 1, path))[0]

    assert refused.status == 429
    assert "too many unknown API tokens" in refused.text + str(refused.reason)


async def test_valid_tokens_of_the_same_address(service: RunningService) -> None:
    """A valid API token is accepted all the same, and so is a stage URL."""
    stage = await service.staged()
    await guess(service, 20)

    uploaded = await service.upload(a_wheel(version="2.0", tag="cp312-cp312-win_amd64"))
    page = await service.get(prefix_of(stage) + "simple/demo/")

    assert (uploaded.status, page.status) == (200, 200)


async def test_other_addresses(service: RunningService) -> None:
    """The addresses behind a trusted proxy are counted each for itself."""
    await guess(service, 20)

    headers = {**ELSEWHERE, "Authorization": f"Bearer {a_token(TokenKind.UPLOAD)}"}
    elsewhere = await service.send("GET", "/api/stages", headers)

    assert elsewhere.status == 401


async def test_known_tokens_are_no_guesses(service: RunningService) -> None:
    """A revoked token and a token without the right are known: they get their 403 each time."""
    made = (await service.api("POST", "tokens", can="upload", project="demo")).document
    await service.api("DELETE", f"tokens/{made['id']}")
    weak = await service.token("upload", "other")

    statuses = [(await service.api("GET", "tokens", made["token"])).status for _ in range(12)]
    statuses += [(await service.api("GET", "tokens", weak)).status for _ in range(12)]

    assert statuses == [403] * 24


async def test_token_beside_a_stage_url(service: RunningService) -> None:
    """An unknown API token does not prevent reading, until it is a guess."""
    stage = await service.staged()
    unknown = {"Accept": "application/json", "Authorization": "Bearer nonsense"}
    outdated = [(await service.send("GET", prefix_of(stage), unknown)).status for _ in range(20)]
    await guess(service, 9)

    guessed = await service.send("GET", prefix_of(stage), {"Authorization": "Bearer other"})
    plain = await service.get(prefix_of(stage))

    assert outdated == [200] * 20
    assert (guessed.status, plain.status) == (429, 200)


async def test_unknown_stage_urls(service: RunningService) -> None:
    """Unknown, foreign and malformed stage URLs get the same 404, and after 60 the same 429."""
    stage = await service.staged()
    foreign = prefix_of(stage).removeprefix(service.url).replace("/demo/", "/{}/")
    paths = [
        *(f"/tmp/demo/{a_token(TokenKind.STAGE)}/simple/demo/" for _ in range(20)),
        *(f"/tmp/demo/{token_hex(8)}/" for _ in range(20)),
        *(foreign.format(f"other{number}") for number in range(23)),
    ]

    answers = [await service.get(path) for path in paths]

    assert [one.status for one in answers] == [404] * 60 + [429] * 3
    assert len({one.body for one in answers[:60]}) == 1
    assert answers[-1].headers["Retry-After"] == "1"
    assert answers[-1].text == (
        "Your address has asked for too many unknown stage URLs. Try again in 1 s."
    )
    assert (await service.get(prefix_of(stage) + "simple/demo/")).status == 200


async def test_outdated_stage_url(service: RunningService) -> None:
    """An installer that asks an unknown stage URL for many projects is not shut out."""
    prefix = f"/tmp/demo/{a_token(TokenKind.STAGE)}"

    statuses = {(await service.get(f"{prefix}/simple/demo{n}/")).status for n in range(300)}

    assert statuses == {404}


async def test_ended_stages_are_no_guesses(service: RunningService) -> None:
    """The URL of a stage that has ended is known: it gets its 410 each time."""
    stage = await service.staged()
    await service.api("DELETE", f"stages/{stage['id']}")

    statuses = {(await service.get(prefix_of(stage) + "simple/demo/")).status for _ in range(700)}

    assert statuses == {410}


async def test_metric(service: RunningService) -> None:
    """The refused guesses are counted, without addresses and tokens."""
    await guess(service, 13)

    metrics = (await service.get("/metrics")).text

    assert 'stageproxy_refused_guesses_total{guessed="api-token"} 3.0' in metrics
