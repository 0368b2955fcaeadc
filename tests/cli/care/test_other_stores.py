"""The care of an installation whose catalogue or files are not in a data directory."""

import asyncio
import os
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import boto3
import psycopg
import pytest

from stageproxy.core.rights import parse_token
from tests.cli.data_directories import SDIST, WHEEL
from tests.support.clients.command_runner import CommandRunner
from tests.support.index.fake_index import FakeIndex
from tests.support.servers.postgres import Postgres
from tests.support.servers.s3 import ACCESS_KEY, REGION, SECRET, S3Server
from tests.support.servers.service import SECRET as SERVER_SECRET
from tests.support.servers.service import RunningService, running_service
from tests.support.stored_files import stored_file

KINDS = ["database", "files", "database and files"]


@dataclass(frozen=True, slots=True)
class Stores:
    """A data directory, and the places that its settings name."""

    kind: str
    data: Path
    database: str
    s3: S3Server
    bucket: str

    @property
    def variables(self) -> dict[str, str]:
        """The settings, as variables."""
        settings = {"SERVER__SECRET": SERVER_SECRET}
        if "database" in self.kind:
            settings["STORAGE__DATABASE"] = self.database
        if "files" in self.kind:
            settings |= self.s3.settings(self.bucket)
        return {f"STAGEPROXY_{name}": value for name, value in settings.items()}

    @property
    def settings(self) -> dict[str, Any]:
        """The settings, by section."""
        sections: dict[str, dict[str, str]] = {}
        for name, value in self.variables.items():
            section, _, key = name.removeprefix("STAGEPROXY_").lower().partition("__")
            sections.setdefault(section, {})[key] = value
        return sections

    @property
    def runner(self) -> CommandRunner:
        """A command line on the machine of the data directory, where no server runs."""
        return CommandRunner(self.data.parent, "", self.data, "", "demo")

    def use(self, monkeypatch: pytest.MonkeyPatch) -> CommandRunner:
        """Set the settings in the environment, and return a command line."""
        for name in [one for one in os.environ if one.startswith("STAGEPROXY_")]:
            monkeypatch.delenv(name)
        for name, value in self.variables.items():
            monkeypatch.setenv(name, value)
        return self.runner

    def keys(self) -> list[str]:
        """Return the names of the objects of files in the bucket."""
        listed = self._client().list_objects_v2(Bucket=self.bucket, Prefix="files/")
        names = [str(one["Key"]) for one in listed.get("Contents", ())]
        return [one for one in names if "/kept/" in one]

    def lose(self, sha256: str) -> None:
        """Lose a stored file."""
        if "files" not in self.kind:
            stored_file(self.data, sha256).unlink()
            return
        for key in self.keys():
            if sha256 in key:
                self._client().delete_object(Bucket=self.bucket, Key=key)

    def alter(self, sha256: str, content: bytes) -> None:
        """Store other bytes in the place of a file."""
        if "files" not in self.kind:
            stored_file(self.data, sha256).write_bytes(content)
            return
        for key in self.keys():
            if sha256 in key:
                self._client().put_object(Bucket=self.bucket, Key=key, Body=content)

    def add(self, key: str) -> None:
        """Add an object that nobody needs."""
        self._client().put_object(Bucket=self.bucket, Key=key, Body=b"nobody needs this")

    def _client(self) -> Any:
        return boto3.client(
            "s3",
            endpoint_url=self.s3.endpoint,
            aws_access_key_id=ACCESS_KEY,
            aws_secret_access_key=SECRET,
            region_name=REGION,
        )


@asynccontextmanager
async def serving(stores: Stores) -> AsyncIterator[RunningService]:
    """Run a server with these places."""
    async with (
        FakeIndex.running() as index,
        running_service(stores.data, index, **stores.settings) as service,
    ):
        yield service


def fill(stores: Stores) -> None:
    """Stage a release, as a server does."""

    async def stage() -> None:
        async with serving(stores) as service:
            await service.staged(WHEEL, SDIST)

    asyncio.run(stage())


def stages_in(stores: Stores) -> list[Any]:
    """Return the stages that a server shows, with their files."""

    async def ask() -> list[Any]:
        async with serving(stores) as service:
            listed = (await service.api("GET", "stages")).document["stages"]
            answers = [await service.api("GET", f"stages/{one['id']}") for one in listed]
            return [one.document for one in answers]

    return asyncio.run(ask())


@pytest.fixture
def empty(postgres: Postgres, moto: S3Server, tmp_path: Path) -> Iterator[Stores]:
    """Return other places, in which nothing is."""
    url = postgres.create_database()
    yield Stores("database and files", tmp_path / "other", url, moto, moto.create_bucket())
    postgres.drop_database(url)


@pytest.fixture(params=KINDS)
def stores(
    request: pytest.FixtureRequest,
    migrated_url: str,
    moto: S3Server,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Stores:
    """Return the places of an installation with a stage, which the environment names."""
    stores = Stores(request.param, tmp_path / "data", migrated_url, moto, moto.create_bucket())
    fill(stores)
    stores.use(monkeypatch)
    return stores


@pytest.mark.parametrize(
    ("target", "kind"), [("backup.tar", "neither"), *(("backups/", one) for one in KINDS)]
)
def test_backup(
    stores: Stores, empty: Stores, target: str, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A backup of any installation is restored as one of any other kind."""
    before = stages_in(stores)
    stores.runner.json("backup", f"{stores.data.parent}/{target}", "--data", stores.data)
    other = replace(empty, kind=kind)

    cli = other.use(monkeypatch)
    restored = cli.json("restore", stores.data.parent / target, "--data", other.data)

    assert (restored["files"], restored["missing"]) == (2, [])
    after = stages_in(other)
    assert [one["files"].keys() for one in after] == [one["files"].keys() for one in before]
    assert [one["id"] for one in after] == [one["id"] for one in before]
    assert cli.json("fsck", "--data", other.data)["ok"]


def test_backup_of_what_is_lost(stores: Stores) -> None:
    """Files that are lost or altered are named, and everything else is in the backup."""
    stores.lose(WHEEL.sha256)
    stores.alter(SDIST.sha256, b"other bytes")

    ended = stores.runner.run(
        "backup", stores.data.parent / "a.tar", "--data", stores.data, "--json"
    )

    assert ended.code == 1
    assert ended.document["lost"] == sorted([WHEEL.sha256, SDIST.sha256])


def test_restore_of_a_used_database(stores: Stores) -> None:
    """Nothing takes the place of rows in PostgreSQL: an empty database is needed."""
    archive = stores.data.parent / "backup.tar"
    stores.runner.json("backup", archive, "--data", stores.data)

    ended = stores.runner.run("restore", archive, "--data", stores.data, "--replace")

    if "database" in stores.kind:
        assert ended.code == 1
        assert "is not empty: it has rows in stage" in ended.stderr
    else:
        assert ended.code == 0
    assert len(stages_in(stores)) == 1


def test_interrupted_restore(
    stores: Stores, empty: Stores, monkeypatch: pytest.MonkeyPatch
) -> None:
    """If the database fails at the end, what was restored is in the data directory."""
    archive = stores.data.parent / "backup.tar"
    stores.runner.json("backup", archive, "--data", stores.data)
    cli = replace(empty, kind="database").use(monkeypatch)
    with psycopg.connect(empty.database, autocommit=True) as connection:
        name = empty.database.rpartition("/")[2]
        read_only = f"ALTER DATABASE {name} SET default_transaction_read_only = on"
        connection.execute(read_only.encode())

    failed = cli.run("restore", archive, "--data", empty.data)
    with psycopg.connect(
        empty.database, autocommit=True, options="-c default_transaction_read_only=off"
    ) as connection:
        writable = f"ALTER DATABASE {name} RESET default_transaction_read_only"
        connection.execute(writable.encode())
    restored = cli.json("restore", archive, "--data", empty.data, "--replace")

    assert failed.code == 1
    former = Path(restored["former"])
    assert {"admin.token", "catalogue.db"} <= {one.name for one in former.iterdir()}
    assert len(stages_in(replace(empty, kind="database"))) == 1


def test_fsck(stores: Stores) -> None:
    """What is lost and what is altered is found, and repaired: the release can go on."""
    stores.lose(WHEEL.sha256)
    stores.alter(SDIST.sha256, bytes(len(SDIST.content)))

    found = stores.runner.run("fsck", "--data", stores.data, "--json")
    repaired = stores.runner.run("fsck", "--data", stores.data, "--repair", "--json")
    after = stores.runner.run("fsck", "--data", stores.data, "--json")

    assert sorted(one["kind"] for one in found.document["problems"]) == [
        "file-altered",
        "file-missing",
    ]
    assert [one["repaired"] for one in repaired.document["problems"]] == [True, True]
    assert (found.code, repaired.code, after.code) == (1, 0, 0)
    assert [one["files"] for one in stages_in(stores)] == [{}]


@pytest.mark.parametrize("stores", ["database"], indirect=True)
def test_fsck_of_a_broken_trail(stores: Stores) -> None:
    """A changed audit record is found in any database."""
    with psycopg.connect(stores.database, autocommit=True) as connection:
        connection.execute("ALTER TABLE audit_record DISABLE TRIGGER USER")
        connection.execute("UPDATE audit_record SET actor = 'nobody' WHERE number = 1")
        connection.execute("ALTER TABLE audit_record ENABLE TRIGGER USER")

    found = stores.runner.run("fsck", "--data", stores.data, "--json")

    assert [one["kind"] for one in found.document["problems"]] == ["audit-broken"]


@pytest.mark.parametrize("stores", ["files"], indirect=True)
def test_fsck_of_unexpected_objects(stores: Stores) -> None:
    """Objects that stageproxy does not put into the bucket are named, and left alone."""
    stores.add("files/notes.txt")

    found = stores.runner.run("fsck", "--data", stores.data, "--repair", "--json")

    [problem] = found.document["problems"]
    assert problem["kind"] == "file-unexpected"
    assert problem["subject"] == f"s3://{stores.bucket}/files/notes.txt"


@pytest.mark.parametrize("stores", ["database and files"], indirect=True)
def test_repair_beside_servers(stores: Stores) -> None:
    """Nothing is repaired while a server uses the database."""

    async def run() -> tuple[int, str]:
        async with serving(stores) as service:
            assert (await service.api("GET", "stages")).status == 200
            repair = ("fsck", "--repair", "--data", stores.data)
            ended = await asyncio.to_thread(stores.runner.run, *repair)
        return ended.code, ended.stderr

    code, said = asyncio.run(run())

    assert code == 1
    assert "A server uses the PostgreSQL database" in said


def test_sweep(stores: Stores) -> None:
    """Stages that have expired end, without a server."""
    planned = stores.runner.json("sweep", "--dry-run", "--data", stores.data)
    swept = stores.runner.json("sweep", "--data", stores.data)

    assert [one["project"] for one in planned["expired"]] == ["demo"]
    assert {**swept, "dry-run": True} == planned
    assert [one["status"] for one in stages_in(stores)] == ["canceled"]


def test_new_admin_token(stores: Stores) -> None:
    """Whoever has lost the admin token gets another one, in the data directory."""
    before = (stores.data / "admin.token").read_text()

    stores.runner.json("token", "reset-admin", "--data", stores.data)

    after = (stores.data / "admin.token").read_text().strip()
    assert after != before.strip()
    assert parse_token(after) is not None
    assert len(stages_in(stores)) == 1


@pytest.mark.parametrize("stores", ["database", "files"], indirect=True)
@pytest.mark.parametrize("command", [("fsck",), ("backup", "DIR"), ("sweep",)])
def test_stores_that_are_away(
    stores: Stores, command: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A database or a bucket that does not answer is named; no traceback, no password."""
    monkeypatch.setenv("STAGEPROXY_S3__TIMEOUT", "1s")
    if "database" in stores.kind:
        away = "postgresql://me:hidden@127.0.0.1:1/nowhere"
        monkeypatch.setenv("STAGEPROXY_STORAGE__DATABASE", away)
    else:
        monkeypatch.setenv("STAGEPROXY_S3__ENDPOINT", "http://127.0.0.1:1")
    arguments = [f"{stores.data.parent}/away/" if one == "DIR" else one for one in command]

    ended = stores.runner.run(*arguments, "--data", stores.data)

    assert ended.code != 0
    assert "Traceback" not in ended.stderr
    assert "hidden" not in ended.stderr + ended.stdout
