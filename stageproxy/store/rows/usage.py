"""How much is used of each quota, counted by rows."""

from stageproxy.core.limits import Amounts, Quota, Scope
from stageproxy.store.rows.columns import Statements

_LIVE = "status IN ('open', 'processing', 'error')"
_COMING = "status IN ('pending', 'processing')"
_SENT = """
    coalesce((SELECT size FROM stored_file WHERE sha256 = file_upload.received_sha256), 0)
"""
_BYTES_COMING = f"coalesce(sum(CASE WHEN size > {_SENT} THEN size ELSE {_SENT} END), 0)"
"""What was announced, or sent beyond it."""


def _bytes_of(artifacts: str, uploads: str) -> str:
    """Return the query of the bytes of artifacts, each file once, their forms, and of uploads."""
    return f"""
        SELECT (
            SELECT coalesce(sum(size), 0)
            FROM (SELECT DISTINCT sha256, size FROM artifact WHERE {artifacts}) AS content
        ) + (
            SELECT coalesce(sum(form_size), 0) FROM artifact WHERE {artifacts}
        ) + (
            SELECT {_BYTES_COMING} FROM file_upload WHERE {_COMING} AND {uploads}
        ) AS number
    """  # noqa: S608 - constants of this module


_OF_PROJECT = f"stage_id IN (SELECT id FROM stage WHERE project = :project AND {_LIVE})"  # noqa: S608
_IN_LIVE_STAGES = f"stage_id IN (SELECT id FROM stage WHERE {_LIVE})"  # noqa: S608
_OF_TOKEN = f"uploaded_by = :token AND {_IN_LIVE_STAGES}"
_UPLOADS_OF_TOKEN = f"created_by = :token AND {_IN_LIVE_STAGES}"

_QUERIES = {
    Quota.TOTAL_BYTES: f"""
        SELECT (SELECT sum(number) FROM total WHERE kind IN ('file bytes', 'form bytes')) + (
            SELECT coalesce(sum(size), 0) FROM file_upload
            WHERE {_COMING} AND received_sha256 IS NULL
        ) AS number
    """,  # noqa: S608 - constants of this module
    Quota.PROJECT_BYTES: _bytes_of(_OF_PROJECT, _OF_PROJECT),
    Quota.TOKEN_BYTES: _bytes_of(_OF_TOKEN, _UPLOADS_OF_TOKEN),
    Quota.STAGE_FILES: f"""
        SELECT count(*) AS number FROM (
            SELECT filename FROM artifact WHERE stage_id = :stage
            UNION
            SELECT filename FROM file_upload WHERE stage_id = :stage AND {_COMING}
        ) AS names
    """,  # noqa: S608 - constants of this module
    Quota.STAGE_UPLOADS: """
        SELECT count(*) AS number FROM file_upload
        WHERE stage_id = :stage AND status IN ('pending', 'processing', 'error')
    """,
    Quota.TOKEN_UPLOADS: f"""
        SELECT count(*) AS number FROM file_upload WHERE {_COMING} AND {_UPLOADS_OF_TOKEN}
    """,  # noqa: S608 - constants of this module
}


class SqlUsage(Statements):
    """What is used of each quota; see `catalogue.Rows.usage`."""

    def of(self, scope: Scope) -> Amounts:
        """Return what is used in a scope."""
        values = {"token": scope.token_id, "project": scope.project, "stage": scope.stage_id}
        found = {quota: self._one(query, **values) for quota, query in _QUERIES.items()}
        return {quota: int(row["number"]) if row else 0 for quota, row in found.items()}
