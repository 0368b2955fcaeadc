"""The schema in PostgreSQL: that of SQLite, translated, with triggers of its own.

Tables and indexes are written once, in the migrations of SQLite.
"""

import re
from collections.abc import Iterator

from sqlite_utils import Database as Tables

from stageproxy.store.sqlite.migration_steps import STEPS

_TYPES = {
    "TEXT": 'TEXT COLLATE "C"',
    "INTEGER": "BIGINT",
    "REAL": "DOUBLE PRECISION",
    "BLOB": "BYTEA",
}
"""PostgreSQL's types. Text sorts by bytes, as in SQLite, whatever the locale of the server."""
_TYPE = re.compile(rf"(?<=\w )({'|'.join(_TYPES)})\b")
_STRICT = re.compile(r"\)\s*STRICT\s*$")

_OWN_TABLES = (
    # Locked by each transaction that writes. It never changes: no vacuum is ever in the way.
    "CREATE TABLE catalogue_lock ()",
    # A number that every transaction raises that changes something.
    "CREATE TABLE catalogue_state (number BIGINT NOT NULL)",
    "INSERT INTO catalogue_state (number) VALUES (1)",
    # The last change of each writer, by which it sees whether that was committed.
    """
    CREATE TABLE last_change (
        writer TEXT PRIMARY KEY,
        mark TEXT NOT NULL,
        changed_at TIMESTAMPTZ NOT NULL DEFAULT now()
    )
    """,
)

_AUDIT = (
    """
    CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        RAISE EXCEPTION '%', TG_ARGV[0] USING ERRCODE = 'integrity_constraint_violation';
    END $$
    """,
    """
    CREATE TRIGGER audit_record_is_never_changed BEFORE UPDATE ON audit_record
    FOR EACH ROW EXECUTE FUNCTION refuse_change('the audit trail is never changed')
    """,
    """
    CREATE TRIGGER audit_record_is_never_removed BEFORE DELETE ON audit_record
    FOR EACH ROW EXECUTE FUNCTION refuse_change('the audit trail is never shortened')
    """,
    """
    CREATE TRIGGER audit_record_is_never_emptied BEFORE TRUNCATE ON audit_record
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change('the audit trail is never shortened')
    """,
    """
    CREATE FUNCTION check_audit_number() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF NEW.number IS DISTINCT FROM (SELECT coalesce(max(number), 0) + 1 FROM audit_record) THEN
            RAISE EXCEPTION 'the audit trail is only added to at its end'
                USING ERRCODE = 'integrity_constraint_violation';
        END IF;
        RETURN NEW;
    END $$
    """,
    """
    CREATE TRIGGER audit_record_comes_last BEFORE INSERT ON audit_record
    FOR EACH ROW EXECUTE FUNCTION check_audit_number()
    """,
)

_COUNTED = (
    """
    CREATE FUNCTION count_stage() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF TG_OP <> 'INSERT' THEN
            UPDATE total SET number = number - 1 WHERE kind = OLD.status;
        END IF;
        IF TG_OP <> 'DELETE' THEN
            UPDATE total SET number = number + 1 WHERE kind = NEW.status;
        END IF;
        RETURN NULL;
    END $$
    """,
    """
    CREATE TRIGGER stage_is_counted AFTER INSERT OR DELETE OR UPDATE OF status ON stage
    FOR EACH ROW EXECUTE FUNCTION count_stage()
    """,
    """
    CREATE FUNCTION count_file() RETURNS trigger LANGUAGE plpgsql AS $$
    DECLARE
        files BIGINT := 0;
        bytes BIGINT := 0;
    BEGIN
        IF TG_OP <> 'INSERT' THEN
            files := files - 1;
            bytes := bytes - OLD.size;
        END IF;
        IF TG_OP <> 'DELETE' THEN
            files := files + 1;
            bytes := bytes + NEW.size;
        END IF;
        UPDATE total SET number = number + files WHERE kind = 'files' AND files <> 0;
        UPDATE total SET number = number + bytes WHERE kind = 'file bytes' AND bytes <> 0;
        RETURN NULL;
    END $$
    """,
    """
    CREATE TRIGGER file_is_counted AFTER INSERT OR DELETE OR UPDATE OF size ON stored_file
    FOR EACH ROW EXECUTE FUNCTION count_file()
    """,
    """
    CREATE FUNCTION count_form() RETURNS trigger LANGUAGE plpgsql AS $$
    DECLARE
        bytes BIGINT := 0;
    BEGIN
        IF TG_OP <> 'INSERT' THEN
            bytes := bytes - OLD.form_size;
        END IF;
        IF TG_OP <> 'DELETE' THEN
            bytes := bytes + NEW.form_size;
        END IF;
        UPDATE total SET number = number + bytes WHERE kind = 'form bytes' AND bytes <> 0;
        RETURN NULL;
    END $$
    """,
    """
    CREATE TRIGGER form_is_counted AFTER INSERT OR DELETE OR UPDATE OF form_size ON artifact
    FOR EACH ROW EXECUTE FUNCTION count_form()
    """,
)


def baseline() -> Iterator[str]:
    """Yield the statements that make an empty database one with the newest schema."""
    with Tables(memory=True) as newest:
        STEPS.apply(newest)
        made = newest.execute(
            "SELECT sql FROM sqlite_master WHERE type IN ('table', 'index') AND sql IS NOT NULL "
            "AND name NOT LIKE '%\\_sqlite\\_%' ESCAPE '\\' ORDER BY rowid"
        ).fetchall()
        kinds = newest.execute("SELECT kind FROM total").fetchall()
    yield from (translated(statement) for (statement,) in made)
    values = ", ".join(f"('{kind}', 0)" for (kind,) in kinds)
    yield f"INSERT INTO total (kind, number) VALUES {values}"  # noqa: S608 - constants of the schema
    yield from (*_OWN_TABLES, *_AUDIT, *_COUNTED)


def translated(statement: str) -> str:
    """Return a statement of SQLite that creates a table or an index, as one of PostgreSQL."""
    text = _STRICT.sub(")", statement)
    return _TYPE.sub(lambda found: _TYPES[found.group()], text)
