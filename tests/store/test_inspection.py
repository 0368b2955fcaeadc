"""Archives are looked into by processes that may take little and may end badly."""

import asyncio
import io
import os
import re
import resource
import signal
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest

from stageproxy.core.archives.filenames import parse_distribution_name
from stageproxy.core.archives.reader import Contents, read_contents
from stageproxy.store.files import FileStore, Inspector
from stageproxy.store.inspection import Inspection
from stageproxy.store.inspection_process import InspectionLimits
from tests.support.builders.archives import zip_of
from tests.support.builders.distributions import Distribution, a_wheel, an_sdist
from tests.support.ports.inspectors import InspectorHere
from tests.support.servers.inspection_processes import (
    address_space_of,
    first_asked,
    inspection_processes,
    is_running,
    memory_of,
)

MIB = 2**20
WHEEL, SDIST = a_wheel(), an_sdist()
NAME = parse_distribution_name(WHEEL.filename)
SOUND = read_contents(io.BytesIO(WHEEL.content), NAME)
ESSENTIAL = b'{"contents": {"core_metadata": "", "unread": ["RECORD"]}}\n'
SMALL = InspectionLimits(seconds=60, at_once=1)
SHORT = replace(SMALL, seconds=2)


@pytest.fixture
def inspection() -> Iterator[Inspection]:
    """Return what looks into one file at a time."""
    with Inspection(SMALL) as inspection:
        yield inspection


@pytest.fixture(params=["in a process", "on a thread"])
def inspector(request: pytest.FixtureRequest) -> Inspector:
    """Return one of each kind: tests of uploads have the one that takes no process."""
    if request.param == "on a thread":
        return InspectorHere()
    found: Inspector = request.getfixturevalue("inspection")
    return found


def saved(folder: Path, distribution: Distribution = WHEEL) -> Path:
    """Return where a file is now, under a name that says nothing."""
    path = folder / "5f1d"
    path.write_bytes(distribution.content)
    return path


def with_members(folder: Path, count: int) -> Path:
    """Return a wheel of many members, which take memory for each of their names."""
    names = [f"{NAME.root}/{name}" for name in ("METADATA", "WHEEL", "RECORD")]
    names += [f"demo/module_{number}.py" for number in range(count)]
    return saved(folder, Distribution(WHEEL.filename, zip_of((name, b"") for name in names)))


def never_ending(folder: Path) -> Path:
    """Return a file that nobody ever gets to the end of: a pipe without a writer."""
    path = folder / "pipe"
    os.mkfifo(path)
    return path


def refused(reason: str) -> Contents:
    """Return what is said of an archive that was not read."""
    return Contents(problems=(f"Invalid distribution file. {reason}",))


def only_process() -> int:
    """Return the id of the one process that there is."""
    [pid] = inspection_processes(os.getpid())
    return pid


def say_as(pid: int, answer: bytes) -> None:
    """Say something in the name of a process, until nobody listens."""
    with suppress(BrokenPipeError), Path(f"/proc/{pid}/fd/1").open("wb", buffering=0) as said:
        said.write(answer)


def leave_no_memory(pid: int, *, but: int = 0) -> None:
    """Let a process have hardly more memory than it has already."""
    _, most = resource.prlimit(pid, resource.RLIMIT_AS)
    resource.prlimit(pid, resource.RLIMIT_AS, (address_space_of(pid) + but, most))


async def until_gone(pid: int) -> None:
    """Return when a process has ended, which it tells nobody by itself."""
    async with asyncio.timeout(20):
        while is_running(pid):  # noqa: ASYNC110 - no event comes from there
            await asyncio.sleep(0.005)


@pytest.mark.parametrize("distribution", [WHEEL, SDIST], ids=["a wheel", "an sdist"])
async def test_a_sound_archive(
    inspector: Inspector, tmp_path: Path, distribution: Distribution
) -> None:
    """What is found is the same as without a process, byte by byte."""
    path, name = saved(tmp_path, distribution), parse_distribution_name(distribution.filename)

    contents = await inspector.read_contents(path, name)

    assert contents == read_contents(io.BytesIO(distribution.content), name)
    assert (contents.core_metadata, contents.problems) == (distribution.metadata, ())


@pytest.mark.parametrize(
    "metadata",
    [bytes(range(256)), b"", "Name: ünïcode\n".encode("utf-16"), b"{}\n" * 300_000],
    ids=["all bytes", "none", "no UTF-8", "a megabyte"],
)
async def test_metadata_that_is_no_text(
    inspector: Inspector, tmp_path: Path, metadata: bytes
) -> None:
    """Whatever bytes METADATA consists of, they arrive as they are."""
    members = dict.fromkeys(("WHEEL", "RECORD"), b"") | {"METADATA": metadata}
    content = zip_of((f"{NAME.root}/{name}", data) for name, data in members.items())
    path = saved(tmp_path, Distribution(WHEEL.filename, content))

    assert (await inspector.read_contents(path, NAME)).core_metadata == metadata


async def test_a_broken_archive(inspector: Inspector, tmp_path: Path) -> None:
    """What is wrong with an archive is told in the same words."""
    path = saved(tmp_path, Distribution(WHEEL.filename, b"no zip"))

    assert await inspector.read_contents(path, NAME) == refused("File is not a zipfile")


async def test_a_file_that_takes_too_long(tmp_path: Path) -> None:
    """Time is over at some point, and the next file is read by another process."""
    with Inspection(SHORT) as inspection:
        slow = await inspection.read_contents(never_ending(tmp_path), NAME)
        next_one = await inspection.read_contents(saved(tmp_path), NAME)

    assert slow == refused("File takes more than 2 seconds to read")
    assert next_one == SOUND


async def test_a_file_that_takes_too_much_memory(tmp_path: Path) -> None:
    """Memory is over at some point, and the next file is read by another process."""
    with Inspection(replace(SMALL, memory=16 * MIB)) as inspection:
        large = await inspection.read_contents(with_members(tmp_path, 50_000), NAME)
        next_one = await inspection.read_contents(saved(tmp_path), NAME)

    assert large == refused("File takes more than 16 MiB of memory to read")
    assert next_one == SOUND


async def test_a_process_that_hangs_without_memory(tmp_path: Path) -> None:
    """Python can stay in a loop once nothing is left: only its server can say what is wrong.

    Such files were refused as too slow, after all of their time.
    """
    path = saved(tmp_path)
    with Inspection(replace(SMALL, seconds=3600)) as inspection:
        await inspection.read_contents(path, NAME)
        pid = only_process()
        os.kill(pid, signal.SIGSTOP)
        leave_no_memory(pid)
        hung = await inspection.read_contents(path, NAME)
        next_one = await inspection.read_contents(path, NAME)

    assert hung == refused("File takes more than 128 MiB of memory to read")
    assert next_one == SOUND


async def test_a_process_that_has_hardly_any_memory_left(tmp_path: Path) -> None:
    """The next file gets another one: this file was read, but took nearly all there is."""
    path = saved(tmp_path)
    with Inspection(SMALL) as inspection:
        await inspection.read_contents(path, NAME)
        pid = only_process()
        leave_no_memory(pid, but=MIB // 2)
        last_one = await inspection.read_contents(path, NAME)
        next_one = await inspection.read_contents(path, NAME)
        next_pid = only_process()

    assert (last_one, next_one) == (SOUND, SOUND)
    assert next_pid != pid


async def test_the_memory_that_a_file_may_take(tmp_path: Path) -> None:
    """What is taken for a file is within the limit, as the system counts it."""
    with Inspection(replace(SMALL, memory=32 * MIB)) as inspection:
        await inspection.read_contents(saved(tmp_path), NAME)
        before = memory_of(only_process())
        await inspection.read_contents(with_members(tmp_path, 20_000), NAME)
        growth = memory_of(only_process(), most=True) - before

    assert 0 < growth < 32 * MIB


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSEGV], ids=["killed", "crashed"])
async def test_a_process_that_dies(
    inspection: Inspection, tmp_path: Path, number: signal.Signals
) -> None:
    """The file that it had is refused, and the next one is read by another process."""
    path = saved(tmp_path)
    await inspection.read_contents(path, NAME)
    pid = only_process()

    os.kill(pid, signal.SIGSTOP)
    async with asyncio.TaskGroup() as group:
        reading = group.create_task(inspection.read_contents(path, NAME))
        await first_asked([pid])
        os.kill(pid, number)
        os.kill(pid, signal.SIGCONT)

    assert reading.result() == refused("File cannot be read")
    assert await inspection.read_contents(path, NAME) == SOUND
    assert only_process() != pid


@pytest.mark.parametrize(
    "answer",
    [
        b"garbage\n",
        b"{}\n",
        b"[]\n",
        b'{"contents": {"core_metadata": 5}}\n',
        b'{"contents": {"core_metadata": "*"}}\n',
        b'{"contents": {"problems": [], "more": 1}}\n',
        b'{"is_all": true}\n',
        b'{"fault": "SomeError"}\n',
        ESSENTIAL + b"garbage\n",
        ESSENTIAL + b'{"fault": "SomeError"}\n',
        ESSENTIAL * 20,
        b'{"fault": "' + b"x" * 300 + b'"}\n',
        b"\xff\n",
        bytes(17 * MIB),
    ],
    ids=lambda answer: str(answer[:40]),
)
async def test_an_answer_that_makes_no_sense(
    inspection: Inspection, tmp_path: Path, answer: bytes
) -> None:
    """A process that an archive has taken over can say what it wants: nobody believes it."""
    path = saved(tmp_path)
    await inspection.read_contents(path, NAME)
    pid = only_process()

    os.kill(pid, signal.SIGSTOP)
    async with asyncio.TaskGroup() as group:
        reading = group.create_task(inspection.read_contents(path, NAME))
        await first_asked([pid])
        await asyncio.to_thread(say_as, pid, answer)

    assert reading.result() == refused("File cannot be read")
    assert await inspection.read_contents(path, NAME) == SOUND


@pytest.mark.parametrize(
    "more",
    [b"", b'{"fault": "MemoryError in wheels.py:1"}\n'],
    ids=["no time is left", "no memory is left"],
)
async def test_the_essential_is_enough(tmp_path: Path, more: bytes) -> None:
    """A file that takes too much after its essential part was read is taken with that."""
    path = saved(tmp_path)
    with Inspection(SHORT) as inspection:
        await inspection.read_contents(path, NAME)
        pid = only_process()
        os.kill(pid, signal.SIGSTOP)
        async with asyncio.TaskGroup() as group:
            reading = group.create_task(inspection.read_contents(path, NAME))
            await first_asked([pid])
            await asyncio.to_thread(say_as, pid, ESSENTIAL + more)
        next_one = await inspection.read_contents(path, NAME)

    assert reading.result() == Contents(b"", unread=("RECORD",))
    assert next_one == SOUND


async def test_words_that_nobody_asked_for(inspection: Inspection, tmp_path: Path) -> None:
    """A process cannot answer for the next file before it is asked."""
    path = saved(tmp_path)
    await inspection.read_contents(path, NAME)
    say_as(only_process(), ESSENTIAL)

    assert await inspection.read_contents(path, NAME) == SOUND


async def test_a_process_that_dies_between_files(inspection: Inspection, tmp_path: Path) -> None:
    """No file is refused for the death of a process that had none."""
    path = saved(tmp_path)
    await inspection.read_contents(path, NAME)
    pid = only_process()

    os.kill(pid, signal.SIGKILL)
    await until_gone(pid)

    assert await inspection.read_contents(path, NAME) == SOUND


async def test_signals_that_are_for_the_server(inspection: Inspection, tmp_path: Path) -> None:
    """Who stops a server signals all of its processes: files that are in it still end."""
    path = saved(tmp_path)
    await inspection.read_contents(path, NAME)
    pid = only_process()

    for number in (signal.SIGTERM, signal.SIGINT):
        os.kill(pid, number)

    assert await inspection.read_contents(path, NAME) == SOUND
    assert only_process() == pid


async def test_a_process_reads_many_files(tmp_path: Path) -> None:
    """One process reads file after file, and another takes over before it is old."""
    path = saved(tmp_path)
    with Inspection(replace(SMALL, files_per_process=2)) as inspection:
        seen = []
        for _ in range(3):
            await inspection.read_contents(path, NAME)
            seen.append(inspection_processes(os.getpid()))
        await inspection.read_contents(path, NAME)

    assert [len(pids) for pids in seen] == [1, 0, 1]
    assert seen[0] != seen[2]


async def test_as_many_at_once_as_allowed(tmp_path: Path) -> None:
    """Files wait for their turn; there are never more processes than that."""
    path = saved(tmp_path)
    with Inspection(replace(SMALL, at_once=2)) as inspection:
        async with asyncio.TaskGroup() as group:
            readings = [group.create_task(inspection.read_contents(path, NAME)) for _ in range(50)]
        count = len(inspection_processes(os.getpid()))

    assert {reading.result() for reading in readings} == {SOUND}
    assert count <= 2


async def test_a_client_that_goes_away(inspection: Inspection, tmp_path: Path) -> None:
    """What nobody waits for any more does no harm to the file that comes after it."""
    path = saved(tmp_path)
    for _ in range(20):
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0):
                await inspection.read_contents(path, NAME)

    assert await inspection.read_contents(path, NAME) == SOUND


async def test_a_file_that_is_gone(inspection: Inspection, tmp_path: Path) -> None:
    """A client that went away takes its file along, in the middle of anything."""
    assert await inspection.read_contents(tmp_path / "gone", NAME) == refused("File cannot be read")


async def test_nothing_is_left_of_it(tmp_path: Path) -> None:
    """Its processes end with it, even one that is busy: nobody waits for that one."""
    with Inspection(SMALL) as inspection:
        await inspection.read_contents(saved(tmp_path), NAME)
        pid = only_process()
        os.kill(pid, signal.SIGSTOP)
        reading = asyncio.ensure_future(inspection.read_contents(saved(tmp_path), NAME))
        await first_asked([pid])

    assert inspection_processes(os.getpid()) == set()
    assert await reading == refused("File cannot be read")


async def test_what_a_process_may_do(inspection: Inspection, tmp_path: Path) -> None:
    """It has no secrets, hardly any files, writes none and starts nothing."""
    await inspection.read_contents(saved(tmp_path), NAME)
    folder = Path(f"/proc/{only_process()}")

    variables = {entry.split(b"=")[0] for entry in (folder / "environ").read_bytes().split(b"\0")}
    limits = (folder / "limits").read_text()

    assert variables <= {b"", b"PYTHONPATH", b"LD_LIBRARY_PATH", b"PYTHONHOME"}
    for name, most in (
        ("file size", 0),
        ("core file size", 0),
        ("processes", 0),
        ("open files", 16),
    ):
        assert re.search(rf"Max {name} +{most} +{most} ", limits)


async def test_the_first_file_does_not_wait() -> None:
    """A process is there before anybody asks for one."""
    with Inspection(SMALL):
        async with asyncio.timeout(20):
            while not inspection_processes(os.getpid()):  # noqa: ASYNC110 - a thread starts it
                await asyncio.sleep(0.005)


async def test_a_data_directory_by_a_relative_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Processes have another working directory: a relative path led nowhere, by default."""
    monkeypatch.chdir(tmp_path)
    with Inspection() as inspection:
        store = FileStore(Path("stageproxy-data/files"), inspection)
        async with store.receive() as file:
            await file.write(WHEEL.content)
            await file.finish()
            contents = await file.read_contents(parse_distribution_name(WHEEL.filename))

    assert contents.problems == ()
