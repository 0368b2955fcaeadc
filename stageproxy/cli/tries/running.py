"""Processes whose output is shown line by line, and remembered as far as its last lines."""

import asyncio
import os
import signal
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from subprocess import DEVNULL, PIPE, STDOUT, Popen

_MOST_LINES = 1000
_LONGEST_LINE = 10_000
_NOT_FOUND = 127
"""The exit code of shells for a command that cannot be started."""

Shown = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Ended:
    """How a process ended, and its last lines."""

    code: int
    lines: tuple[str, ...]

    @property
    def output(self) -> str:
        """The last lines as one text."""
        return "\n".join(self.lines)


def ignore(_line: str) -> None:
    """Show nothing."""


async def run(
    command: Sequence[str | Path],
    environment: Mapping[str, str],
    folder: Path,
    shown: Shown = ignore,
) -> Ended:
    """Run a command until it ends, and everything that it has started in its session with it."""
    try:
        process = _start(command, environment, folder)
    except OSError as error:
        sentence = f"{command[0]}: {error.strerror}"
        shown(sentence)
        return Ended(_NOT_FOUND, (sentence,))
    lines: deque[str] = deque(maxlen=_MOST_LINES)
    try:
        async with asyncio.TaskGroup() as group:
            group.create_task(asyncio.to_thread(_read, process, lines, shown))
            group.create_task(asyncio.to_thread(_wait, process))
    finally:
        _end_session(process)
    return Ended(process.returncode, tuple(lines))


def _start(
    command: Sequence[str | Path], environment: Mapping[str, str], folder: Path
) -> Popen[bytes]:
    return Popen(  # noqa: S603 - the command of the user
        [*map(str, command)],
        stdin=DEVNULL,
        stdout=PIPE,
        stderr=STDOUT,
        env=environment,
        cwd=folder,
        start_new_session=True,
    )


def _wait(process: Popen[bytes]) -> None:
    """Wait for a process, and end what it has left behind, which may still write."""
    process.wait()
    _end_session(process)


def _read(process: Popen[bytes], lines: deque[str], shown: Shown) -> None:
    """Read the output until the last process that writes it has ended. A long line is cut."""
    if process.stdout is None:
        return
    with process.stdout as output:
        while line := output.readline(_LONGEST_LINE):
            text = line.decode(errors="replace").rstrip("\r\n")
            lines.append(text)
            shown(text)


def _end_session(process: Popen[bytes]) -> None:
    """End what a process has left behind, and the process itself if it still runs."""
    if hasattr(os, "killpg"):
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
    elif process.returncode is None:
        process.kill()
