"""Processor time and memory of processes, from `/proc`."""

import os
import resource
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")
_TIMES = slice(11, 15)
"""Fields of `/proc/PID/stat` after the name: user and system time, also of children that ended."""


def children_seconds() -> float:
    """Return the processor time of all commands that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def seconds_of(pid: int) -> float:
    """Return the processor time of a process and of all that it has started."""
    return sum(_own_seconds(one) for one in (pid, *_descendants(pid)))


def memory_of(pid: int, field: str = "VmRSS") -> int:
    """Return the resident memory of a process in bytes; `VmHWM` is the most that it had."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        name, _, text = line.partition(":")
        if name == field:
            return int(text.split()[0]) * 1024
    raise LookupError(f"Process {pid} has no {field}.")


def memory_of_all(pid: int) -> int:
    """Return the resident memory of a process and of all that it has started, in bytes.

    What they share, such as the interpreter's code, counts for each of them.
    """
    total = 0
    for one in (pid, *_descendants(pid)):
        with suppress(FileNotFoundError, ProcessLookupError, LookupError):
            total += memory_of(one)
    return total


def forget_peak_of(pid: int) -> None:
    """Begin anew with `VmHWM`, the most memory that a process has had."""
    Path(f"/proc/{pid}/clear_refs").write_text("5")


@contextmanager
def core_alone_for(*pids: int) -> Iterator[None]:
    """Give one core to these processes, and the others to this one and all that it has started."""
    cores = os.sched_getaffinity(0)
    first, *others = sorted(cores)
    for pid in _family():
        _bind(pid, {first} if pid in pids else others or cores)
    try:
        yield
    finally:
        for pid in _family():
            _bind(pid, cores)


def _family() -> list[int]:
    return [os.getpid(), *_descendants(os.getpid())]


def _bind(pid: int, cores: Collection[int]) -> None:
    for path in Path(f"/proc/{pid}/task").glob("*"):
        with suppress(ProcessLookupError):
            os.sched_setaffinity(int(path.name), cores)


def _own_seconds(pid: int) -> float:
    """Return the processor time of a process and of its children that have ended."""
    with suppress(FileNotFoundError, ProcessLookupError):
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        return sum(map(int, fields[_TIMES])) / _TICKS
    return 0.0


def _descendants(pid: int) -> Iterator[int]:
    for path in Path(f"/proc/{pid}/task").glob("*/children"):
        with suppress(FileNotFoundError, ProcessLookupError):
            for child in map(int, path.read_text().split()):
                yield child
                yield from _descendants(child)
