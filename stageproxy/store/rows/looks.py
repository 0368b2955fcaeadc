"""Looks at stages as rows."""

import json
from collections.abc import Sequence

from stageproxy.core.promotion.looks import Look
from stageproxy.store.rows.columns import Statements, look_in, text_of


class SqlLookRows(Statements):
    """What was shown of stages; see `catalogue.LookRows`."""

    def list(self, stage_id: str) -> Sequence[Look]:
        """Return the looks at a stage, the latest first."""
        rows = self._all(
            """
            SELECT * FROM last_look WHERE stage_id = :id
            ORDER BY looked_at DESC, token_id, kind
            """,
            id=stage_id,
        )
        return [look_in(row) for row in rows]

    def save(self, look: Look) -> None:
        """Store a look, in place of the former one of its kind by the same token."""
        files = [[one.filename, one.sha256, one.form_sha256] for one in look.files]
        self._upsert(
            "last_look",
            {
                "stage_id": look.stage_id,
                "token_id": look.token_id,
                "kind": look.kind.value,
                "looked_at": text_of(look.at),
                "manifest_digest": look.manifest_digest,
                "revision": look.revision,
                "files": json.dumps(files),
            },
            key=("stage_id", "token_id", "kind"),
        )
