"""Everything that is measured, in the order of the table."""

from collections.abc import Sequence

from benchmarks.parts import clients, files, pages, stages, uploads
from benchmarks.run import Part

PARTS: Sequence[Part] = (pages.PART, files.PART, uploads.PART, clients.PART, stages.PART)
