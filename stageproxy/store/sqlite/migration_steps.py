"""The database schema as a list of migrations. A released migration is never edited."""

from sqlite_utils import Database as Tables
from sqlite_utils import Migrations

STEPS = Migrations("stageproxy")

_FIRST_TABLES = (
    """
    CREATE TABLE stage (
        id TEXT PRIMARY KEY,
        project TEXT NOT NULL,
        version TEXT,
        version_key TEXT,
        status TEXT NOT NULL
            CHECK (status IN ('open', 'processing', 'published', 'error', 'canceled')),
        revision INTEGER NOT NULL,
        rotation INTEGER NOT NULL,
        lifetime INTEGER NOT NULL,
        opened_at TEXT NOT NULL,
        expires_at TEXT NOT NULL,
        ended_at TEXT,
        reason TEXT,
        sent INTEGER NOT NULL DEFAULT 0 CHECK (sent IN (0, 1))
    ) STRICT
    """,
    """
    CREATE UNIQUE INDEX one_live_stage_of_a_release ON stage (project, version_key)
        WHERE status IN ('open', 'processing', 'error') AND version_key IS NOT NULL
    """,
    """
    CREATE TABLE stage_token (
        digest TEXT PRIMARY KEY,
        stage_id TEXT NOT NULL REFERENCES stage (id) ON DELETE CASCADE,
        rotation INTEGER NOT NULL
    ) STRICT
    """,
    """
    CREATE TABLE artifact (
        stage_id TEXT NOT NULL REFERENCES stage (id) ON DELETE CASCADE,
        filename TEXT NOT NULL,
        kind TEXT NOT NULL CHECK (kind IN ('bdist_wheel', 'sdist')),
        sha256 TEXT NOT NULL,
        blake2b_256 TEXT NOT NULL,
        md5 TEXT NOT NULL,
        size INTEGER NOT NULL,
        form_sha256 TEXT NOT NULL,
        requires_python TEXT,
        summary TEXT,
        requires_dist TEXT NOT NULL,
        core_metadata_sha256 TEXT,
        uploaded_at TEXT NOT NULL,
        uploaded_by TEXT NOT NULL,
        notices TEXT NOT NULL,
        PRIMARY KEY (stage_id, filename)
    ) STRICT
    """,
    "CREATE INDEX artifact_by_content ON artifact (sha256)",
    """
    CREATE TABLE artifact_source (
        stage_id TEXT NOT NULL,
        filename TEXT NOT NULL,
        form TEXT NOT NULL,
        core_metadata BLOB,
        PRIMARY KEY (stage_id, filename),
        FOREIGN KEY (stage_id, filename) REFERENCES artifact (stage_id, filename)
            ON DELETE CASCADE
    ) STRICT
    """,
    """
    CREATE TABLE former_file (
        stage_id TEXT NOT NULL REFERENCES stage (id) ON DELETE CASCADE,
        blake2b_256 TEXT NOT NULL,
        filename TEXT NOT NULL,
        reason TEXT NOT NULL,
        PRIMARY KEY (stage_id, blake2b_256, filename)
    ) STRICT
    """,
    """
    CREATE TABLE stored_file (
        sha256 TEXT PRIMARY KEY,
        size INTEGER NOT NULL,
        unused_since TEXT
    ) STRICT
    """,
    """
    CREATE TABLE api_token (
        id TEXT PRIMARY KEY,
        kind TEXT NOT NULL CHECK (kind IN ('stgu', 'stgm', 'stga')),
        project TEXT NOT NULL,
        version TEXT,
        digest TEXT NOT NULL UNIQUE,
        created_at TEXT NOT NULL,
        expires_at TEXT,
        revoked_at TEXT
    ) STRICT
    """,
)


_FILE_UPLOADS = (
    """
    CREATE TABLE file_upload (
        id TEXT PRIMARY KEY,
        stage_id TEXT NOT NULL REFERENCES stage (id) ON DELETE CASCADE,
        filename TEXT NOT NULL,
        size INTEGER NOT NULL,
        hashes TEXT NOT NULL,
        status TEXT NOT NULL
            CHECK (status IN ('pending', 'processing', 'completed', 'error', 'canceled')),
        created_at TEXT NOT NULL,
        expires_at TEXT NOT NULL,
        created_by TEXT NOT NULL,
        received_sha256 TEXT,
        received TEXT,
        attestations TEXT,
        notices TEXT NOT NULL
    ) STRICT
    """,
    "CREATE INDEX file_upload_of_stage ON file_upload (stage_id, status)",
    "CREATE INDEX file_upload_by_content ON file_upload (received_sha256)",
    """
    CREATE UNIQUE INDEX one_unfinished_upload_of_a_file ON file_upload (stage_id, filename)
        WHERE status IN ('pending', 'processing', 'error')
    """,
    "ALTER TABLE artifact ADD COLUMN attestations INTEGER NOT NULL DEFAULT 0",
)


_AUDIT = (
    """
    CREATE TABLE audit_record (
        number INTEGER PRIMARY KEY,
        at TEXT NOT NULL,
        actor TEXT NOT NULL,
        action TEXT NOT NULL,
        project TEXT,
        version TEXT,
        stage_id TEXT,
        details TEXT NOT NULL,
        previous TEXT NOT NULL,
        digest TEXT NOT NULL
    ) STRICT
    """,
    "CREATE INDEX audit_record_of_stage ON audit_record (stage_id, number)",
    """
    CREATE TRIGGER audit_record_is_never_changed BEFORE UPDATE ON audit_record
    BEGIN
        SELECT RAISE (ABORT, 'the audit trail is never changed');
    END
    """,
    """
    CREATE TRIGGER audit_record_is_never_removed BEFORE DELETE ON audit_record
    BEGIN
        SELECT RAISE (ABORT, 'the audit trail is never shortened');
    END
    """,
    # INSERT OR REPLACE removes rows, and no trigger on DELETE sees it.
    """
    CREATE TRIGGER audit_record_comes_last BEFORE INSERT ON audit_record
    WHEN NEW.number IS NOT (SELECT coalesce(max(number), 0) + 1 FROM audit_record)
    BEGIN
        SELECT RAISE (ABORT, 'the audit trail is only added to at its end');
    END
    """,
)


_PROMOTIONS = (
    """
    CREATE TABLE promotion (
        stage_id TEXT PRIMARY KEY REFERENCES stage (id) ON DELETE CASCADE,
        manifest_digest TEXT NOT NULL,
        revision INTEGER NOT NULL,
        approved_by TEXT NOT NULL,
        approved_at TEXT NOT NULL,
        acknowledged TEXT NOT NULL,
        repository_url TEXT NOT NULL,
        index_url TEXT NOT NULL,
        way TEXT NOT NULL CHECK (way IN ('server', 'here')),
        fence INTEGER NOT NULL,
        leased_until TEXT NOT NULL,
        first_sent_at TEXT,
        ended_at TEXT,
        notices TEXT NOT NULL
    ) STRICT
    """,
    """
    CREATE TABLE journal_entry (
        stage_id TEXT NOT NULL REFERENCES stage (id) ON DELETE CASCADE,
        filename TEXT NOT NULL,
        progress TEXT NOT NULL
            CHECK (progress IN ('pending', 'sending', 'sent', 'confirmed', 'refused', 'unknown')),
        changed_at TEXT NOT NULL,
        attempts INTEGER NOT NULL,
        in_doubt INTEGER NOT NULL CHECK (in_doubt IN (0, 1)),
        said TEXT NOT NULL,
        url TEXT NOT NULL,
        PRIMARY KEY (stage_id, filename)
    ) STRICT
    """,
)


_LAST_LOOKS = (
    """
    CREATE TABLE last_look (
        stage_id TEXT NOT NULL REFERENCES stage (id) ON DELETE CASCADE,
        token_id TEXT NOT NULL,
        kind TEXT NOT NULL
            CHECK (kind IN ('review', 'dry-run', 'page', 'question', 'approval')),
        looked_at TEXT NOT NULL,
        manifest_digest TEXT NOT NULL,
        revision INTEGER NOT NULL,
        files TEXT NOT NULL,
        PRIMARY KEY (stage_id, token_id, kind)
    ) STRICT
    """,
)


_LEASES = (
    """
    CREATE TABLE lease (
        name TEXT PRIMARY KEY,
        holder TEXT NOT NULL,
        fence INTEGER NOT NULL CHECK (fence > 0),
        until TEXT NOT NULL
    ) STRICT
    """,
)

_RATES = """
    CREATE TABLE rate (
        name TEXT PRIMARY KEY,
        full_at INTEGER NOT NULL
    ) STRICT
"""

_COUNTED = (
    """
    CREATE TABLE total (
        kind TEXT PRIMARY KEY,
        number INTEGER NOT NULL
    ) STRICT
    """,
    """
    INSERT INTO total (kind, number) VALUES
        ('open', 0), ('processing', 0), ('published', 0), ('error', 0), ('canceled', 0),
        ('files', (SELECT count(*) FROM stored_file)),
        ('file bytes', (SELECT coalesce(sum(size), 0) FROM stored_file)),
        ('form bytes', (SELECT coalesce(sum(form_size), 0) FROM artifact))
    """,
    """
    UPDATE total SET number = (SELECT count(*) FROM stage WHERE status = kind)
    WHERE kind IN ('open', 'processing', 'published', 'error', 'canceled')
    """,
    """
    CREATE TRIGGER stage_is_counted AFTER INSERT ON stage
    BEGIN
        UPDATE total SET number = number + 1 WHERE kind = NEW.status;
    END
    """,
    """
    CREATE TRIGGER stage_is_counted_anew AFTER UPDATE OF status ON stage
    WHEN OLD.status != NEW.status
    BEGIN
        UPDATE total SET number = number - 1 WHERE kind = OLD.status;
        UPDATE total SET number = number + 1 WHERE kind = NEW.status;
    END
    """,
    """
    CREATE TRIGGER stage_is_counted_no_more AFTER DELETE ON stage
    BEGIN
        UPDATE total SET number = number - 1 WHERE kind = OLD.status;
    END
    """,
    """
    CREATE TRIGGER file_is_counted AFTER INSERT ON stored_file
    BEGIN
        UPDATE total SET number = number + 1 WHERE kind = 'files';
        UPDATE total SET number = number + NEW.size WHERE kind = 'file bytes';
    END
    """,
    """
    CREATE TRIGGER file_is_counted_anew AFTER UPDATE OF size ON stored_file
    WHEN OLD.size != NEW.size
    BEGIN
        UPDATE total SET number = number - OLD.size + NEW.size WHERE kind = 'file bytes';
    END
    """,
    """
    CREATE TRIGGER file_is_counted_no_more AFTER DELETE ON stored_file
    BEGIN
        UPDATE total SET number = number - 1 WHERE kind = 'files';
        UPDATE total SET number = number - OLD.size WHERE kind = 'file bytes';
    END
    """,
    """
    CREATE TRIGGER form_is_counted AFTER INSERT ON artifact
    BEGIN
        UPDATE total SET number = number + NEW.form_size WHERE kind = 'form bytes';
    END
    """,
    """
    CREATE TRIGGER form_is_counted_anew AFTER UPDATE OF form_size ON artifact
    WHEN OLD.form_size != NEW.form_size
    BEGIN
        UPDATE total SET number = number - OLD.form_size + NEW.form_size
        WHERE kind = 'form bytes';
    END
    """,
    """
    CREATE TRIGGER form_is_counted_no_more AFTER DELETE ON artifact
    BEGIN
        UPDATE total SET number = number - OLD.form_size WHERE kind = 'form bytes';
    END
    """,
)

_EVIDENCE = """
    CREATE TABLE evidence (
        stage_id TEXT NOT NULL REFERENCES stage (id) ON DELETE CASCADE,
        id TEXT NOT NULL,
        manifest_digest TEXT NOT NULL,
        python TEXT NOT NULL,
        implementation TEXT NOT NULL,
        platform TEXT NOT NULL,
        installer TEXT NOT NULL,
        filename TEXT NOT NULL,
        command TEXT NOT NULL,
        passed INTEGER NOT NULL,
        exit_code INTEGER NOT NULL,
        seconds REAL NOT NULL,
        log_tail TEXT NOT NULL,
        reported_at TEXT NOT NULL,
        reported_by TEXT NOT NULL,
        PRIMARY KEY (stage_id, id)
    ) STRICT
    """

_INSTALLATION = """
    CREATE TABLE installation (
        name TEXT PRIMARY KEY,
        value TEXT NOT NULL
    ) STRICT
    """

_FOUND_WITHOUT_SCANS = (
    "CREATE INDEX stage_by_opening ON stage (opened_at DESC, id)",
    "CREATE INDEX stage_of_project ON stage (project, opened_at DESC, id)",
    "CREATE INDEX stage_of_version ON stage (version_key, opened_at DESC, id)",
    "CREATE INDEX stage_of_release ON stage (project, version_key, opened_at DESC, id)",
    """
    CREATE INDEX live_stage_of_project ON stage (project, opened_at DESC, id)
        WHERE status IN ('open', 'processing', 'error')
    """,
    """
    CREATE INDEX stage_by_expiry ON stage (expires_at)
        WHERE status IN ('open', 'error') AND sent = 0
    """,
    "CREATE INDEX stage_by_end ON stage (ended_at) WHERE ended_at IS NOT NULL",
    "CREATE INDEX stage_token_of_stage ON stage_token (stage_id)",
    "CREATE INDEX artifact_of_token ON artifact (uploaded_by, stage_id)",
    "CREATE INDEX upload_by_expiry ON file_upload (expires_at) WHERE status = 'pending'",
    """
    CREATE INDEX upload_in_progress ON file_upload (created_by, stage_id, size)
        WHERE status IN ('pending', 'processing')
    """,
)

_SESSIONS = (
    """
    CREATE TABLE session (
        digest TEXT PRIMARY KEY,
        holder_kind TEXT NOT NULL,
        holder_id TEXT NOT NULL,
        started_at TEXT NOT NULL,
        used_at TEXT NOT NULL,
        expires_at TEXT NOT NULL,
        ends_at TEXT NOT NULL
    ) STRICT
    """,
    "CREATE INDEX session_by_holder ON session (holder_kind, holder_id, started_at DESC, digest)",
    "CREATE INDEX session_by_expiry ON session (expires_at)",
    """
    CREATE INDEX live_by_opening ON stage (opened_at DESC, id)
        WHERE status IN ('open', 'processing', 'error')
    """,
    """
    CREATE INDEX published_by_opening ON stage (opened_at DESC, id) WHERE status = 'published'
    """,
    "CREATE INDEX canceled_by_opening ON stage (opened_at DESC, id) WHERE status = 'canceled'",
)


_PUBLISHERS = (
    """
    CREATE TABLE trusted_publisher (
        id TEXT PRIMARY KEY,
        project TEXT NOT NULL,
        provider TEXT NOT NULL,
        issuer TEXT NOT NULL,
        fields TEXT NOT NULL,
        added_at TEXT NOT NULL,
        added_by TEXT NOT NULL
    ) STRICT
    """,
    "CREATE INDEX trusted_publisher_by_issuer ON trusted_publisher (issuer)",
    "CREATE INDEX trusted_publisher_of_project ON trusted_publisher (project)",
    """
    CREATE TABLE used_identity (
        digest TEXT PRIMARY KEY,
        until TEXT NOT NULL
    ) STRICT
    """,
    "CREATE INDEX used_identity_by_end ON used_identity (until)",
    "ALTER TABLE api_token ADD COLUMN publisher TEXT",
)


@STEPS()
def m0001_stages_artifacts_tokens(tables: Tables) -> None:
    """Add stages, their tokens, artifacts and files, and API tokens."""
    for statement in _FIRST_TABLES:
        tables.execute(statement)


@STEPS()
def m0002_file_uploads(tables: Tables) -> None:
    """Add the file uploads of PEP 694, and the number of attestations of a file."""
    for statement in _FILE_UPLOADS:
        tables.execute(statement)


@STEPS()
def m0003_audit(tables: Tables) -> None:
    """Add the audit trail. It has no foreign keys: it outlives the stages that it is about."""
    for statement in _AUDIT:
        tables.execute(statement)


@STEPS()
def m0004_promotions(tables: Tables) -> None:
    """Add promotions and their journals."""
    for statement in _PROMOTIONS:
        tables.execute(statement)


@STEPS()
def m0005_token_names(tables: Tables) -> None:
    """Add the names of API tokens. Tokens that exist already have none."""
    tables.execute("ALTER TABLE api_token ADD COLUMN name TEXT NOT NULL DEFAULT ''")


@STEPS()
def m0006_last_looks(tables: Tables) -> None:
    """Add what was shown of a stage, to whom and when."""
    for statement in _LAST_LOOKS:
        tables.execute(statement)


@STEPS()
def m0007_ways_out(tables: Tables) -> None:
    """Add who asked to stop a promotion, and when; remove the queries of files' URLs."""
    tables.execute("ALTER TABLE promotion ADD COLUMN stop_requested_by TEXT")
    tables.execute("ALTER TABLE promotion ADD COLUMN stop_requested_at TEXT")
    tables.execute("ALTER TABLE journal_entry ADD COLUMN has_query INTEGER NOT NULL DEFAULT 0")
    tables.execute(
        """
        UPDATE journal_entry SET url = substr(url, 1, instr(url, '?') - 1), has_query = 1
        WHERE instr(url, '?') > 0
        """
    )


@STEPS()
def m0008_limits(tables: Tables) -> None:
    """Add totals, which triggers count, and indexes, so that ended stages cost nothing."""
    tables.execute("ALTER TABLE artifact ADD COLUMN form_size INTEGER NOT NULL DEFAULT 0")
    tables.execute(
        """
        UPDATE artifact SET form_size = (
            SELECT length(CAST(form AS BLOB)) + coalesce(length(core_metadata), 0)
            FROM artifact_source AS source
            WHERE source.stage_id = artifact.stage_id AND source.filename = artifact.filename
        )
        WHERE EXISTS (
            SELECT 1 FROM artifact_source AS source
            WHERE source.stage_id = artifact.stage_id AND source.filename = artifact.filename
        )
        """
    )
    for statement in (*_COUNTED, *_FOUND_WITHOUT_SCANS):
        tables.execute(statement)


@STEPS()
def m0009_leases(tables: Tables) -> None:
    """Add the leases of workers."""
    for statement in _LEASES:
        tables.execute(statement)


@STEPS()
def m0010_md5(tables: Tables) -> None:
    """Let artifacts have no MD5 yet."""
    tables.execute("ALTER TABLE artifact RENAME COLUMN md5 TO former_md5")
    tables.execute("ALTER TABLE artifact ADD COLUMN md5 TEXT")
    tables.execute("UPDATE artifact SET md5 = former_md5")
    tables.execute("ALTER TABLE artifact DROP COLUMN former_md5")


@STEPS()
def m0011_expects(tables: Tables) -> None:
    """Add the files that are expected in a stage. Stages that exist already expect none."""
    tables.execute("ALTER TABLE stage ADD COLUMN expects TEXT NOT NULL DEFAULT '[]'")


@STEPS()
def m0012_sessions(tables: Tables) -> None:
    """Add the sessions at the desk, and what finds stages by their status."""
    for statement in _SESSIONS:
        tables.execute(statement)


@STEPS()
def m0013_evidence(tables: Tables) -> None:
    """Add what was reported of tries of stages."""
    tables.execute(_EVIDENCE)


@STEPS()
def m0014_installation(tables: Tables) -> None:
    """Add what servers over one database have in common."""
    tables.execute(_INSTALLATION)


@STEPS()
def m0015_rates(tables: Tables) -> None:
    """Add what servers count together."""
    tables.execute(_RATES)


@STEPS()
def m0016_trusted_publishers(tables: Tables) -> None:
    """Add trusted publishers, the identities that were used, and which API tokens were minted."""
    for statement in _PUBLISHERS:
        tables.execute(statement)
