"""The processes in which a server reads archives."""

import asyncio
import os
import re
import select
import signal
import time
from collections.abc import Collection
from contextlib import suppress
from pathlib import Path

MODULE = b"stageproxy.store.inspection_child"


def inspection_processes(server: int) -> set[int]:
    """Return the ids of the processes of a server."""
    return {
        int(folder.name)
        for folder in Path("/proc").iterdir()
        if folder.name.isdecimal() and _belongs_to(folder, server)
    }


def _belongs_to(folder: Path, server: int) -> bool:
    with suppress(OSError):
        is_one = MODULE in (folder / "cmdline").read_bytes().split(b"\0")
        return is_one and _number_in(folder, "PPid") == server
    return False


def is_running(pid: int) -> bool:
    """Return whether a process exists and is not a zombie."""
    with suppress(OSError):
        return " Z " not in Path(f"/proc/{pid}/stat").read_text()
    return False


def stop(pid: int) -> None:
    """Stop a process, and return once it has stopped. Until then it may still read its input."""
    os.kill(pid, signal.SIGSTOP)
    while " T " not in Path(f"/proc/{pid}/stat").read_text():
        time.sleep(0.001)


def memory_of(pid: int, *, most: bool = False) -> int:
    """Return the memory of a process in bytes, or its peak with *most*."""
    return _number_in(Path(f"/proc/{pid}"), "VmHWM" if most else "VmRSS") * 1024


def address_space_of(pid: int) -> int:
    """Return how many bytes of memory a process has asked for, which is what may be limited."""
    return _number_in(Path(f"/proc/{pid}"), "VmSize") * 1024


def _number_in(folder: Path, name: str) -> int:
    found = re.search(rf"^{name}:\s+(\d+)", (folder / "status").read_text(), re.MULTILINE)
    return int(found[1]) if found else 0


async def first_asked(pids: Collection[int]) -> int:
    """Return which of some stopped processes is the first to get a request."""
    return await asyncio.to_thread(_first_with_input, pids)


def _first_with_input(pids: Collection[int]) -> int:
    opened = {os.open(f"/proc/{pid}/fd/0", os.O_RDONLY | os.O_NONBLOCK): pid for pid in pids}
    try:
        ready, _, _ = select.select(list(opened), [], [], 20)
    finally:
        for descriptor in opened:
            os.close(descriptor)
    assert ready, "nobody asked anything"
    return opened[ready[0]]
