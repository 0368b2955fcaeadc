"""Here is the audit trail as rows. Triggers of the schema see to it that they are only added to."""

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
from stageproxy.store.columns import text_of
from stageproxy.store.statements import Statements

_UNREADABLE = datetime(1970, 1, 1, tzinfo=UTC)
_NO_LIMIT = -1


class AuditRows(Statements):
    """The audit trail; see `ports.Rows`."""

    def add_event(self, event: Event) -> AuditRecord:
        """Add what happened to the end of the trail, without tokens."""
        head = self.audit_head()
        record = chained_record(head.digest, head.number + 1, clean_event(event, redacted))
        kept = record.event
        row = {
            "number": record.number,
            "at": text_of(kept.at),
            "actor": kept.actor,
            "action": str(kept.action),
            "project": kept.project,
            "version": kept.version,
            "stage_id": kept.stage_id,
            "details": canonical_json(kept.details),
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

    def list_events(
        self, stage_id: str | None = None, *, after: int = 0, limit: int | None = None
    ) -> Sequence[AuditRecord]:
        """Return the records of a stage, or all, that follow the one of a number."""
        of_stage = "" if stage_id is None else "AND stage_id = :stage_id"
        rows = self._all(
            f"""
            SELECT * FROM audit_record WHERE number > :after {of_stage}
            ORDER BY number LIMIT :limit
            """,  # noqa: S608 - one of two texts of this function
            after=after,
            stage_id=stage_id,
            limit=_NO_LIMIT if limit is None else limit,
        )
        return [_record_in(row) for row in rows]

    def audit_head(self) -> ChainEnd:
        """Return where the trail ends."""
        row = self._one("SELECT number, digest FROM audit_record ORDER BY number DESC LIMIT 1")
        return ChainEnd(row["number"], row["digest"]) if row else START


def _record_in(row: Mapping[str, Any]) -> AuditRecord:
    """Return the record that a row tells of.

    A row that we would have spelled otherwise was changed by somebody else.
    What it tells is then something that its digest is not of.
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
