"""A server that measures the pace of its clients over two seconds instead of a minute.

`python -m tests.batteries.hurried_server serve …`; with `patient` first, a defect is planted: it
waits without limit for clients that do not read.
"""

import asyncio
import sys
from datetime import timedelta
from functools import partial

from stageproxy.cli import main
from stageproxy.core.pace import PaceLimits
from stageproxy.server import run
from stageproxy.web.slow_readers import ReaderWatch

PERIOD = timedelta(seconds=2)


def hurry() -> None:
    """Measure paces over a short time."""
    run.PaceLimits = partial(PaceLimits, period=PERIOD)  # type: ignore[assignment, attr-defined] # it makes the same


def be_patient() -> None:
    """Wait for readers without limit."""
    ReaderWatch.start = _watch_nothing  # type: ignore[assignment, method-assign]


def _watch_nothing(_self: ReaderWatch, _transport: asyncio.Transport) -> None:
    """Watch nothing."""


if __name__ == "__main__":
    hurry()
    if sys.argv[1] == "patient":
        sys.argv.pop(1)
        be_patient()
    main(prog_name="stageproxy")
