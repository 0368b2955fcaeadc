"""Builders and readers of the audit trail."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from stageproxy.core.audit import START, AuditRecord, Event, PlainValue, chained_record
from tests.support.ports.clock import NOON
from tests.support.servers.service import RunningService


def an_event(
    action: str = "opened",
    *,
    at: datetime = NOON,
    stage_id: str | None = "s1",
    **details: PlainValue,
) -> Event:
    """Return an event of a stage of demo 2.0."""
    happened = Event(at, "t1", action, details=details)
    if stage_id is None:
        return happened
    return replace(happened, project="demo", version="2.0", stage_id=stage_id)


def a_chain(*events: Event) -> list[AuditRecord]:
    """Return the records of *events* as a chain."""
    records: list[AuditRecord] = []
    for event in events:
        last = records[-1].end if records else START
        records.append(chained_record(last.digest, last.number + 1, event))
    return records


async def trail_of(service: RunningService, stage_id: str | None = None) -> Sequence[Event]:
    """Return the events of a stage, or of all, in order."""
    database = service.parts.database
    records = await database.read(lambda rows: rows.audit.list(stage_id))
    return [one.event for one in records]


async def actions_of(service: RunningService, stage_id: str | None = None) -> list[str]:
    """Return the actions of a stage, or of all, in order."""
    return [one.action for one in await trail_of(service, stage_id)]
