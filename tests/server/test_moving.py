"""An installation is moved to other places as a whole, and moved back."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from yarl import URL

from stageproxy.config import Config, load_config
from stageproxy.core.installation import MOVED
from stageproxy.server.moving import Move, MoveError, MoveOrder
from stageproxy.server.storage import filling_rows, find_filled_tables, open_files, reading_rows
from stageproxy.services.installation import OtherInstallationError
from stageproxy.store.directory import DataDirectory
from stageproxy.store.disk import Disk
from stageproxy.store.sqlite.database import Database
from stageproxy.store.transfer.copies import copy_rows, sums_of
from stageproxy.store.transfer.layout import OF_SERVERS
from stageproxy.store.transfer.sums import RowSum
from tests.support.builders.distributions import a_wheel, an_sdist
from tests.support.database import execute
from tests.support.index.fake_index import FakeIndex
from tests.support.ports.clock import FakeClock
from tests.support.ports.in_process_inspector import InProcessInspector
from tests.support.servers.s3 import S3Server
from tests.support.servers.service import JSON_PAGE, SECRET, prefix_of, running_service
from tests.support.stored_files import stored_file

WHEEL, SDIST = a_wheel(version="2.0"), an_sdist(version="2.0")
LATER = a_wheel("later", "1.0")
SERVER = {"port": 0, "secret": SECRET}


class Bars:
    """How far a move is."""

    def __init__(self) -> None:
        self.sizes: list[int] = []
        self.numbers: list[int] = []

    def files(self, size: int) -> Any:
        """Begin with files."""
        self.sizes.append(size)
        return lambda _done: None

    def rows(self, number: int) -> Any:
        """Begin with rows."""
        self.numbers.append(number)
        return lambda _done: None


@dataclass(slots=True)
class Places:
    """A data directory, and other places for what is in it."""

    data: Path
    database: str
    files: str
    s3: Mapping[str, str]
    index: FakeIndex = field(repr=False)

    def settings(self, *, database: bool = False, files: bool = False) -> dict[str, Any]:
        """Return the settings of a server with its catalogue or its files in another place."""
        storage = {
            "data": self.data,
            "database": self.database if database else "",
            "files": self.files if files else "",
        }
        return {"server": SERVER, "storage": storage, "s3": self.s3}

    def config(self, *, database: bool = False, files: bool = False) -> Config:
        """Return these settings, read."""
        return load_config(None, {}, **self.settings(database=database, files=files))

    def serving(self, *, database: bool = False, files: bool = False) -> Any:
        """Run a server with these settings."""
        return running_service(
            self.data, self.index, **self.settings(database=database, files=files)
        )

    def move(self, source: Config, target: Config, **more: bool) -> Move:
        """Return a move between settings."""
        order = MoveOrder(source, target, **more)
        return Move(order, FakeClock(), InProcessInspector(), Bars())

    def forth(self, **more: bool) -> Move:
        """Return a move of everything to the other places."""
        return self.move(self.config(), self.config(database=True, files=True), **more)

    def back(self) -> Move:
        """Return a move of everything from the other places."""
        return self.move(self.config(database=True, files=True), self.config())


@pytest.fixture
def places(tmp_path: Path, migrated_url: str, moto: S3Server, index: FakeIndex) -> Places:
    """Return a data directory that does not exist yet, an empty database and an empty bucket."""
    given = moto.settings(moto.create_bucket())
    s3 = {
        name.removeprefix("S3__").lower(): value
        for name, value in given.items()
        if name.startswith("S3__")
    }
    return Places(tmp_path / "data", migrated_url, given["STORAGE__FILES"], s3, index)


@pytest.fixture
async def stage(places: Places) -> Any:
    """Return a stage of a server that has been stopped."""
    async with places.serving() as service:
        return await service.staged(WHEEL, SDIST)


def sums_in(config: Config) -> dict[str, RowSum]:
    """Return the sums of the rows that are moved."""
    with reading_rows(config) as rows:
        return {name: one for name, one in sums_of(rows).items() if name not in OF_SERVERS}


def is_empty(config: Config) -> bool:
    """Return whether a database has no rows."""
    return find_filled_tables(config) == ()


@pytest.mark.parametrize(
    "target",
    [
        pytest.param({"database": True, "files": True}, id="both"),
        pytest.param({"database": True}, id="database"),
        pytest.param({"files": True}, id="files"),
    ],
)
async def test_everything_is_there(places: Places, stage: Any, target: dict[str, bool]) -> None:
    """Stage URLs, API tokens and files are the same in the new place."""
    before = sums_in(places.config())

    await places.move(places.config(), places.config(**target)).carry_out()

    assert sums_in(places.config(**target)) == before
    async with places.serving(**target) as service:
        page = URL(service.url).join(URL(prefix_of(stage)).relative()) / "simple/demo/"
        listed = (await service.get(str(page), JSON_PAGE)).document["files"]
        links = [str(page.join(URL(one["url"]))) for one in listed]
        assert len(links) == 2
        assert {(await service.get(link)).body for link in links} == {WHEEL.content, SDIST.content}
        assert (await service.api("GET", "audit/verify")).document["ok"]
        assert (await service.staged(LATER))["files"]


@pytest.mark.parametrize(
    "target",
    [pytest.param({"database": True}, id="database"), pytest.param({"files": True}, id="files")],
)
async def test_former_place(places: Places, stage: Any, target: dict[str, bool]) -> None:
    """No server starts by mistake where the catalogue or the files were."""
    assert stage
    await places.move(places.config(), places.config(**target)).carry_out()

    with pytest.raises(OtherInstallationError, match=r"was moved|are not those"):
        async with places.serving():
            pass


async def test_way_back(places: Places, stage: Any) -> None:
    """What is moved back is what there is in the other place now; nothing is deleted."""
    assert stage
    await places.forth().carry_out()
    async with places.serving(database=True, files=True) as service:
        await service.staged(LATER)
    before = sums_in(places.config(database=True))

    moved = await places.back().carry_out()

    assert sums_in(places.config()) == before
    assert len(moved.files.copied) == 1
    assert len(moved.files.present) == 2
    async with places.serving() as service:
        assert len((await service.api("GET", "stages")).document["stages"]) == 2
    assert moved.former is not None
    with Database(moved.former) as former:
        assert MOVED in await former.read(lambda rows: rows.installation.facts())
        assert len(await former.read(lambda rows: rows.stages.list())) == 1
    with pytest.raises(OtherInstallationError, match="was moved"):
        async with places.serving(database=True, files=True):
            pass


async def test_running_server(places: Places, stage: Any) -> None:
    """Beside a running server only files are copied; later, only what is new."""
    assert stage
    async with places.serving() as service:
        with (
            DataDirectory(places.data).locked(),
            pytest.raises(MoveError, match=r"The files are copied\. .* Stop all servers"),
        ):
            await places.forth().carry_out()
        assert is_empty(places.config(database=True))
        await service.staged(LATER)

    moved = await places.forth().carry_out()

    assert moved.files.copied == [LATER.sha256]
    assert len(moved.files.present) == 2


async def test_running_servers_over_postgres(places: Places, stage: Any) -> None:
    """Servers that are connected to the database are noticed, on whatever machine they are."""
    assert stage
    await places.forth().carry_out()

    async with places.serving(database=True, files=True):
        with pytest.raises(MoveError, match="A server uses the PostgreSQL database"):
            await places.back().carry_out()

    await places.back().carry_out()


async def test_plan(places: Places, stage: Any) -> None:
    """A plan names what would be moved, and changes nothing."""
    assert stage

    plan = await places.forth().plan()

    assert plan.rows["stage"] == 1
    assert sorted(plan.files.copied) == sorted([WHEEL.sha256, SDIST.sha256])
    assert plan.files.size == len(WHEEL.content) + len(SDIST.content)
    assert is_empty(places.config(database=True))
    async with places.serving():
        pass


async def test_interrupted_at_the_end(places: Places, stage: Any) -> None:
    """A move that was killed between its last two steps is completed by another one."""
    assert stage
    await places.forth().carry_out()
    execute(places.data / "catalogue.db", f"DELETE FROM installation WHERE name = '{MOVED}'")

    await places.forth().carry_out()

    with pytest.raises(OtherInstallationError, match="was moved"):
        async with places.serving():
            pass


async def test_moved_already(places: Places, stage: Any) -> None:
    """A second move says what is to be done."""
    assert stage
    await places.forth().carry_out()

    with pytest.raises(MoveError, match=r"was moved already, on .* Change storage\.database"):
        await places.forth().carry_out()


async def test_target_in_use(places: Places, stage: Any) -> None:
    """A database with other rows is refused, and the files are not copied."""
    assert stage
    with (
        filling_rows(places.config(database=True)) as target,
        reading_rows(places.config()) as rows,
    ):
        copy_rows(rows, target, lambda _: None)
    async with places.serving() as service:
        await service.staged(LATER)

    with pytest.raises(MoveError, match="is not empty: it has rows in stage"):
        await places.forth().carry_out()

    bucket = open_files(
        places.config(files=True),
        DataDirectory(places.data),
        InProcessInspector(),
        Disk(places.data),
        FakeClock(),
    )
    assert await bucket.size(WHEEL.sha256) is None


async def test_lost_file(places: Places, stage: Any) -> None:
    """A lost file ends the move, unless the operator goes on without it."""
    assert stage
    stored_file(places.data, WHEEL.sha256).unlink()
    stored_file(places.data, SDIST.sha256).write_bytes(b"damaged")

    with pytest.raises(MoveError, match=f"(?s){WHEEL.sha256}.*The others are copied"):
        await places.forth().carry_out()
    assert is_empty(places.config(database=True))

    moved = await places.forth(partial=True).carry_out()

    assert (moved.files.missing, moved.files.damaged) == ([WHEEL.sha256], [SDIST.sha256])


async def test_broken_trail(places: Places, stage: Any) -> None:
    """A changed audit trail ends the move, unless the operator moves it as it is."""
    assert stage
    execute(
        places.data / "catalogue.db",
        "DROP TRIGGER audit_record_is_never_changed",
        "UPDATE audit_record SET actor = 'nobody' WHERE number = 1",
    )

    with pytest.raises(MoveError, match=r"The audit trail is broken: Record 1 was changed\."):
        await places.forth().carry_out()

    assert (await places.forth(partial=True).carry_out()).broken is not None


async def test_damaged_copy(places: Places, stage: Any) -> None:
    """Files that are there already are read again if that is wanted."""
    assert stage
    await places.move(places.config(), places.config(files=True)).carry_out()
    stored_file(places.data, WHEEL.sha256).write_bytes(bytes(len(WHEEL.content)))

    back = places.move(places.config(files=True), places.config(), verify=True)
    moved = await back.carry_out()

    assert moved.files.copied == [WHEEL.sha256]
    assert stored_file(places.data, WHEEL.sha256).read_bytes() == WHEEL.content


async def test_nothing_to_move(places: Places, stage: Any) -> None:
    """A move to where everything is changes nothing."""
    assert stage

    with pytest.raises(MoveError, match="Everything is there already"):
        await places.move(places.config(), places.config()).carry_out()


async def test_installation_without_secret(places: Places, stage: Any) -> None:
    """A catalogue is not moved without the secret of its stage URLs."""
    assert stage
    source = load_config(None, {}, storage={"data": places.data})

    with pytest.raises(MoveError, match="There is no secret"):
        await places.move(source, places.config(database=True)).carry_out()

    assert is_empty(places.config(database=True))
