"""A server that measures the pace of its clients over two seconds instead of a minute.

`python -m tests.batteries.hurried_server serve …`. With `patient` first, a defect is planted: it
waits without limit for clients that do not read. With `narrow` first, it may open few files.
"""

import asyncio
import resource
import sys
from datetime import timedelta
from functools import partial

from stageproxy.cli import main
from stageproxy.core.pace import PaceLimits
from stageproxy.server import run
from stageproxy.web.serving.slow_readers import ReaderWatch

DESCRIPTORS = 1024
PERIOD = timedelta(seconds=2)


def hurry() -> None:
    """Measure paces over a short time."""
    run.PaceLimits = partial(PaceLimits, period=PERIOD)  # type: ignore[assignment, attr-defined] # it makes the same


def be_patient() -> None:
    """Wait for readers without limit."""
    ReaderWatch.start = _watch_nothing  # type: ignore[assignment, method-assign]


def be_narrow() -> None:
    """Open no more than a thousand files, as many systems have it."""
    resource.setrlimit(resource.RLIMIT_NOFILE, (DESCRIPTORS, DESCRIPTORS))


def _watch_nothing(_self: ReaderWatch, _transport: asyncio.Transport) -> None:
    """Watch nothing."""


WAYS = {"patient": be_patient, "narrow": be_narrow}

if __name__ == "__main__":
    hurry()
    if sys.argv[1] in WAYS:
        WAYS[sys.argv.pop(1)]()
    main(prog_name="stageproxy")
