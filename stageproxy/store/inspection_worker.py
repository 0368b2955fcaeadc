"""Here is the process that looks into archives, `python -m` this, for `store.inspection` alone.

It reads a line of JSON for each file, `[path, filename]`, and writes lines: what
it has found so far, each time that is more, and that this was all, or the fault
that it ends with. It ends when nobody can ask any more.
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
"""What a process takes without any file, where the system does not tell."""


def main() -> None:
    """Answer until there are no more questions, or something went wrong."""
    memory, seconds = (int(argument) for argument in sys.argv[1:])
    # Those who stop a server signal all of its processes; what it works on still has to end.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    _limit_for_ever(memory)
    _say(READY)
    for question in sys.stdin.buffer:
        _limit_processor(seconds)
        try:
            path, filename = json.loads(question)
            _answer(Path(path), filename)
        except Exception as error:  # noqa: BLE001 - the outermost of this process: it says what and ends
            _say(_encoded({"fault": _without_words(error)}))
            return


def memory_of(process: int) -> int:
    """Return how many bytes a process has of what `RLIMIT_AS` limits."""
    return int(Path(f"/proc/{process}/statm").read_text().split()[0]) * os.sysconf("SC_PAGE_SIZE")


def _answer(path: Path, filename: str) -> None:
    with path.open("rb") as file:
        for contents in read_in_steps(file, parse_distribution_name(filename)):
            _say(_encoded({"contents": asdict(contents)}))
    _say(_encoded({"is_all": True}))


def _encoded(document: object) -> bytes:
    text = json.dumps(document, default=_plain, ensure_ascii=False)
    # Names in a tar may be no text at all, which nobody could be shown.
    return text.encode(errors="replace") + b"\n"


def _plain(value: object) -> object:
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if isinstance(value, set | frozenset):
        return list(value)
    raise TypeError(type(value).__name__)


def _without_words(error: Exception) -> str:
    """Return what failed and where, without the words: an archive may have written them."""
    where = error.__traceback__
    while where and where.tb_next:
        where = where.tb_next
    place = f" in {Path(where.tb_frame.f_code.co_filename).name}:{where.tb_lineno}" if where else ""
    return type(error).__name__ + place


def _say(line: bytes) -> None:
    sys.stdout.buffer.write(line)
    sys.stdout.buffer.flush()


def _limit_for_ever(memory: int) -> None:
    _limit("RLIMIT_AS", _own_memory() + memory)
    _limit("RLIMIT_NOFILE", _OPEN_FILES)
    for nothing in ("RLIMIT_FSIZE", "RLIMIT_NPROC", "RLIMIT_CORE"):
        _limit(nothing, 0)


def _limit_processor(seconds: int) -> None:
    """End this process if a file keeps it busy for longer, even when its server is gone."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    _, hard = resource.getrlimit(resource.RLIMIT_CPU)
    _limit("RLIMIT_CPU", int(used.ru_utime + used.ru_stime) + 1 + seconds, hard=hard)


def _limit(name: str, most: int, *, hard: int | None = None) -> None:
    """Set a limit, as far as this system has it and lets us."""
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
