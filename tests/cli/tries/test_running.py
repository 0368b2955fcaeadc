"""Processes whose output is shown and remembered."""

import asyncio
import os
import select
import sys
from contextlib import suppress
from pathlib import Path

from stageproxy.cli.tries.running import Ended, run

LEAVES_A_CHILD = """
import subprocess, sys
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
print(child.pid)
"""
WAITS = """
import os, time
print(os.getpid(), flush=True)
time.sleep(600)
"""


async def python(script: str, *arguments: str, shown: list[str] | None = None) -> Ended:
    """Run a script."""
    lines = shown if shown is not None else []
    command = [sys.executable, "-I", "-c", script, *arguments]
    return await run(command, dict(os.environ), Path.cwd(), lines.append)


async def test_lines_and_code() -> None:
    """Each line of either stream is shown and remembered, and so is the exit code."""
    shown: list[str] = []

    ended = await python("import sys; print('a\\nb'); print('c', file=sys.stderr); exit(3)")
    again = await python("print('a\\r\\nb', end='')", shown=shown)

    assert (ended.code, sorted(ended.lines)) == (3, ["a", "b", "c"])
    assert shown == ["a", "b"] == [*again.lines]


async def test_bounded() -> None:
    """Of endless output, long lines are cut and only the last lines are remembered."""
    ended = await python("print('x' * 10**6, end=''); print('y\\n' * 2000)")

    assert len(ended.lines) == 1000
    assert max(map(len, ended.lines)) <= 10_000


async def test_not_found() -> None:
    """A command that does not exist ends with the exit code of shells, and says so."""
    shown: list[str] = []

    ended = await run(["no-such-command"], dict(os.environ), Path.cwd(), shown.append)

    assert (ended.code, shown) == (127, ["no-such-command: No such file or directory"])


async def test_nothing_is_left_behind() -> None:
    """What a command has started ends with it, and holds up nothing."""
    ended = await python(LEAVES_A_CHILD)

    wait_for_end(int(ended.lines[0]))


async def test_canceled() -> None:
    """If the command itself is interrupted, the process ends, too."""
    shown: list[str] = []
    started = asyncio.Event()
    loop = asyncio.get_running_loop()

    def show(line: str) -> None:
        shown.append(line)
        loop.call_soon_threadsafe(started.set)

    command = [sys.executable, "-I", "-c", WAITS]
    async with asyncio.TaskGroup() as group:
        running = group.create_task(run(command, dict(os.environ), Path.cwd(), show))
        await started.wait()
        running.cancel()

    wait_for_end(int(shown[0]))


def wait_for_end(pid: int) -> None:
    """Return when a process has ended."""
    with suppress(ProcessLookupError):
        handle = os.pidfd_open(pid)
        select.select([handle], [], [])
        os.close(handle)
