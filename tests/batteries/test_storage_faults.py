"""Disks and databases that fail under a server: nothing is acknowledged that is not stored."""

import asyncio
import errno
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.batteries.small_disk import SmallDisk
from tests.batteries.storage_faults import StorageFaults, damage, locked
from tests.support.index.fake_index import FakeIndex
from tests.support.servers.processes import CommandResult, own_environment, run, running_server

pytestmark = pytest.mark.timeout(1800)
UPSTREAM = "http://127.0.0.1:1"


@pytest.mark.journey
async def test_some_faults(tmp_path: Path, index: FakeIndex) -> None:
    """A call that fails ends its upload, and a failed flush all later ones, until the restart."""
    faults = StorageFaults(tmp_path, index.url)

    await faults.one_call(errno.EIO, 1)
    await faults.one_call(errno.ENOSPC, 3)
    await faults.database_that_cannot_grow()

    faults.report("storage-faults").check()


@pytest.mark.battery
async def test_every_fault(tmp_path: Path, index: FakeIndex) -> None:
    """Each call of an upload fails, with each error; then the database fails and is locked."""
    faults = StorageFaults(tmp_path, index.url)

    await faults.every_call()
    await faults.database_that_cannot_grow()
    await faults.locked_database()

    faults.report("storage-faults").check()


@pytest.mark.journey
async def test_server_that_does_not_hear_of_faults(tmp_path: Path, index: FakeIndex) -> None:
    """The battery finds a server that acknowledges what could not be flushed."""
    faults = StorageFaults(tmp_path, index.url, defect="deaf")

    await faults.one_call(errno.EIO, 1)

    faults.report("storage-faults").check()


async def start(data: Path) -> CommandResult:
    """Run a server that does not start."""
    return await run(
        *(sys.executable, "-m", "stageproxy", "serve", "--port", "0", "--data", str(data)),
        environment={**own_environment(), "STAGEPROXY_UPSTREAM__URL": UPSTREAM},
        seconds=60,
    )


def replace_database(data: Path) -> None:
    """Write something else into the file of the database."""
    (data / "catalogue.db").write_bytes(b"no database, " * 1000)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        pytest.param(damage, "It is damaged. Restore", id="damaged", marks=pytest.mark.journey),
        pytest.param(
            replace_database,
            "is not a database. Restore",
            id="other bytes",
            marks=pytest.mark.battery,
        ),
    ],
)
async def test_start_on_damaged_data(
    tmp_path: Path, change: Callable[[Path], None], sentence: str
) -> None:
    """A server does not start on a damaged database, and says why in a sentence."""
    data = tmp_path / "data"
    settings = {"UPSTREAM__URL": UPSTREAM}
    async with running_server(data, logs=tmp_path, settings=settings):
        pass
    change(data)

    assert_refused(await start(data), sentence)


@pytest.mark.battery
async def test_start_on_a_locked_database(tmp_path: Path) -> None:
    """A server does not start while another program holds the lock of its database."""
    data = tmp_path / "data"
    async with running_server(data, logs=tmp_path, settings={"UPSTREAM__URL": UPSTREAM}):
        pass

    with locked(data):
        done = await start(data)

    assert_refused(done, "locked")


@pytest.mark.journey
async def test_start_on_a_read_only_disk(tmp_path: Path) -> None:
    """On a disk that is read-only, a server does not start, and a backup saves what is there."""
    with SmallDisk.mounted(tmp_path / "data", 24) as disk:
        settings = {"UPSTREAM__URL": UPSTREAM}
        async with running_server(disk.folder, logs=tmp_path, settings=settings):
            pass
        with disk.read_only():
            done = await start(disk.folder)
            copied, checked, repaired = await asyncio.gather(
                offline("backup", disk.folder, str(tmp_path / "backup.tar")),
                offline("fsck", disk.folder),
                offline("fsck", disk.folder, "--repair"),
            )

    assert_refused(done, "Mount the disk so that it can be written.")
    assert (copied.code, checked.code) == (0, 0), copied.output + checked.output
    assert_refused(repaired, "Mount the disk so that it can be written.")


async def offline(command: str, data: Path, *arguments: str) -> CommandResult:
    """Run a command on a data directory without a server."""
    program = (sys.executable, "-m", "stageproxy", command, "--data", str(data), *arguments)
    return await run(*program, environment=own_environment())


def assert_refused(done: CommandResult, sentence: str) -> None:
    """Fail unless a start ended with a sentence, and nothing but it."""
    assert (done.code, done.stdout) == (1, "")
    assert sentence in done.stderr
    assert "Traceback" not in done.stderr
