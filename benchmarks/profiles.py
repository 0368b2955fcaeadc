"""Profiles of a server for figures that miss their goals."""

from dataclasses import replace

from benchmarks.goals import Row
from benchmarks.loads import Load
from benchmarks.servers.stageproxy import Profiled


async def explained(row: Row, ours: Profiled, load: Load) -> Row:
    """Return a row, with a profile of the server under the load if it misses its goal."""
    if not row.is_missed:
        return row
    return replace(row, profile=await ours.profile_of(load.anew().rate()))
