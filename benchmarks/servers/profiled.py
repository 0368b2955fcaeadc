"""A server with a profiler of its event loop, which SIGPROF starts and the next one ends.

`python -m benchmarks.servers.profiled FILE MODULES serve …` takes the arguments of `stageproxy`
after the file of the profile and the modules that must not be imported, separated by commas. Until
the first signal, nothing is slower than without it.
"""

import cProfile
import json
import re
import signal
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

from stageproxy.cli import main

_MOST = 10


@dataclass(slots=True)
class Profiler:
    """A profiler that a signal switches, and its file."""

    file: Path
    profile: cProfile.Profile | None = field(default=None, init=False)

    def switch(self, _number: int, _frame: FrameType | None) -> None:
        """Begin to profile; or end, and write the functions with the most time of their own."""
        if self.profile is None:
            self.profile = cProfile.Profile(time.thread_time)
            self.profile.enable()
            return
        self.profile.disable()
        partial = self.file.with_suffix(".partial")
        partial.write_text(json.dumps(list(lines(self.profile.getstats()))))
        partial.rename(self.file)
        self.profile = None


def lines(entries: list[Any]) -> Iterator[str]:
    """Return a line for each of the functions that use the most processor time of their own."""
    times = {name(one.code): one.inlinetime for one in entries}
    total = sum(times.values()) or 1
    for one in sorted(times, key=lambda one: -times[one])[:_MOST]:
        yield f"{times[one] / total:6.1%}  {one}"


def name(code: CodeType | str) -> str:
    """Return the name of a function and of its file, below its package."""
    if isinstance(code, str):
        return code
    file = re.sub(r"^.*/(site-packages|python3\.\d+|(?=stageproxy/))", "", code.co_filename)
    return f"{file.lstrip('/')}:{code.co_firstlineno} {code.co_qualname}"


if __name__ == "__main__":
    file, without = sys.argv.pop(1), sys.argv.pop(1)
    sys.modules.update(dict.fromkeys(filter(None, without.split(","))))  # type: ignore[arg-type] # as documented
    signal.signal(signal.SIGPROF, Profiler(Path(file)).switch)
    main()
