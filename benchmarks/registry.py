"""Everything that is measured, in the order of the page."""

from collections.abc import Sequence

from benchmarks.parts import (
    clients,
    cold,
    files,
    logs,
    pages,
    peers,
    reviews,
    speedups,
    stages,
    start,
    storage,
    uploads,
    workers,
)
from benchmarks.run import Part

PARTS: Sequence[Part] = (
    pages.PART,
    files.PART,
    uploads.PART,
    reviews.PART,
    peers.PART,
    cold.PART,
    clients.PART,
    stages.PART,
    logs.PART,
    speedups.PART,
    workers.PART,
    storage.PART,
    start.PART,
)
