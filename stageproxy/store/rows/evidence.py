"""Evidence as rows."""

from collections.abc import Sequence
from dataclasses import asdict

from stageproxy.core.review.evidence import Evidence
from stageproxy.store.rows.columns import Row, Statements, text_of, time_in

_RENAMED = {"at": "reported_at", "by": "reported_by"}


class SqlEvidenceRows(Statements):
    """What was reported of tries of stages; see `catalogue.EvidenceRows`."""

    def list(self, stage_id: str) -> Sequence[Evidence]:
        """Return the evidence of a stage, the latest first, superseded one too."""
        rows = self._all(
            "SELECT * FROM evidence WHERE stage_id = :stage_id ORDER BY reported_at DESC, id",
            stage_id=stage_id,
        )
        return [_evidence_in(row) for row in rows]

    def add(self, stage_id: str, evidence: Evidence) -> None:
        """Store new evidence."""
        values = {_RENAMED.get(name, name): value for name, value in asdict(evidence).items()}
        self._run(
            """
            INSERT INTO evidence (
                stage_id, id, manifest_digest, python, implementation, platform, installer,
                filename, command, passed, exit_code, seconds, log_tail, reported_at, reported_by
            ) VALUES (
                :stage_id, :id, :manifest_digest, :python, :implementation, :platform, :installer,
                :filename, :command, :passed, :exit_code, :seconds, :log_tail, :reported_at,
                :reported_by
            )
            """,
            **{
                **values,
                "stage_id": stage_id,
                "passed": int(evidence.passed),
                "reported_at": text_of(evidence.at),
            },
        )

    def remove(self, stage_id: str, evidence_id: str) -> None:
        """Remove evidence of a stage, if it exists."""
        self._run(
            "DELETE FROM evidence WHERE stage_id = :stage_id AND id = :id",
            stage_id=stage_id,
            id=evidence_id,
        )


def _evidence_in(row: Row) -> Evidence:
    return Evidence(
        id=row["id"],
        manifest_digest=row["manifest_digest"],
        python=row["python"],
        implementation=row["implementation"],
        platform=row["platform"],
        installer=row["installer"],
        filename=row["filename"],
        command=row["command"],
        passed=bool(row["passed"]),
        exit_code=row["exit_code"],
        seconds=row["seconds"],
        log_tail=row["log_tail"],
        at=time_in(row["reported_at"]),
        by=row["reported_by"],
    )
