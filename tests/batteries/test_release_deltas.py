"""What the delta says of 20 pairs of real releases, as a person has looked at it."""

import re

import pytest

from tests.batteries.release_pairs import (
    Document,
    diffs_without_a_side,
    download,
    downloaded_side,
    recorded_pairs,
    recorded_side,
    says,
    says_of_files,
)
from tests.batteries.report import SEED, BatteryReport

PAIRS = recorded_pairs()
RECORDED = re.compile(r"(?:License|License-Expression|Provides-Extra) |Classifier .*'License ::")
OF_METADATA = ("entry-point ", "module ")


def violations(pair: Document, said: Document) -> list[str]:
    """Return what the delta says now and was not recorded, and the reverse."""
    recorded = pair["delta"]
    differing = [kind for kind in said if said[kind] != recorded[kind]]
    return [
        f"{pair['after']['filename']}, {kind}: recorded {_others(recorded[kind], said[kind])}, "
        f"said {_others(said[kind], recorded[kind])}"
        for kind in differing
    ]


def _others(ours: object, theirs: object) -> object:
    """Return what is only in one of two lists; anything else as it is."""
    if isinstance(ours, list) and isinstance(theirs, list):
        return [one for one in ours if one not in theirs]
    return ours


def test_recorded() -> None:
    """The recorded metadata of 20 real pairs differs as was recorded, with the same findings."""
    found = []
    for pair in PAIRS:
        said = says(recorded_side(pair["before"]), recorded_side(pair["after"]))
        fields = [one for one in pair["delta"]["fields"] if RECORDED.match(one)]
        names = [one for one in pair["delta"]["names"] if one.startswith(OF_METADATA)]
        known = {**pair, "delta": {**pair["delta"], "fields": fields, "names": names}}
        found += violations(known, said)

    BatteryReport("recorded deltas", SEED, {"pairs": len(PAIRS)}, found).check()


@pytest.mark.battery
@pytest.mark.network
@pytest.mark.timeout(1200)
async def test_downloaded() -> None:
    """The same pairs, downloaded again, say what was recorded; their diffs have both texts."""
    found: list[str] = []
    diffs = 0
    for pair in PAIRS:
        distributions = await download(pair)
        sides = downloaded_side(distributions[0]), downloaded_side(distributions[1])
        found += violations(pair, {**says(*sides), **says_of_files(*sides)})
        count, wrong = diffs_without_a_side(*distributions)
        diffs += count
        found += [f"{pair['after']['filename']}, {path}: not both texts" for path in wrong]

    counts = {"pairs": len(PAIRS), "diffs": diffs}
    BatteryReport("deltas of releases", SEED, counts, found).check()
