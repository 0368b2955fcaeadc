"""Catalogues of each kind, for the contract of the port."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from stageproxy.catalogue import Catalogue
from stageproxy.store.postgres.database import PostgresDatabase
from stageproxy.store.sqlite.database import Database
from tests.support.ports.fake_catalogue import FakeCatalogue

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
