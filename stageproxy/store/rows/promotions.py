"""Promotions as rows: what was approved, who holds the lease, the journal."""

import json
from collections.abc import Sequence

from stageproxy.core.promotion.journal import Entry, Journal
from stageproxy.core.promotion.promotion import Promotion
from stageproxy.store.rows.columns import Statements, entry_in, promotion_in, text_of


class SqlPromotionRows(Statements):
    """Promotions and their journals; see `catalogue.PromotionRows`."""

    def find(self, stage_id: str) -> Promotion | None:
        """Return the promotion of a stage, the latest attempt at it."""
        row = self._one("SELECT * FROM promotion WHERE stage_id = :id", id=stage_id)
        return promotion_in(row) if row else None

    def list(self) -> Sequence[Promotion]:
        """Return the promotions of all stages that are not published."""
        rows = self._all(
            """
            SELECT promotion.* FROM promotion JOIN stage ON stage.id = promotion.stage_id
            WHERE stage.status IN ('processing', 'error')
            ORDER BY promotion.stage_id
            """
        )
        return [promotion_in(row) for row in rows]

    def save(self, promotion: Promotion) -> None:
        """Store the promotion of a stage, new or changed."""
        approval = promotion.approval
        self._upsert(
            "promotion",
            {
                "stage_id": promotion.stage_id,
                "manifest_digest": approval.manifest_digest,
                "revision": approval.revision,
                "approved_by": approval.by,
                "approved_at": text_of(approval.at),
                "acknowledged": json.dumps(approval.acknowledged),
                "repository_url": promotion.target.repository_url,
                "index_url": promotion.target.index_url,
                "way": promotion.publisher.way,
                "fence": promotion.fence,
                "leased_until": text_of(promotion.leased_until),
                "first_sent_at": text_of(promotion.first_sent_at),
                "ended_at": text_of(promotion.ended_at),
                "notices": json.dumps(promotion.notices),
                "stop_requested_by": promotion.stop.by if promotion.stop else None,
                "stop_requested_at": text_of(promotion.stop.at if promotion.stop else None),
            },
            key="stage_id",
        )

    def find_journal(self, stage_id: str) -> Journal:
        """Return the journal of a stage's promotion; empty if there never was one."""
        rows = self._all(
            "SELECT * FROM journal_entry WHERE stage_id = :id ORDER BY filename", id=stage_id
        )
        return {row["filename"]: entry_in(row) for row in rows}

    def save_entry(self, stage_id: str, entry: Entry) -> None:
        """Store how far an artifact is."""
        self._upsert(
            "journal_entry",
            {
                "stage_id": stage_id,
                "filename": entry.filename,
                "progress": entry.progress.value,
                "changed_at": text_of(entry.changed_at),
                "attempts": entry.attempts,
                "in_doubt": int(entry.in_doubt),
                "said": entry.sentence,
                "url": entry.url,
                "has_query": int(entry.has_query),
            },
            key=("stage_id", "filename"),
        )

    def remove_entry(self, stage_id: str, filename: str) -> None:
        """Remove the entry of an artifact, if there is one: it was replaced or withdrawn."""
        self._run(
            "DELETE FROM journal_entry WHERE stage_id = :id AND filename = :filename",
            id=stage_id,
            filename=filename,
        )

    def remove_journal(self, stage_id: str) -> None:
        """Remove the journal of a stage that has sent nothing and may change."""
        self._run("DELETE FROM journal_entry WHERE stage_id = :id", id=stage_id)
