"""Refused writes: each is a row of the audit trail, if the API token is valid."""

import logging
from pathlib import Path

import pytest

from stageproxy.catalogue import Rows
from stageproxy.core.errors import NoRoomError
from stageproxy.core.rights import TOKEN_PATTERN, TokenKind, make_token
from tests.support.builders.distributions import a_wheel
from tests.support.builders.forms import twine_form
from tests.support.builders.trails import trail_of
from tests.support.clients.pep694 import Pep694Client
from tests.support.database import pragma
from tests.support.index.fake_index import FakeIndex
from tests.support.servers.service import RunningService, prefix_of, running_service

WHEEL = a_wheel(version="2.0")
UNKNOWN = make_token(TokenKind.UPLOAD, b"\x07" * 32).reveal()


async def test_refused_for_a_stage(service: RunningService) -> None:
    """A refusal has the token, the action, the reason and the stage."""
    stage = await service.open_stage()
    made = (await service.api("POST", "tokens", can="upload", project="demo")).document

    answer = await service.api("DELETE", f"stages/{stage['id']}", made["token"])

    *_, refused = await trail_of(service)
    assert (refused.actor, refused.action) == (made["id"], "refused")
    assert (refused.project, refused.version, refused.stage_id) == ("demo", "2.0", stage["id"])
    assert refused.details == {
        "method": "DELETE",
        "route": "/api/stages/{id}",
        "sentence": answer.document["detail"],
    }


async def test_refused_for_no_stage(service: RunningService) -> None:
    """A refusal about an unknown stage has no stage: ids of requests are not copied."""
    await service.api("DELETE", "stages/0123456789abcdef")
    await service.api("DELETE", "tokens/12345678")
    await service.upload(a_wheel(version="2.0"), token=await service.token(project="other"))

    refused = [one for one in await trail_of(service) if one.action == "refused"]

    assert [one.details["route"] for one in refused] == [
        "/api/stages/{id}",
        "/api/tokens/{id}",
        "/legacy/",
    ]
    assert {(one.project, one.version, one.stage_id) for one in refused} == {(None, None, None)}


async def test_refused_for_the_stage_of_a_url(service: RunningService) -> None:
    """The stage of a stage URL is recorded by its id, and no token is."""
    stage = await service.open_stage()
    url = f"{prefix_of(stage)}legacy/"

    await service.upload(a_wheel(version="3.0"), to=url)

    *_, refused = await trail_of(service, stage["id"])
    assert refused.details["route"] == "/tmp/{project}/***/legacy/"
    assert TOKEN_PATTERN.search(str(refused)) is None


@pytest.mark.parametrize("token", ["x", UNKNOWN], ids=["malformed", "unknown"])
async def test_refusals_without_a_valid_token(service: RunningService, token: str) -> None:
    """Refusals without a valid token are logged, and do not grow the trail."""
    stage = await service.open_stage()
    before = await trail_of(service)

    answers = [
        await service.upload(WHEEL, token=token),
        await service.api("DELETE", f"stages/{stage['id']}", token),
        await service.send("POST", "/api/stages", data=b"{}"),
        await service.send("POST", "/legacy/", data=b""),
    ]

    assert min(one.status for one in answers) >= 400
    assert await trail_of(service) == before


async def test_revoked_token(service: RunningService) -> None:
    """Refusals of a revoked token are not recorded: anyone may have it."""
    made = (await service.api("POST", "tokens", can="admin", project="*")).document
    await service.api("DELETE", f"tokens/{made['id']}")
    before = await trail_of(service)

    assert (await service.upload(WHEEL, token=made["token"])).status == 403

    assert await trail_of(service) == before


async def test_refused_reads(service: RunningService) -> None:
    """A refused request that would change nothing is not recorded."""
    stage = await service.open_stage()
    token = await service.token(project="other")
    before = await trail_of(service)

    answers = [
        await service.api("GET", f"stages/{stage['id']}", token),
        await service.api("POST", "check", token, filename="x", form={"name": "demo"}),
        await service.api("POST", "check", token, nonsense=1),
    ]

    assert min(one.status for one in answers) >= 400
    assert await trail_of(service) == before


async def test_every_shape(service: RunningService) -> None:
    """Each API records one row per refusal, whatever the reason."""
    client = Pep694Client(service)
    session = await client.session()
    await client.announce(session, a_wheel(version="3.0"))
    await client.say("POST", "/upload/2.0/", b"{}", Accept="text/html")
    await service.post(b"no form")
    await service.api("POST", "stages", name="-x-")
    await service.api("POST", "stages", name="demo", version="2.0")

    refused = [one for one in await trail_of(service) if one.action == "refused"]

    assert [one.details["route"] for one in refused] == [
        "/upload/2.0/sessions/{id}/files",
        "/upload/2.0/",
        "/legacy/",
        "/api/stages",
        "/api/stages",
    ]


async def test_tokens_in_what_is_sent(service: RunningService) -> None:
    """A token in an unexpected part of a request is not recorded."""
    await service.post(twine_form(WHEEL, **{":action": f"is {UNKNOWN}"}))
    await service.api("DELETE", f"stages/{UNKNOWN}")
    await service.api("POST", "stages", name="demo", version=UNKNOWN)

    events = await trail_of(service)

    assert [one.action for one in events[1:]] == ["refused"] * 3
    assert "stgu_***" in str(events)
    assert UNKNOWN[5:] not in str(events)


async def test_long_sentences(service: RunningService) -> None:
    """A long reason is shortened."""
    await service.post(twine_form(WHEEL, **{":action": "x" * 100_000}))

    *_, refused = await trail_of(service)

    assert len(str(refused.details["sentence"])) == 500


async def test_no_room_for_the_row(
    service: RunningService, caplog: pytest.LogCaptureFixture
) -> None:
    """On a full disk a refusal is answered as usual, and only logged."""

    def fill(rows: Rows) -> None:
        pragma(rows, "max_page_count = 1")
        for _ in range(1000):
            rows.audit.add(event)

    (event,) = await trail_of(service)
    with pytest.raises(NoRoomError):
        await service.parts.database.write(fill)
    statuses = set()
    for _ in range(200):
        service.clock.advance(minutes=1)
        statuses.add((await service.api("DELETE", "stages/x")).status)

    assert statuses == {404}
    last = [one for one in caplog.records if one.name == "stageproxy.services.audit"][-1]
    assert last.levelno == logging.ERROR
    assert last.getMessage() == (
        f"audit: a refusal of token admin ({await admin(service)}) was not recorded: "
        "The server's disk is full. Its operator must free space."
    )


async def admin(service: RunningService) -> str:
    """Return the id of the first token."""
    (token,) = await service.parts.database.read(lambda rows: rows.tokens.list())
    return token.id


async def test_refused_very_often(tmp_path: Path, index: FakeIndex) -> None:
    """More refusals of a token in an hour than the limit are counted, not recorded one by one."""
    few = {"refusals_per_hour": 6}
    async with running_service(tmp_path / "data", index, limits=few) as service:
        made = (await service.api("POST", "tokens", can="upload", project="demo")).document
        stage = await service.open_stage()
        path, token = f"stages/{stage['id']}", made["token"]

        for _ in range(11):
            await service.api("DELETE", path, token)
        service.clock.advance(hours=1)
        await service.api("DELETE", path, token)

        refused = [one for one in await trail_of(service) if one.action == "refused"]
        assert len(refused) == 7
        assert [one.details.get("left-out") for one in refused[-2:]] == [None, 5]
