"""The database and the files that the settings of a server name."""

import asyncio
import logging
import sys
from collections.abc import Mapping
from pathlib import Path

import psycopg
import pytest

from stageproxy.config import Config, ConfigError, load_config
from stageproxy.server.run import SERVE_FAILURES
from stageproxy.server.storage import address_of as address_in
from stageproxy.server.storage import find_database_problems, find_files_problems, open_postgres
from stageproxy.server.supervisor import with_fixed
from stageproxy.services.installation import OtherInstallationError
from stageproxy.store.files import FileStore
from stageproxy.store.s3.bucket import open_bucket
from stageproxy.store.unusable import UnusableBucketError
from tests.store.file_stores import address_of, bucket_files
from tests.support.index.fake_index import FakeIndex
from tests.support.ports.in_process_inspector import InProcessInspector
from tests.support.servers.processes import own_environment, run
from tests.support.servers.s3 import SECRET, S3Server
from tests.support.servers.service import RunningService, running_service

WITHOUT_EXTRAS = """
import importlib, pkgutil, sys
for name in ("psycopg", "psycopg_pool", "obstore"):
    sys.modules[name] = None  # importing it fails, as if it were not installed

import stageproxy
from stageproxy.config import load_config
from stageproxy.server.storage import (
    MissingExtraError, find_database_problems, find_files_problems, open_postgres
)

FOLDERS = ("stageproxy.store.postgres", "stageproxy.store.s3")
for module in pkgutil.walk_packages(stageproxy.__path__, "stageproxy."):
    if not module.name.startswith(FOLDERS) and not module.name.endswith("__main__"):
        importlib.import_module(module.name)
storage = {"database": "postgresql://db.example/stageproxy", "files": "s3://a-bucket"}
config = load_config(None, {}, storage=storage, server={"secret": "of all servers"})
print(*find_database_problems(config))
print(*find_files_problems(config))
try:
    open_postgres(config)
except MissingExtraError as error:
    print(error)
"""


def over(url: str, secret: str = "of all servers") -> Config:
    """Return settings that name a database."""
    return load_config(None, {}, storage={"database": url}, server={"secret": secret})


async def test_without_extras() -> None:
    """Without the extras, only what a setting asks for is missing: it is said how to install it."""
    done = await run(sys.executable, "-c", WITHOUT_EXTRAS, environment=own_environment())

    database = (
        "storage.database needs the extra postgres. Install it: pip install 'stageproxy[postgres]'"
    )
    files = "storage.files needs the extra s3. Install it: pip install 'stageproxy[s3]'"
    assert done.ok().stdout.splitlines() == [database, files, database]


def test_secret_is_needed(postgres_url: str) -> None:
    """A server whose database others may share does not start with a secret of its own."""
    config = over(postgres_url, secret="")

    with pytest.raises(ConfigError, match=r"server.secret: set it, because storage.database"):
        open_postgres(config)

    assert [one.partition(":")[0] for one in find_database_problems(config)] == ["server.secret"]


def test_usable_database(postgres_url: str) -> None:
    """A database that a server can use is no problem, and is not changed by looking."""
    assert [*find_database_problems(over(postgres_url))] == []

    with psycopg.connect(postgres_url) as connection:
        tables = connection.execute("SELECT FROM pg_tables WHERE schemaname = 'public'")
        assert tables.fetchall() == []


def test_newer_database(postgres_url: str) -> None:
    """A database of a newer stageproxy is a problem."""
    with psycopg.connect(postgres_url) as connection:
        connection.execute("CREATE TABLE migration (name TEXT, works_with TEXT)")
        connection.execute("INSERT INTO migration VALUES ('m9999_of_tomorrow', '99')")

    [problem] = find_database_problems(over(postgres_url))

    assert "migrated by a newer stageproxy" in problem


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("postgresql://user:hidden@127.0.0.1:1/demo", "The database demo on 127.0.0.1 port 1"),
        ("postgresql://user:hid/den@db.example/demo", "storage.database is not a valid URL."),
        ("postgresql://user:hid@den@db.example/demo", "storage.database is not a valid URL."),
    ],
)
def test_unusable_database(url: str, said: str) -> None:
    """What cannot be reached, or is no URL, is said without any part of the password."""
    [problem] = find_database_problems(over(url))

    assert problem.startswith(said)
    assert "hid" not in problem
    assert "den@" not in problem


def in_bucket(moto: S3Server, bucket: str) -> Config:
    """Return settings that name a bucket."""
    given = {f"STAGEPROXY_{name}": text for name, text in moto.settings(bucket).items()}
    return load_config(None, given)


def test_usable_bucket(moto: S3Server) -> None:
    """A bucket that a server can use is no problem; one that does not exist is."""
    bucket = moto.create_bucket()

    assert [*find_files_problems(in_bucket(moto, bucket))] == []
    [problem] = find_files_problems(in_bucket(moto, "no-such-bucket"))
    assert problem == (
        "The bucket s3://no-such-bucket/files cannot be used: it answered with status 404. Check "
        "storage.files, the settings of [s3], and the rights of the access key."
    )


def test_half_an_access_key(monkeypatch: pytest.MonkeyPatch) -> None:
    """An access key without its secret is said as a problem of the settings, at the start too."""
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY", raising=False)
    config = load_config(None, {}, storage={"files": "s3://one"}, s3={"access_key_id": "a-key"})

    [problem] = find_files_problems(config)
    with pytest.raises(UnusableBucketError) as refused:
        open_bucket(address_in(config))

    assert problem == str(refused.value)
    assert problem.startswith("The bucket s3://one cannot be used with these settings. Set s3.")
    assert isinstance(refused.value, SERVE_FAILURES)


async def test_bucket_of_server(
    tmp_path: Path, index: FakeIndex, moto: S3Server, postgres_url: str
) -> None:
    """A server over PostgreSQL and a bucket stores files there, and is ready while both answer."""
    settings = in_bucket(moto, moto.create_bucket())
    storage = {"database": postgres_url, "files": settings.storage.files}
    s3 = {**settings.s3.model_dump(), "secret_access_key": SECRET}
    async with running_service(tmp_path / "data", index, storage=storage, s3=s3) as service:
        await service.staged()

        ready = await service.get("/health/ready")

    assert (ready.status, ready.document["checks"]["files"]) == (200, "ok")
    assert ready.document["postgresql"]
    assert [path.name for path in (tmp_path / "data" / "files").rglob("*")] == ["incoming"]


async def test_other_files(tmp_path: Path, index: FakeIndex, migrated_url: str) -> None:
    """A second server over a database whose files are in another folder refuses to start."""
    storage = {"database": migrated_url}
    async with running_service(tmp_path / "one", index, storage=storage):
        with pytest.raises(OtherInstallationError, match="to the same bucket"):
            await _start(tmp_path / "two", index, storage)


async def _start(data: Path, index: FakeIndex, storage: Mapping[str, str]) -> None:
    async with running_service(data, index, storage=storage):
        pass


async def test_default_server(service: RunningService) -> None:
    """A server with its own database and files compares nothing, and writes nothing of it."""
    rows = await service.parts.database.read(lambda rows: rows.installation.facts())

    assert rows == {}
    assert not (service.data / "installation").exists()


async def test_id_of_bucket(moto: S3Server, tmp_path: Path) -> None:
    """All who ask for the id of a bucket get the same one; that of another prefix is another."""
    bucket = moto.create_bucket()
    one, two, other = (
        bucket_files(open_bucket(address_of(f"{bucket}/{prefix}", moto.endpoint)), tmp_path)
        for prefix in ("a", "a", "b")
    )

    found = await asyncio.gather(one.installation(), two.installation())

    assert {*found} == {await one.installation()}
    assert await other.installation() not in found


async def test_id_of_folder(tmp_path: Path) -> None:
    """All who ask for the id of a folder of files get the same one."""
    files = [FileStore(tmp_path / "files", InProcessInspector()) for _ in range(8)]

    found = await asyncio.gather(*(one.installation() for one in files))

    assert set(found) == {(tmp_path / "installation").read_text()}


def test_settings_of_all_workers(caplog: pytest.LogCaptureFixture, tmp_path: Path) -> None:
    """Workers that are replaced stay with the stores of the server, in which all have to agree."""
    former = over("postgresql://db.example/one", "secret")
    storage = {"database": "postgresql://db.example/two", "files": "s3://two", "data": tmp_path}
    new = load_config(None, {}, storage=storage, limits={"stage_files": 7})

    fixed = with_fixed(new, former)

    assert (fixed.storage, fixed.server) == (former.storage, former.server)
    assert fixed.limits.stage_files == 7
    [message] = caplog.messages
    assert message.startswith(
        "a change of server.secret, storage.data, storage.database, storage.files needs a stop"
    )
    assert caplog.records[0].levelno == logging.WARNING
