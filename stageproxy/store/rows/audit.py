"""The audit trail as rows. Triggers of the schema refuse changes of what was written."""

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from stageproxy.core.audit import (
    START,
    AuditRecord,
    ChainEnd,
    Event,
    PlainValue,
    canonical_json,
    chained_record,
    clean_event,
)
from stageproxy.core.rights import redacted
from stageproxy.store.rows.columns import NO_LIMIT, Statements, text_of

_UNREADABLE = datetime(1970, 1, 1, tzinfo=UTC)


class SqlAuditRows(Statements):
    """The audit trail; see `catalogue.AuditRows`."""

    def add(self, event: Event) -> AuditRecord:
        """Add an event to the end of the trail, without tokens."""
        head = self.head()
        record = chained_record(head.digest, head.number + 1, clean_event(event, redacted))
        event = record.event
        row = {
            "number": record.number,
            "at": text_of(event.at),
            "actor": event.actor,
            "action": str(event.action),
            "project": event.project,
            "version": event.version,
            "stage_id": event.stage_id,
            "details": canonical_json(event.details),
            "previous": record.previous,
            "digest": record.digest,
        }
        self._run(
            """
            INSERT INTO audit_record VALUES (
                :number, :at, :actor, :action, :project, :version, :stage_id, :details,
                :previous, :digest
            )
            """,
            **row,
        )
        return record

    def list(
        self, stage_id: str | None = None, *, after: int = 0, limit: int | None = None
    ) -> Sequence[AuditRecord]:
        """Return the records of a stage, or all, that follow the one of a number."""
        of_stage = "TRUE" if stage_id is None else "stage_id = :stage_id"
        return self._list(of_stage, after=after, limit=limit, stage_id=stage_id)

    def list_without_stage(
        self, *, after: int = 0, limit: int | None = None
    ) -> Sequence[AuditRecord]:
        """Return the records that are about no stage, and follow the one of a number."""
        return self._list("stage_id IS NULL", after=after, limit=limit)

    def head(self) -> ChainEnd:
        """Return where the trail ends."""
        row = self._one("SELECT number, digest FROM audit_record ORDER BY number DESC LIMIT 1")
        return ChainEnd(row["number"], row["digest"]) if row else START

    def _list(
        self, condition: str, *, after: int, limit: int | None, stage_id: str | None = None
    ) -> Sequence[AuditRecord]:
        rows = self._all(
            f"""
            SELECT * FROM audit_record WHERE number > :after AND {condition}
            ORDER BY number LIMIT :limit
            """,  # noqa: S608 - a text of this class
            after=after,
            stage_id=stage_id,
            limit=NO_LIMIT if limit is None else limit,
        )
        return [record_in(row) for row in rows]


def record_in(row: Mapping[str, Any]) -> AuditRecord:
    """Return the record of a row.

    A row that is not spelled as this module spells it was changed by something
    else. Its record then does not match its digest.
    """
    try:
        at = datetime.fromisoformat(row["at"])
        details: Mapping[str, PlainValue] = json.loads(row["details"])
        is_ours = (text_of(at), canonical_json(details)) == (row["at"], row["details"])
    except (ValueError, OverflowError, RecursionError):
        is_ours = False
    if not is_ours or not isinstance(details, dict):
        at, details = _UNREADABLE, {"unreadable": True}
    event = Event(
        at=at,
        actor=row["actor"],
        action=row["action"],
        project=row["project"],
        version=row["version"],
        stage_id=row["stage_id"],
        details=details,
    )
    return AuditRecord(row["number"], event, row["previous"], row["digest"])
