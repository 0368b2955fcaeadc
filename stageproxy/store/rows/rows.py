"""The rows that one transaction sees, by subject."""

from sqlite_utils import Database as Tables

from stageproxy.caching import LruCache
from stageproxy.catalogue import Totals
from stageproxy.core.limits import Amounts, Scope
from stageproxy.core.stage.stage import Stage, Status
from stageproxy.store.rows.artifacts import SqliteArtifactRows
from stageproxy.store.rows.audit import SqliteAuditRows
from stageproxy.store.rows.columns import Statements
from stageproxy.store.rows.evidence import SqliteEvidenceRows
from stageproxy.store.rows.files import SqliteFileRows, SqliteFileUploadRows
from stageproxy.store.rows.leases import SqliteLeaseRows
from stageproxy.store.rows.looks import SqliteLookRows
from stageproxy.store.rows.promotions import SqlitePromotionRows
from stageproxy.store.rows.sessions import SqliteSessionRows
from stageproxy.store.rows.stages import SqliteStageRows
from stageproxy.store.rows.tokens import SqliteTokenRows
from stageproxy.store.rows.usage import SqliteUsage


class SqliteRows(Statements):
    """All rows over one connection, within a transaction or for reading; see `catalogue.Rows`."""

    def __init__(self, tables: Tables, *, cache: LruCache[str, Stage] | None = None) -> None:
        super().__init__(tables)
        self.stages = SqliteStageRows(tables, cache)
        self.artifacts = SqliteArtifactRows(tables)
        self.files = SqliteFileRows(tables)
        self.file_uploads = SqliteFileUploadRows(tables)
        self.tokens = SqliteTokenRows(tables)
        self.sessions = SqliteSessionRows(tables)
        self.promotions = SqlitePromotionRows(tables)
        self.looks = SqliteLookRows(tables)
        self.evidence = SqliteEvidenceRows(tables)
        self.leases = SqliteLeaseRows(tables)
        self.audit = SqliteAuditRows(tables)
        self._usage = SqliteUsage(tables)

    def usage(self, scope: Scope) -> Amounts:
        """Return how much is used of each quota."""
        return self._usage.of(scope)

    def totals(self) -> Totals:
        """Return how much is stored, as triggers count it."""
        rows = self._all("SELECT kind, number FROM total WHERE number != 0")
        numbers = {row["kind"]: row["number"] for row in rows}
        return Totals(
            stages={one.value: numbers[one.value] for one in Status if one.value in numbers},
            files=numbers.get("files", 0),
            size=numbers.get("file bytes", 0),
            form_size=numbers.get("form bytes", 0),
        )
