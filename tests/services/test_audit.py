"""Audit events of changes: one for each, in its transaction, and none for anything else."""

from typing import Any

import pytest

from stageproxy.catalogue import ConstraintError, Rows
from stageproxy.core.audit import SERVER, Event, find_broken_record
from tests.support.builders.distributions import a_wheel, an_sdist
from tests.support.builders.trails import actions_of, trail_of
from tests.support.clients.pep694 import Pep694Client
from tests.support.database import execute
from tests.support.ports.clock import NOON
from tests.support.servers.service import RunningService
from tests.support.stored_files import stored_file

WHEEL = a_wheel(version="2.0")
OTHER = a_wheel(version="2.0", summary="Other")
SDIST = an_sdist(version="2.0")
BOTH = (WHEEL, OTHER)


async def admin_of(service: RunningService) -> str:
    """Return the id of the first token."""
    (token,) = await service.parts.database.read(lambda rows: rows.tokens.list())
    return token.id


async def test_events_of_a_stage(service: RunningService) -> None:
    """Each change of a stage is an event, in order, with the token that made it."""
    stage = await service.staged(WHEEL, SDIST)
    path = f"stages/{stage['id']}"
    await service.upload(OTHER)
    await service.api("POST", f"{path}/extend", **{"extend-for": 60})
    await service.api("POST", f"{path}/rotate")
    await service.api("DELETE", f"{path}/files/{SDIST.filename}")
    await service.api("DELETE", path)

    events = await trail_of(service, stage["id"])

    assert [one.action for one in events] == [
        "opened",
        "uploaded",
        "uploaded",
        "replaced",
        "extended",
        "rotated",
        "withdrawn",
        "canceled",
    ]
    assert {one.actor for one in events} == {await admin_of(service)}
    assert {(one.at, one.project, one.version) for one in events} == {(NOON, "demo", "2.0")}


async def test_details(service: RunningService) -> None:
    """An event has what a reader needs after the stage is removed."""
    stage = await service.staged(WHEEL)
    await service.upload(OTHER)
    await service.api("POST", f"stages/{stage['id']}/rotate")
    await service.api("DELETE", f"stages/{stage['id']}/files/{WHEEL.filename}")

    opened, uploaded, replaced, rotated, withdrawn = [
        one.details for one in await trail_of(service, stage["id"])
    ]

    bytes_of = {one.sha256: {"sha256": one.sha256, "size": len(one.content)} for one in BOTH}
    assert opened == {"expires-at": "2026-11-29T12:00:00.123456Z"}
    assert uploaded == {
        "filename": WHEEL.filename,
        "form-sha256": uploaded["form-sha256"],
        **bytes_of[WHEEL.sha256],
    }
    assert replaced == {
        "filename": WHEEL.filename,
        "form-sha256": replaced["form-sha256"],
        "replaced-sha256": WHEEL.sha256,
        **bytes_of[OTHER.sha256],
    }
    assert rotated == {"rotation": 1}
    assert withdrawn == {key: one for key, one in replaced.items() if key != "replaced-sha256"}


async def test_events_of_a_file_upload(service: RunningService) -> None:
    """Each change of a file upload is an event, and so is what it does to the stage."""
    client = Pep694Client(service)
    session = await client.session()
    upload = await client.sent(session, WHEEL)
    await client.attest(upload, [])
    await client.extend(upload, 60)
    await client.complete(upload)
    await client.delete(upload)

    assert await actions_of(service, session["id"]) == [
        "opened",
        "file-announced",
        "file-received",
        "file-attested",
        "file-extended",
        "file-processing",
        "file-completed",
        "uploaded",
        "file-deleted",
    ]


async def test_refused_file(service: RunningService) -> None:
    """A refused file is an event with the reason, and so is its deletion for another one."""
    client = Pep694Client(service)
    session = await client.session()
    upload = (await client.announce(session, WHEEL)).document
    await client.send(upload, b"no wheel")
    await client.complete(upload)
    await service.upload(WHEEL)

    *_, failed, refused, deleted, uploaded = await trail_of(service, session["id"])

    assert [failed.action, refused.action] == ["file-failed", "refused"]
    assert [deleted.action, uploaded.action] == ["file-deleted", "uploaded"]
    assert str(failed.details["sentence"]).startswith(str(refused.details["sentence"]))


async def test_interrupted_server(service: RunningService) -> None:
    """An upload that was interrupted by a stop is ended by the next server, as its actor."""
    client = Pep694Client(service)
    session = await client.session()
    upload = await client.sent(session, WHEEL)
    async with client.processing(upload):
        await service.parts.leases.end_all()
        await service.parts.completion.recover()

    (failed,) = [one for one in await trail_of(service) if one.action == "file-failed"]
    assert failed.actor == SERVER


async def test_file_that_cannot_be_examined(service: RunningService) -> None:
    """An internal error puts an upload back, with the server as the actor."""
    client = Pep694Client(service)
    session = await client.session()
    upload = await client.sent(session, WHEEL)
    stored_file(service.data, WHEEL.sha256).unlink()

    assert (await client.complete(upload)).status == 500

    *_, processing, put_back = await trail_of(service, session["id"])
    assert (processing.action, put_back.action) == ("file-processing", "file-put-back")
    assert put_back.actor == SERVER


async def test_events_of_the_server(service: RunningService) -> None:
    """Expiry and removal are events once, with the server as the actor."""
    client = Pep694Client(service)
    session = await client.session()
    await client.announce(session, WHEEL)
    for days in (2, 6, 30, 1):
        service.clock.advance(days=days)
        await service.parts.expiry.sweep()

    ends = (await trail_of(service, session["id"]))[2:]

    assert [one.action for one in ends] == ["file-expired", "expired", "forgotten"]
    assert {one.actor for one in ends} == {SERVER}


async def test_events_of_tokens(service: RunningService) -> None:
    """Creating and revoking a token are events with its id and name, including the first one."""
    admin = await admin_of(service)
    made = (await service.api("POST", "tokens", can="manage", project="demo")).document
    for _ in range(2):
        await service.api("DELETE", f"tokens/{made['id']}")

    details = {"token": made["id"], "name": "manage demo", "can": "manage"}
    first = {"token": admin, "name": "admin", "can": "admin"}
    assert await trail_of(service) == [
        Event(NOON, SERVER, "token-made", "*", details=first),
        Event(NOON, admin, "token-made", "demo", details=details),
        Event(NOON, admin, "token-revoked", "demo", details=details),
    ]


async def test_no_events_without_changes(service: RunningService) -> None:
    """The same file again, an extension that grants nothing, and reading are no events."""
    stage = await service.staged(WHEEL)
    extend = f"stages/{stage['id']}/extend"
    await service.api("POST", extend, **{"extend-for": "99d"})
    before = await trail_of(service)

    await service.upload(WHEEL)
    await service.api("POST", extend, **{"extend-for": "99d"})
    await service.api("GET", f"stages/{stage['id']}")
    await service.parts.expiry.sweep()

    assert await trail_of(service) == before


async def test_as_many_events_as_changes(service: RunningService) -> None:
    """After many changes, a stage has as many events as revisions and rotations.

    A completed file is two events: its upload ends, and the stage gains a file.
    """
    client = Pep694Client(service)
    session = await client.session()
    path = f"stages/{session['id']}"
    for number in range(5):
        wheel = a_wheel(version="2.0", summary=f"Number {number}")
        await client.upload(session, wheel)
        await service.upload(wheel)
        await service.upload(a_wheel(version="2.0", summary=f"Again {number}"))
        await service.api("POST", f"{path}/rotate")
        await service.api("DELETE", f"{path}/files/{wheel.filename}")
        await service.api("DELETE", f"{path}/files/{wheel.filename}")
    await service.api("DELETE", path)

    stage = await service.parts.database.read(lambda rows: rows.stages.find(session["id"]))
    actions = await actions_of(service, session["id"])
    assert stage is not None
    opened, completed, refused = (
        actions.count(one) for one in ("opened", "file-completed", "refused")
    )
    assert (opened, completed, refused) == (1, 5, 5)
    changes = len(actions) - opened - completed - refused
    assert changes == stage.revision + stage.rotation
    records = await service.parts.database.read(lambda rows: rows.audit.list())
    assert find_broken_record(records) is None


async def everything(service: RunningService) -> tuple[Any, ...]:
    """Return all stored stages, tokens, events and totals."""

    def work(rows: Rows) -> tuple[Any, ...]:
        return rows.stages.list(), rows.tokens.list(), rows.audit.list(), rows.totals()

    return await service.parts.database.read(work)


REFUSE_EVENTS = """
CREATE TRIGGER broken BEFORE INSERT ON audit_record
BEGIN
    SELECT RAISE (ABORT, 'broken');
END
"""


async def test_change_without_an_event_is_undone(service: RunningService) -> None:
    """If its event cannot be stored, a change is not made: both are one transaction."""
    client = Pep694Client(service)
    stage = await service.staged(WHEEL)
    upload = await client.sent(await client.session("third"), a_wheel("third", "2.0"))
    token = (await service.api("POST", "tokens", can="upload", project="demo")).document["id"]
    before = await everything(service)
    execute(service.data / "catalogue.db", REFUSE_EVENTS)
    path = f"stages/{stage['id']}"

    answers = [
        await service.api("POST", "stages", name="other", version="1.0"),
        await service.upload(OTHER),
        await service.api("POST", f"{path}/extend", **{"extend-for": 60}),
        await service.api("POST", f"{path}/rotate"),
        await service.api("DELETE", f"{path}/files/{WHEEL.filename}"),
        await service.api("DELETE", path),
        await client.extend(upload, 60),
        await client.attest(upload, []),
        await client.complete(upload),
        await client.delete(upload),
        await service.api("POST", "tokens", can="upload", project="demo"),
        await service.api("DELETE", f"tokens/{token}"),
    ]
    service.clock.advance(days=40)
    with pytest.raises(ConstraintError):
        await service.parts.expiry.sweep()

    assert {one.status for one in answers} == {500}
    assert await everything(service) == before


async def test_failed_change_is_no_event(service: RunningService) -> None:
    """An upload whose file cannot be stored leaves no event and no stage."""
    before = await everything(service)
    stored_file(service.data, WHEEL.sha256).parent.touch()

    answer = await service.upload(WHEEL)

    assert answer.status == 500
    assert await everything(service) == before
