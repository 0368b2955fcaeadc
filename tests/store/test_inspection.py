"""Processes that read archives, with limits of time and memory."""

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
from stageproxy.core.errors import NoTurnError
from stageproxy.ports import Inspector
from stageproxy.store.files import FileStore
from stageproxy.store.inspection import Inspection
from stageproxy.store.inspection_process import InspectionLimits
from tests.support.builders.archives import zip_of
from tests.support.builders.distributions import Distribution, a_wheel, an_sdist
from tests.support.ports.in_process_inspector import InProcessInspector
from tests.support.servers.inspection_processes import (
    address_space_of,
    first_asked,
    inspection_processes,
    is_running,
    memory_of,
    stop,
)

MIB = 2**20
WHEEL, SDIST = a_wheel(), an_sdist()
NAME = parse_distribution_name(WHEEL.filename)
SOUND = read_contents(io.BytesIO(WHEEL.content), NAME)
ESSENTIAL = b'{"contents": {"core_metadata": "", "unread": ["RECORD"]}}\n'
ASKER = "token"
SMALL = InspectionLimits(seconds=60, at_once=1)
SHORT = replace(SMALL, seconds=2)


@pytest.fixture
def inspection() -> Iterator[Inspection]:
    """Return an inspection with one process."""
    with Inspection(SMALL) as inspection:
        yield inspection


@pytest.fixture(params=["in a process", "on a thread"])
def inspector(request: pytest.FixtureRequest) -> Inspector:
    """Return an inspector of each kind: the one with processes, and that of other tests."""
    if request.param == "on a thread":
        return InProcessInspector()
    found: Inspector = request.getfixturevalue("inspection")
    return found


def saved(folder: Path, distribution: Distribution = WHEEL) -> Path:
    """Write a file under a name without meaning, and return its path."""
    path = folder / "5f1d"
    path.write_bytes(distribution.content)
    return path


def with_members(folder: Path, count: int) -> Path:
    """Return a wheel of many members, whose names take memory."""
    names = [f"{NAME.root}/{name}" for name in ("METADATA", "WHEEL", "RECORD")]
    names += [f"demo/module_{number}.py" for number in range(count)]
    return saved(folder, Distribution(WHEEL.filename, zip_of((name, b"") for name in names)))


def never_ending(folder: Path) -> Path:
    """Return a pipe without a writer, which is never read to its end."""
    path = folder / "pipe"
    os.mkfifo(path)
    return path


def refused(reason: str) -> Contents:
    """Return the sentence on an archive that was not read."""
    return Contents(problems=(f"Invalid distribution file. {reason}",))


def only_process() -> int:
    """Return the id of the only process."""
    [pid] = inspection_processes(os.getpid())
    return pid


def write_as(pid: int, answer: bytes) -> None:
    """Write a line in place of a process, until nobody reads it."""
    with suppress(BrokenPipeError), Path(f"/proc/{pid}/fd/1").open("wb", buffering=0) as output:
        output.write(answer)


def leave_no_memory(pid: int, *, but: int = 0) -> None:
    """Let a process have hardly more memory than it has already."""
    _, most = resource.prlimit(pid, resource.RLIMIT_AS)
    resource.prlimit(pid, resource.RLIMIT_AS, (address_space_of(pid) + but, most))


async def until_gone(pid: int) -> None:
    """Wait until a process has ended, for which there is no event."""
    async with asyncio.timeout(20):
        while is_running(pid):  # noqa: ASYNC110 - there is no event for it
            await asyncio.sleep(0.005)


@pytest.mark.parametrize("distribution", [WHEEL, SDIST], ids=["a wheel", "an sdist"])
async def test_sound_archive(
    inspector: Inspector, tmp_path: Path, distribution: Distribution
) -> None:
    """The contents are the same as without a process."""
    path, name = saved(tmp_path, distribution), parse_distribution_name(distribution.filename)

    contents = await inspector.read_contents(path, name, ASKER)

    assert contents == read_contents(io.BytesIO(distribution.content), name)
    assert (contents.core_metadata, contents.problems) == (distribution.metadata, ())


@pytest.mark.parametrize(
    "metadata",
    [bytes(range(256)), b"", "Name: ünïcode\n".encode("utf-16"), b"{}\n" * 300_000],
    ids=["all bytes", "none", "no UTF-8", "a megabyte"],
)
async def test_binary_metadata(inspector: Inspector, tmp_path: Path, metadata: bytes) -> None:
    """Any bytes of METADATA are returned unchanged."""
    members = dict.fromkeys(("WHEEL", "RECORD"), b"") | {"METADATA": metadata}
    content = zip_of((f"{NAME.root}/{name}", data) for name, data in members.items())
    path = saved(tmp_path, Distribution(WHEEL.filename, content))

    assert (await inspector.read_contents(path, NAME, ASKER)).core_metadata == metadata


async def test_broken_archive(inspector: Inspector, tmp_path: Path) -> None:
    """The problems of an archive are the same as without a process."""
    path = saved(tmp_path, Distribution(WHEEL.filename, b"no zip"))

    assert await inspector.read_contents(path, NAME, ASKER) == refused("File is not a zipfile")


async def test_file_that_takes_too_long(tmp_path: Path) -> None:
    """A file has a time limit, and another process reads the next one."""
    with Inspection(SHORT) as inspection:
        slow = await inspection.read_contents(never_ending(tmp_path), NAME, ASKER)
        next_one = await inspection.read_contents(saved(tmp_path), NAME, ASKER)

    assert slow == refused("File takes more than 2 seconds to read")
    assert next_one == SOUND


async def test_file_that_takes_too_much_memory(tmp_path: Path) -> None:
    """A file has a memory limit, and another process reads the next one."""
    with Inspection(replace(SMALL, memory=16 * MIB)) as inspection:
        large = await inspection.read_contents(with_members(tmp_path, 50_000), NAME, ASKER)
        next_one = await inspection.read_contents(saved(tmp_path), NAME, ASKER)

    assert large == refused("File takes more than 16 MiB of memory to read")
    assert next_one == SOUND


async def test_process_that_hangs_without_memory(tmp_path: Path) -> None:
    """Python can hang without memory: the server recognizes it.

    Such files were refused as too slow once, after the whole time limit.
    """
    path = saved(tmp_path)
    with Inspection(replace(SMALL, seconds=3600)) as inspection:
        await inspection.read_contents(path, NAME, ASKER)
        pid = only_process()
        stop(pid)
        leave_no_memory(pid)
        hung = await inspection.read_contents(path, NAME, ASKER)
        next_one = await inspection.read_contents(path, NAME, ASKER)

    assert hung == refused("File takes more than 128 MiB of memory to read")
    assert next_one == SOUND


async def test_process_with_hardly_any_memory(tmp_path: Path) -> None:
    """A process that has nearly exceeded its memory is replaced before the next file."""
    path = saved(tmp_path)
    with Inspection(SMALL) as inspection:
        await inspection.read_contents(path, NAME, ASKER)
        pid = only_process()
        leave_no_memory(pid, but=MIB // 2)
        last_one = await inspection.read_contents(path, NAME, ASKER)
        next_one = await inspection.read_contents(path, NAME, ASKER)
        next_pid = only_process()

    assert (last_one, next_one) == (SOUND, SOUND)
    assert next_pid != pid


async def test_memory_of_a_process(tmp_path: Path) -> None:
    """The memory of a process, as the system counts it, stays within the limit."""
    with Inspection(replace(SMALL, memory=32 * MIB)) as inspection:
        await inspection.read_contents(saved(tmp_path), NAME, ASKER)
        before = memory_of(only_process())
        await inspection.read_contents(with_members(tmp_path, 20_000), NAME, ASKER)
        growth = memory_of(only_process(), most=True) - before

    assert 0 < growth < 32 * MIB


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSEGV], ids=["killed", "crashed"])
async def test_process_that_dies(
    inspection: Inspection, tmp_path: Path, number: signal.Signals
) -> None:
    """The file of a dead process is refused, and another process reads the next one."""
    path = saved(tmp_path)
    await inspection.read_contents(path, NAME, ASKER)
    pid = only_process()

    stop(pid)
    async with asyncio.TaskGroup() as group:
        reading = group.create_task(inspection.read_contents(path, NAME, ASKER))
        await first_asked([pid])
        os.kill(pid, number)
        os.kill(pid, signal.SIGCONT)

    assert reading.result() == refused("File cannot be read")
    assert await inspection.read_contents(path, NAME, ASKER) == SOUND
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
async def test_invalid_answer(inspection: Inspection, tmp_path: Path, answer: bytes) -> None:
    """An invalid answer of a process, which an archive may have taken over, is refused."""
    path = saved(tmp_path)
    await inspection.read_contents(path, NAME, ASKER)
    pid = only_process()

    stop(pid)
    async with asyncio.TaskGroup() as group:
        reading = group.create_task(inspection.read_contents(path, NAME, ASKER))
        await first_asked([pid])
        await asyncio.to_thread(write_as, pid, answer)

    assert reading.result() == refused("File cannot be read")
    assert await inspection.read_contents(path, NAME, ASKER) == SOUND


@pytest.mark.parametrize(
    "more",
    [b"", b'{"fault": "MemoryError in wheels.py:1"}\n'],
    ids=["no time is left", "no memory is left"],
)
async def test_essential_part_is_enough(tmp_path: Path, more: bytes) -> None:
    """A file that exceeds a limit after its essential part was read is accepted with that part."""
    path = saved(tmp_path)
    with Inspection(SHORT) as inspection:
        await inspection.read_contents(path, NAME, ASKER)
        pid = only_process()
        stop(pid)
        async with asyncio.TaskGroup() as group:
            reading = group.create_task(inspection.read_contents(path, NAME, ASKER))
            await first_asked([pid])
            await asyncio.to_thread(write_as, pid, ESSENTIAL + more)
        next_one = await inspection.read_contents(path, NAME, ASKER)

    assert reading.result() == Contents(b"", unread=("RECORD",))
    assert next_one == SOUND


async def test_answer_without_a_request(inspection: Inspection, tmp_path: Path) -> None:
    """A process cannot answer for the next file in advance."""
    path = saved(tmp_path)
    await inspection.read_contents(path, NAME, ASKER)
    write_as(only_process(), ESSENTIAL)

    assert await inspection.read_contents(path, NAME, ASKER) == SOUND


async def test_process_that_dies_between_files(inspection: Inspection, tmp_path: Path) -> None:
    """No file is refused for the death of an idle process."""
    path = saved(tmp_path)
    await inspection.read_contents(path, NAME, ASKER)
    pid = only_process()

    os.kill(pid, signal.SIGKILL)
    await until_gone(pid)

    assert await inspection.read_contents(path, NAME, ASKER) == SOUND


async def test_signals_for_the_server(inspection: Inspection, tmp_path: Path) -> None:
    """SIGINT to all processes of the server does not interrupt a file."""
    path = saved(tmp_path)
    await inspection.read_contents(path, NAME, ASKER)
    pid = only_process()

    for number in (signal.SIGTERM, signal.SIGINT):
        os.kill(pid, number)

    assert await inspection.read_contents(path, NAME, ASKER) == SOUND
    assert only_process() == pid


async def test_process_is_replaced(tmp_path: Path) -> None:
    """A process reads many files, and another one replaces it after a while."""
    path = saved(tmp_path)
    with Inspection(replace(SMALL, questions_per_process=2)) as inspection:
        processes = []
        for _ in range(3):
            await inspection.read_contents(path, NAME, ASKER)
            processes.append(inspection_processes(os.getpid()))
        await inspection.read_contents(path, NAME, ASKER)

    assert [len(pids) for pids in processes] == [1, 0, 1]
    assert processes[0] != processes[2]


async def test_number_of_processes_is_limited(tmp_path: Path) -> None:
    """Files wait for a process; there are never more than the limit."""
    path = saved(tmp_path)
    with Inspection(replace(SMALL, at_once=2)) as inspection:
        async with asyncio.TaskGroup() as group:
            readings = [
                group.create_task(inspection.read_contents(path, NAME, f"token {number % 5}"))
                for number in range(50)
            ]
        count = len(inspection_processes(os.getpid()))

    assert all(reading.result() == SOUND for reading in readings)
    assert count <= 2


async def test_askers_take_turns(inspection: Inspection, tmp_path: Path) -> None:
    """A token with many files holds up another one by one file.

    24 large wheels of one token once held up everybody for 25 seconds.
    """
    path, ended = saved(tmp_path), []
    await inspection.read_contents(path, NAME, ASKER)
    pid = only_process()

    async def read(asker: str) -> None:
        await inspection.read_contents(path, NAME, asker)
        ended.append(asker)

    stop(pid)
    async with asyncio.TaskGroup() as group:
        for asker in ("many", "many", "many", "many", "one"):
            group.create_task(read(asker))
        await first_asked([pid])
        os.kill(pid, signal.SIGCONT)

    assert ended == ["many", "one", "many", "many", "many"]


async def test_turn_that_does_not_come(tmp_path: Path) -> None:
    """A file that waits too long for its turn is not read, and takes no place from others."""
    path, shown = saved(tmp_path), list[int]()
    limits = replace(SMALL, patience=0)
    with Inspection(limits, show_waiting=shown.append) as inspection:
        await inspection.read_contents(path, NAME, ASKER)
        pid = only_process()
        stop(pid)
        async with asyncio.TaskGroup() as group:
            reading = group.create_task(inspection.read_contents(path, NAME, ASKER))
            await first_asked([pid])
            with pytest.raises(NoTurnError, match="waiting to be checked"):
                await inspection.read_contents(path, NAME, ASKER)
            os.kill(pid, signal.SIGCONT)
        next_one = await inspection.read_contents(path, NAME, ASKER)

    assert (reading.result(), next_one) == (SOUND, SOUND)
    assert (max(shown), shown[-1]) == (1, 0)


async def test_questions_are_counted(tmp_path: Path) -> None:
    """Each question is counted with its outcome."""
    counted: list[tuple[str, str]] = []
    with Inspection(SHORT, count=lambda *one: counted.append(one[:2])) as inspection:
        await inspection.read_contents(saved(tmp_path), NAME, ASKER)
        await inspection.read_contents(tmp_path / "gone", NAME, ASKER)
        await inspection.read_contents(never_ending(tmp_path), NAME, ASKER)

    assert counted == [("archive", one) for one in ("answered", "failed", "over-limit")]


async def test_cancelled_caller(inspection: Inspection, tmp_path: Path) -> None:
    """A cancelled caller does not disturb the next file."""
    path = saved(tmp_path)
    for _ in range(20):
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0):
                await inspection.read_contents(path, NAME, ASKER)

    assert await inspection.read_contents(path, NAME, ASKER) == SOUND


async def test_file_that_is_deleted(inspection: Inspection, tmp_path: Path) -> None:
    """A file that is deleted while it is read is an error of that file."""
    assert await inspection.read_contents(tmp_path / "gone", NAME, ASKER) == refused(
        "File cannot be read"
    )


async def test_closing_ends_the_processes(tmp_path: Path) -> None:
    """Closing ends all processes, even a busy one."""
    with Inspection(SMALL) as inspection:
        await inspection.read_contents(saved(tmp_path), NAME, ASKER)
        pid = only_process()
        stop(pid)
        reading = asyncio.ensure_future(inspection.read_contents(saved(tmp_path), NAME, ASKER))
        await first_asked([pid])

    assert inspection_processes(os.getpid()) == set()
    assert await reading == refused("File cannot be read")


async def test_permissions_of_a_process(inspection: Inspection, tmp_path: Path) -> None:
    """A process has no secrets, few open files, and cannot write files or start programs."""
    await inspection.read_contents(saved(tmp_path), NAME, ASKER)
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


async def test_first_file_does_not_wait() -> None:
    """A process is started before the first file."""
    with Inspection(SMALL):
        async with asyncio.timeout(20):
            while not inspection_processes(os.getpid()):  # noqa: ASYNC110 - a thread starts it
                await asyncio.sleep(0.005)


async def test_relative_data_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A relative data directory is found by processes with another working directory."""
    monkeypatch.chdir(tmp_path)
    with Inspection() as inspection:
        store = FileStore(Path("stageproxy-data/files"), inspection)
        async with store.receive() as file:
            await file.write(WHEEL.content)
            await file.finish()
            contents = await file.read_contents(parse_distribution_name(WHEEL.filename), ASKER)

    assert contents.problems == ()
