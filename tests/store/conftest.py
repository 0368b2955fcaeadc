"""Catalogues of each kind, for the contract of the port."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from secrets import token_hex

import pytest
from obstore.store import MemoryStore

from stageproxy.catalogue import Catalogue
from stageproxy.ports import ArtifactFiles
from stageproxy.server.clock import SystemClock
from stageproxy.store.files import FileStore
from stageproxy.store.postgres.database import PostgresDatabase
from stageproxy.store.s3.bucket import Bucket, open_bucket
from stageproxy.store.sqlite.database import Database
from tests.store.file_stores import address_of, bucket_files
from tests.support.ports.fake_catalogue import FakeCatalogue
from tests.support.ports.fake_files import FakeFiles
from tests.support.ports.in_process_inspector import InProcessInspector
from tests.support.servers.s3 import S3Server

WITH_WAL_BUG = (3, 51, 2)


@contextmanager
def opened(kind: str, folder: Path) -> Iterator[Catalogue]:
    """Open an empty catalogue of a kind."""
    if kind == "fake":
        yield FakeCatalogue()
        return
    version = WITH_WAL_BUG if kind == "sqlite alone" else None
    with Database(folder / "catalogue.db", sqlite_version=version) as database:
        yield database


@pytest.fixture(params=["sqlite", "sqlite alone", "fake", "postgres"])
def catalogue(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Catalogue]:
    """Return an empty catalogue of each kind."""
    with _requested(request, tmp_path) as catalogue:
        yield catalogue


@pytest.fixture(params=["sqlite", "fake", "postgres"])
def shared(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Catalogue]:
    """Return an empty catalogue of each kind that can be read while it is written."""
    with _requested(request, tmp_path) as catalogue:
        yield catalogue


@contextmanager
def _requested(request: pytest.FixtureRequest, folder: Path) -> Iterator[Catalogue]:
    if request.param == "postgres":
        with PostgresDatabase(request.getfixturevalue("migrated_url")) as catalogue:
            yield catalogue
        return
    with opened(request.param, folder) as catalogue:
        yield catalogue


@pytest.fixture(params=["folder", "bucket in memory", "bucket of S3", "fake"])
def files(request: pytest.FixtureRequest, tmp_path: Path) -> ArtifactFiles:
    """Return an empty store of files of each kind."""
    match request.param:
        case "folder":
            return FileStore(tmp_path / "files", InProcessInspector())
        case "fake":
            return FakeFiles(SystemClock())
        case "bucket in memory":
            return bucket_files(Bucket(MemoryStore()), tmp_path)
        case _:
            return bucket_files(request.getfixturevalue("s3_bucket"), tmp_path)


@pytest.fixture(scope="session")
def shared_bucket(moto: S3Server) -> str:
    """Return the name of a bucket in which each test has a prefix."""
    return moto.create_bucket()


@pytest.fixture
def s3_bucket(moto: S3Server, shared_bucket: str) -> Bucket:
    """Return an empty bucket of an S3-compatible server."""
    return open_bucket(address_of(f"{shared_bucket}/{token_hex(8)}", moto.endpoint))
