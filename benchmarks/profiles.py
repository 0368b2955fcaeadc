"""Profiles of a server for figures that miss their goals."""

from dataclasses import replace

from benchmarks.goals import Row
from benchmarks.rounds import Side
from benchmarks.servers.stageproxy import Profiled


async def explained(row: Row, ours: Profiled, work: Side) -> Row:
    """Return a row, with a profile of the server during the work if it misses its goal."""
    if not row.is_missed:
        return row
    return replace(row, profile=await ours.profile_of(work()))
