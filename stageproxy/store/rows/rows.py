"""The rows that one transaction sees, by subject."""

from datetime import datetime

from stageproxy.caching import LruCache
from stageproxy.catalogue import Totals
from stageproxy.core.limits import Amounts, Scope
from stageproxy.core.stage.stage import Stage, Status
from stageproxy.store.rows.artifacts import SqlArtifactRows
from stageproxy.store.rows.audit import SqlAuditRows
from stageproxy.store.rows.columns import SqlConnection, Statements
from stageproxy.store.rows.evidence import SqlEvidenceRows
from stageproxy.store.rows.files import SqlFileRows, SqlFileUploadRows
from stageproxy.store.rows.installation import SqlInstallationRows
from stageproxy.store.rows.leases import SqlLeaseRows
from stageproxy.store.rows.looks import SqlLookRows
from stageproxy.store.rows.promotions import SqlPromotionRows
from stageproxy.store.rows.publishers import SqlIdentityRows, SqlPublisherRows
from stageproxy.store.rows.rates import SqlRateRows
from stageproxy.store.rows.sessions import SqlSessionRows
from stageproxy.store.rows.stages import SqlStageRows
from stageproxy.store.rows.tokens import SqlTokenRows
from stageproxy.store.rows.usage import SqlUsage


class SqlRows(Statements):
    """All rows over one connection, within a transaction or for reading; see `catalogue.Rows`."""

    def __init__(
        self, connection: SqlConnection, *, cache: LruCache[str, Stage] | None = None
    ) -> None:
        super().__init__(connection)
        self.stages = SqlStageRows(connection, cache)
        self.artifacts = SqlArtifactRows(connection)
        self.files = SqlFileRows(connection)
        self.file_uploads = SqlFileUploadRows(connection)
        self.tokens = SqlTokenRows(connection)
        self.sessions = SqlSessionRows(connection)
        self.promotions = SqlPromotionRows(connection)
        self.looks = SqlLookRows(connection)
        self.evidence = SqlEvidenceRows(connection)
        self.leases = SqlLeaseRows(connection)
        self.installation = SqlInstallationRows(connection)
        self.rates = SqlRateRows(connection)
        self.publishers = SqlPublisherRows(connection)
        self.identities = SqlIdentityRows(connection)
        self.audit = SqlAuditRows(connection)
        self._usage = SqlUsage(connection)

    def now(self) -> datetime | None:
        """Return nothing: SQLite has the clock of this process."""
        return None

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
