"""Stages without files: they do not block a project, and whoever opened one can cancel it."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.builders.distributions import a_wheel
from tests.support.clients.pep694 import Pep694Client
from tests.support.index.fake_index import FakeIndex
from tests.support.servers.service import RunningService, prefix_of, running_service

FEW = 3


@pytest.fixture
async def service(tmp_path: Path, index: FakeIndex) -> AsyncIterator[RunningService]:
    """Run a service on which a project can have three live stages."""
    async with running_service(tmp_path / "data", index, stage={"max_per_project": FEW}) as running:
        yield running


async def opened_by(service: RunningService, token: str, *versions: str) -> list[Any]:
    """Return stages that a token has opened."""
    return [
        (await service.api("POST", "stages", token, name="demo", version=one)).document
        for one in versions
    ]


async def test_full_of_empty_stages(service: RunningService) -> None:
    """The refusal names who can cancel a stage, and how to cancel all empty ones."""
    await opened_by(service, await service.token(), "1.0", "2.0", "3.0")

    answer = await service.upload(a_wheel(version="4.0"))

    assert answer.status == 429
    assert answer.reason == (
        "demo already has 3 live stages. Cancel one first: a manage token can cancel any of "
        "them, an upload token only an empty one that it opened. The server's operator can raise "
        "stage.max_per_project. `stageproxy stage cancel "
        "--empty --project demo` cancels the empty ones."
    )


async def test_empty_stages_make_room(service: RunningService) -> None:
    """After an hour, the oldest empty stages end when the project needs room for others."""
    [oldest] = await opened_by(service, await service.token(), "1.0")
    service.clock.advance(minutes=30)
    [newer, newest] = await opened_by(service, await service.token(), "2.0", "3.0")
    service.clock.advance(minutes=30)

    answer = await service.upload(a_wheel(version="4.0"))

    assert answer.status == 200
    listed = (await service.api("GET", "stages")).document["stages"]
    statuses = {one["id"]: one["status"] for one in listed}
    assert [statuses[one["id"]] for one in (oldest, newer, newest)] == ["canceled", "open", "open"]
    [ended] = [one["notices"] for one in listed if one["id"] == oldest["id"]]
    assert ended == ["It expired: it was empty, and its project had no room for another stage."]
    trail = (await service.api("GET", f"stages/{oldest['id']}/audit")).document["events"]
    assert [(one["actor-name"], one["action"]) for one in trail] == [
        ("upload demo", "opened"),
        (None, "expired"),
    ]


async def test_empty_stages_are_kept(service: RunningService) -> None:
    """Where there is room, an empty stage lives as long as any other."""
    [stage] = await opened_by(service, await service.token(), "1.0")
    service.clock.advance(days=6)

    assert (await service.upload(a_wheel(version="4.0"))).status == 200
    assert (await service.api("GET", f"stages/{stage['id']}")).document["status"] == "open"


async def test_upload_token_cancels_its_own_empty_stage(service: RunningService) -> None:
    """An upload token can cancel a stage that it opened itself, while that is empty."""
    token = await service.token()
    [stage] = await opened_by(service, token, "1.0")

    answer = await service.api("DELETE", f"stages/{stage['id']}", token)

    assert (answer.status, answer.document["status"]) == (200, "canceled")


async def test_upload_token_cancels_its_own_session(service: RunningService) -> None:
    """The same is true for the session of PEP 694."""
    client = Pep694Client(service, await service.token())
    session = await client.session()

    answer = await client.ask("DELETE", session["links"]["session"])

    assert answer.status == 204


@pytest.mark.parametrize("case", ["with a file", "with an upload", "of another token"])
async def test_upload_token_cannot_cancel(service: RunningService, case: str) -> None:
    """It can cancel neither a stage with files, whoever sent them, nor a stage of another token."""
    token = await service.token()
    [stage] = await opened_by(service, token, "2.0")
    if case == "with a file":
        await service.upload(a_wheel(version="2.0"), to=f"{prefix_of(stage)}legacy/")
    if case == "with an upload":
        client = Pep694Client(service, token)
        await client.announce(stage, a_wheel(version="2.0"))
    other = token if case != "of another token" else await service.token()

    answer = await service.api("DELETE", f"stages/{stage['id']}", other)

    assert answer.status == 403
    assert answer.document["detail"] == (
        "This API token cannot cancel demo. An upload token can only cancel an empty stage that it "
        "opened."
    )


async def test_only_if_empty(service: RunningService) -> None:
    """A stage that got a file in the meantime is not canceled with the empty ones."""
    stage = await service.staged(a_wheel(version="2.0"))

    kept = await service.api("DELETE", f"stages/{stage['id']}?only-if-empty=true")

    assert kept.status == 409
    assert kept.document["detail"] == "Stage demo 2.0 is not empty, and was not canceled."
    assert (await service.api("DELETE", f"stages/{stage['id']}?only-if-empty=x")).status == 400
    assert (await service.api("DELETE", f"stages/{stage['id']}")).status == 200
