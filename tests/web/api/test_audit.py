"""The audit trail over HTTP: the events of a stage, and the check of the trail."""

import logging
from typing import Any

import pytest

from stageproxy.catalogue import Rows
from stageproxy.services import audit
from tests.support.builders.distributions import a_wheel
from tests.support.database import execute
from tests.support.servers.service import RunningService

WHEEL = a_wheel(version="2.0")
VERIFY = "audit/verify"


async def events_of(service: RunningService, stage_id: str, token: str | None = None) -> Any:
    """Return the events of a stage, as a token may read them."""
    answer = await service.api("GET", f"stages/{stage_id}/audit", token)
    assert answer.status == 200
    return answer.document["events"]


async def test_shape_of_an_event(service: RunningService) -> None:
    """An event has its position, actor, action, time and release, and its digest."""
    stage = await service.open_stage()
    head = await service.parts.database.read(lambda rows: rows.audit.head())
    (admin,) = (await service.api("GET", "tokens")).document["tokens"]

    assert await events_of(service, stage["id"]) == [
        {
            "number": 2,
            "at": "2026-11-22T12:00:00.123456Z",
            "actor": admin["id"],
            "actor-name": "admin",
            "action": "opened",
            "project": "demo",
            "version": "2.0",
            "details": {"expires-at": "2026-11-29T12:00:00.123456Z"},
            "digest": head.digest,
        }
    ]


async def test_events_of_one_stage(service: RunningService) -> None:
    """The events of a stage are in order, and include no other stage's."""
    stage = await service.staged(WHEEL)
    await service.open_stage("other")
    await service.api("POST", f"stages/{stage['id']}/rotate")

    actions = [one["action"] for one in await events_of(service, stage["id"])]

    assert actions == ["opened", "uploaded", "rotated"]


async def test_long_trail(service: RunningService) -> None:
    """A trail that is read in several parts is complete."""
    stage = await service.open_stage()

    def rotate(rows: Rows) -> None:
        (opened,) = rows.audit.list(stage["id"])
        for _ in range(2 * audit._PAGE):  # noqa: SLF001 - more than one page
            rows.audit.add(opened.event)

    await service.parts.database.write(rotate)

    numbers = [one["number"] for one in await events_of(service, stage["id"])]
    verified = (await service.api("GET", VERIFY)).document
    assert numbers == [*range(2, 2 * audit._PAGE + 3)]  # noqa: SLF001
    assert (verified["ok"], verified["records"]) == (True, numbers[-1])


@pytest.fixture
async def forgotten(service: RunningService) -> str:
    """Return the id of a stage of demo 2.0 that was forgotten."""
    stage = await service.staged(WHEEL)
    await service.api("DELETE", f"stages/{stage['id']}")
    service.clock.advance(days=31)
    await service.parts.expiry.sweep()
    return str(stage["id"])


@pytest.mark.parametrize(
    ("can", "project", "status"),
    [
        ("admin", "*", 200),
        ("manage", "*", 200),
        ("manage", "demo", 200),
        ("manage", "other", 403),
        ("upload", "demo", 403),
    ],
)
async def test_forgotten_stage(
    service: RunningService, forgotten: str, can: str, project: str, status: int
) -> None:
    """The events of a forgotten stage stay readable for those who could read them before."""
    token = await service.token(can, project)

    answer = await service.api("GET", f"stages/{forgotten}/audit", token)

    assert answer.status == status
    if status == 200:
        actions = [one["action"] for one in answer.document["events"]]
        assert actions == ["opened", "uploaded", "canceled", "forgotten"]


async def test_forgotten_stage_of_another_project(service: RunningService, forgotten: str) -> None:
    """A token for another project gets one answer for a forgotten and an unknown stage."""
    token = await service.token("manage", "other")

    answers = [
        await service.api("GET", f"stages/{stage_id}/audit", token)
        for stage_id in (forgotten, "0123456789abcdef")
    ]

    assert answers[0].body == answers[1].body


async def test_unchanged_trail(service: RunningService) -> None:
    """An unchanged trail is reported as intact, with its head and with each earlier head."""
    heads = []
    for version in ("1.0", "2.0"):
        await service.open_stage(version=version)
        heads.append((await service.api("GET", VERIFY)).document["head"])

    answers = [(await service.api("GET", f"{VERIFY}?head={one.upper()}")).document for one in heads]

    expected = {"ok": True, "records": 3, "head": heads[1], "broken-at": None, "reason": None}
    assert answers == [expected, expected]


async def test_edited_trail(service: RunningService, caplog: pytest.LogCaptureFixture) -> None:
    """An edited trail is reported as broken at that record, and logged as an error."""
    await service.staged(WHEEL)
    execute(
        service.data / "catalogue.db",
        "DROP TRIGGER audit_record_is_never_changed",
        "UPDATE audit_record SET actor = 'nobody' WHERE action = 'opened'",
    )

    document = (await service.api("GET", VERIFY)).document

    assert (document["ok"], document["records"], document["broken-at"]) == (False, 1, 2)
    assert document["reason"] == "Record 2 was changed."
    assert ("stageproxy.services.audit", logging.ERROR, "audit: Record 2 was changed.") in [
        *caplog.record_tuples
    ]


async def test_sweeps_log_the_head(
    service: RunningService, caplog: pytest.LogCaptureFixture
) -> None:
    """Each sweep logs the head, so that a truncated trail can be detected."""
    caplog.set_level(logging.INFO)
    await service.staged(WHEEL)
    await service.parts.expiry.sweep()
    head = await service.parts.database.read(lambda rows: rows.audit.head())
    execute(
        service.data / "catalogue.db",
        "DROP TRIGGER audit_record_is_never_removed",
        "DELETE FROM audit_record WHERE number = (SELECT max(number) FROM audit_record)",
    )

    without = (await service.api("GET", VERIFY)).document
    with_head = (await service.api("GET", f"{VERIFY}?head={head.digest}")).document

    assert f"audit: the head is record 3, {head.digest}" in caplog.messages
    assert (without["ok"], with_head["ok"], with_head["broken-at"]) == (True, False, 3)


@pytest.mark.parametrize("head", ["x", "0" * 63, "0" * 65, "g" * 64])
async def test_malformed_head(service: RunningService, head: str) -> None:
    """A head that cannot be a digest is refused, not reported as a broken trail."""
    answer = await service.api("GET", f"{VERIFY}?head={head}")

    assert (answer.status, answer.document["detail"]) == (
        400,
        "The head must be a digest of 64 hexadecimal digits.",
    )


async def test_events_of_tokens(service: RunningService) -> None:
    """An admin can list who made and revoked API tokens, and refusals that name no stage."""
    order = {"can": "upload", "project": "demo", "name": "ci-linux"}
    made = (await service.api("POST", "tokens", **order)).document
    await service.open_stage()
    await service.api("POST", "tokens", made["token"], **order)
    await service.api("DELETE", f"tokens/{made['id']}")

    events = (await service.api("GET", "audit")).document["events"]

    assert [(one["actor-name"], one["action"], one["details"].get("name")) for one in events] == [
        (None, "token-made", "admin"),
        ("admin", "token-made", "ci-linux"),
        ("ci-linux", "refused", None),
        ("admin", "token-revoked", "ci-linux"),
    ]
    assert [one["number"] for one in events] == [1, 2, 4, 5]


async def test_events_of_tokens_are_for_admins(service: RunningService) -> None:
    """A manage token cannot list the events of API tokens."""
    token = await service.token("manage", "*")

    assert (await service.api("GET", "audit", token)).status == 403
