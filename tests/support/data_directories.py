"""Data directories without a server: filled, compared, and swept by hand."""

import hashlib
from collections.abc import Mapping
from functools import partial
from pathlib import Path

from stageproxy.catalogue import Rows
from stageproxy.core.rights import Token, TokenKind, make_token
from stageproxy.store.directory import DataDirectory
from stageproxy.store.sqlite.database import Database
from tests.store.builders import a_stage, an_api_token, an_artifact
from tests.support.database import connection_to, execute
from tests.support.stored_files import stored_file, stored_files

SECRET = "the-secret-of-this-server"


async def fill(root: Path, *contents: bytes) -> None:
    """Store a stage for each of some contents in a data directory, with its file."""
    with Database(DataDirectory(root).database) as database:
        for content in contents:
            await database.write(partial(_stage, content))
            put(root, content)


async def give_secrets(root: Path) -> Token:
    """Write a secret and an admin token to a data directory; return the token."""
    token = make_token(TokenKind.ADMIN, hashlib.sha256(b"admin").digest())
    (root / "secret").write_text(f"{SECRET}\n")
    (root / "admin.token").write_text(f"{token.reveal()}\n")
    row = an_api_token(digest=token.digest, kind=TokenKind.ADMIN, project="*")
    with Database(root / "catalogue.db") as database:
        await database.write(lambda rows: rows.tokens.save(row))
    return token


def put(root: Path, content: bytes) -> Path:
    """Store a file in a data directory."""
    path = stored_file(root, sha256_of(content))
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def forget(root: Path, sha256: str) -> None:
    """Delete a file and its row, as a sweep does."""
    stored_file(root, sha256).unlink()
    query = "DELETE FROM stored_file WHERE sha256 = :sha256"
    execute(root / "catalogue.db", query, sha256=sha256)


def contents_of(root: Path) -> Mapping[str, bytes]:
    """Return the stored files of a data directory by name."""
    return {path.name: path.read_bytes() for path in stored_files(root)}


def rows_of(root: Path) -> Mapping[str, list[tuple[object, ...]]]:
    """Return all rows of a catalogue by table."""
    with connection_to(root / "catalogue.db") as connection:
        names = [row["name"] for row in connection.execute("PRAGMA table_list")]
        return {
            name: sorted(map(tuple, connection.execute(f"SELECT * FROM {name}")), key=repr)
            for name in sorted(names)
            if not name.startswith("sqlite_")
        }


def named_in(root: Path) -> set[str]:
    """Return the digests of the files that a catalogue names."""
    with connection_to(root / "catalogue.db") as connection:
        return {row["sha256"] for row in connection.execute("SELECT sha256 FROM stored_file")}


def sha256_of(content: bytes) -> str:
    """Return the SHA-256 of a content in hex."""
    return hashlib.sha256(content).hexdigest()


def _stage(content: bytes, rows: Rows) -> None:
    stage = a_stage(project=f"demo-{sha256_of(content)[:8]}")
    rows.stages.save(stage)
    rows.artifacts.save(stage.id, an_artifact(content), (), None)
