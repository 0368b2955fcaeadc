"""The child process that reads archives for `store.inspection`: `python -m` this module.

It reads a line of JSON for each file, `[path, filename]`, and writes lines of
JSON: the contents found so far, each time there are more; then that these are
all, or the failure that ends the process. It ends when its input does.
"""

import base64
import json
import os
import resource
import signal
import sys
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path

from stageproxy.core.archives.filenames import parse_distribution_name
from stageproxy.core.archives.reader import read_in_steps

READY = b"ready\n"

_OPEN_FILES = 16
_OWN_MEMORY = 64 * 2**20
"""The memory of an idle process, where the system does not report it."""


def main() -> None:
    """Answer until the input ends, or something fails."""
    memory, seconds = (int(argument) for argument in sys.argv[1:])
    # Stopping a server signals all of its processes, but running uploads are still finished.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    _limit_process(memory)
    _write(READY)
    for question in sys.stdin.buffer:
        _limit_processor(seconds)
        try:
            path, filename = json.loads(question)
            _answer(Path(path), filename)
        except Exception as error:  # noqa: BLE001 - the outermost place of this process
            _write(_encoded({"fault": _without_message(error)}))
            return


def memory_of(process: int) -> int:
    """Return the bytes of a process that count for `RLIMIT_AS`."""
    return int(Path(f"/proc/{process}/statm").read_text().split()[0]) * os.sysconf("SC_PAGE_SIZE")


def _answer(path: Path, filename: str) -> None:
    with path.open("rb") as file:
        for contents in read_in_steps(file, parse_distribution_name(filename)):
            _write(_encoded({"contents": asdict(contents)}))
    _write(_encoded({"is_all": True}))


def _encoded(document: object) -> bytes:
    text = json.dumps(document, default=_json_value, ensure_ascii=False)
    # Names in a tar may not be text.
    return text.encode(errors="replace") + b"\n"


def _json_value(value: object) -> object:
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if isinstance(value, set | frozenset):
        return list(value)
    raise TypeError(type(value).__name__)


def _without_message(error: Exception) -> str:
    """Return the type and place of an error without its message, which may be an archive's."""
    where = error.__traceback__
    while where and where.tb_next:
        where = where.tb_next
    place = f" in {Path(where.tb_frame.f_code.co_filename).name}:{where.tb_lineno}" if where else ""
    return type(error).__name__ + place


def _write(line: bytes) -> None:
    sys.stdout.buffer.write(line)
    sys.stdout.buffer.flush()


def _limit_process(memory: int) -> None:
    _limit("RLIMIT_AS", _own_memory() + memory)
    _limit("RLIMIT_NOFILE", _OPEN_FILES)
    for nothing in ("RLIMIT_FSIZE", "RLIMIT_NPROC", "RLIMIT_CORE"):
        _limit(nothing, 0)


def _limit_processor(seconds: int) -> None:
    """End this process if a file takes more processor time, even if the server is gone."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    _, hard = resource.getrlimit(resource.RLIMIT_CPU)
    _limit("RLIMIT_CPU", int(used.ru_utime + used.ru_stime) + 1 + seconds, hard=hard)


def _limit(name: str, most: int, *, hard: int | None = None) -> None:
    """Set a limit if this system has it and permits it."""
    number = getattr(resource, name, None)
    if number is not None:
        with suppress(ValueError, OSError):
            resource.setrlimit(number, (most, most if hard is None else hard))


def _own_memory() -> int:
    with suppress(OSError, ValueError):
        return memory_of(os.getpid())
    return _OWN_MEMORY


if __name__ == "__main__":
    main()
