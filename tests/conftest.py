"""What tests of more than one folder have.

Properties are about results: how busy the machine is does not count.
"""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from stageproxy.store.postgres.database import PostgresDatabase
from tests.support.index.fake_index import FakeIndex
from tests.support.servers.cluster import SharedStores
from tests.support.servers.postgres import Postgres, remove_rows, running_postgres
from tests.support.servers.s3 import S3Server, running_ministack, running_moto
from tests.support.servers.service import RunningService, running_service

settings.register_profile("busy", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("busy")


@pytest.fixture(autouse=True)
def usual_certificates(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Read no certificates of this machine for a service in this process: it takes 0.1 s.

    Real clients and the real index need them.
    """
    marks = {mark.name for mark in request.node.iter_markers()}
    if marks.isdisjoint({"journey", "network"}):
        monkeypatch.delenv("REQUESTS_CA_BUNDLE", raising=False)
        monkeypatch.delenv("CURL_CA_BUNDLE", raising=False)


@pytest.fixture
async def index() -> AsyncIterator[FakeIndex]:
    """Return a running index that is empty."""
    async with FakeIndex.running() as running:
        yield running


@pytest.fixture
async def service(tmp_path: Path, index: FakeIndex) -> AsyncIterator[RunningService]:
    """Return a running service over `index`."""
    async with running_service(tmp_path / "data", index) as running:
        yield running


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Postgres]:
    """Return a PostgreSQL server that all tests of this process share, each with a database."""
    with running_postgres(tmp_path_factory.mktemp("postgres")) as running:
        yield running


@pytest.fixture
def postgres_url(postgres: Postgres) -> Iterator[str]:
    """Return the URL of an empty PostgreSQL database."""
    url = postgres.create_database()
    yield url
    postgres.drop_database(url)


@pytest.fixture(scope="session")
def migrated(postgres: Postgres) -> str:
    """Return the URL of a PostgreSQL database with the newest schema."""
    url = postgres.create_database()
    PostgresDatabase(url).close()
    return url


@pytest.fixture
def migrated_url(migrated: str) -> str:
    """Return the URL of a PostgreSQL database with the newest schema and no rows."""
    remove_rows(migrated)
    return migrated


@pytest.fixture(scope="session")
def moto(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    """Return an S3-compatible server that all tests of this process share, each with a bucket."""
    with running_moto(tmp_path_factory.mktemp("moto")) as running:
        yield running


@pytest.fixture
def stores(postgres: Postgres, postgres_url: str, moto: S3Server) -> SharedStores:
    """Return an empty database and an empty bucket for several servers."""
    return SharedStores(postgres, postgres_url, moto, moto.create_bucket())


@pytest.fixture(scope="session")
def ministack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    """Return an S3-compatible server that checks signed URLs."""
    with running_ministack(tmp_path_factory.mktemp("ministack")) as running:
        yield running
