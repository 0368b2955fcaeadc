"""A promotion cut short anywhere and resumed publishes each artifact once, the sdist last.

The client is killed at any write of the journal, before or after it is stored, and any file may
be refused, lost on the way, or accepted without an answer.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from stageproxy.core.stage.stage import ArtifactKind
from tests.support.builders.stages import an_artifact
from tests.support.ports.fake_journal_store import FakeJournalStore
from tests.support.ports.fake_publish_target import FakePublishTarget, UploadFault
from tests.support.promotion.fake_promotion import PACE, FakePromotion

SDIST = "demo-2.0.tar.gz"
WHEELS = [f"demo-2.0-cp3{minor}-none-any.whl" for minor in range(10, 15)]
LIVES = 30
"""How often a promotion is started again, at most; a slow index alone takes a few of them."""

releases = st.lists(st.sampled_from([*WHEELS, SDIST]), unique=True, min_size=1)
faults = st.dictionaries(
    st.tuples(st.sampled_from([*WHEELS, SDIST]), st.integers(1, 4)),
    st.sampled_from(sorted(UploadFault)),
)
lags = st.sampled_from([0, 25, 300, 3600])
writes = st.sets(st.integers(1, 12), max_size=2)
deaths = st.lists(st.tuples(writes, writes), max_size=LIVES)


@given(
    filenames=releases,
    faults=faults,
    lag=lags,
    deaths=deaths,
    has_hashes=st.booleans(),
    parallel=st.integers(1, 4),
)
@settings(deadline=None, max_examples=100)
def test_each_artifact_once_and_the_sdist_last(
    *, filenames: Sequence[str], deaths: Sequence[Any], parallel: int, **faulty: Any
) -> None:
    """For any release, faults and deaths, all files are published in order, none of them twice."""
    promotion = FakePromotion([an_artifact(one) for one in filenames])
    promotion.pace = replace(PACE, parallel=parallel)
    promotion.fake_target = a_publish_target(promotion, **faulty)

    asyncio.run(_publish_with_restarts(promotion, deaths))

    assert promotion.fake_target.listed == set(filenames)
    assert sorted(name for name, _ in promotion.fake_target.acceptances) == sorted(filenames)
    check_order(promotion)


def a_publish_target(
    promotion: FakePromotion, *, faults: Any, lag: int, has_hashes: bool
) -> FakePublishTarget:
    """Return an index with that delay, those failures and those faults."""
    lagging = timedelta(seconds=lag)
    return FakePublishTarget(
        promotion.clock, lag=lagging, has_hashes=has_hashes, faults=dict(faults)
    )


async def _publish_with_restarts(promotion: FakePromotion, deaths: Sequence[Any]) -> None:
    """Start over after each death and each ending until all is published."""
    for before, after in [*deaths, *[((), ())] * LIVES]:
        journal_store = FakeJournalStore({}, dies_before=before, dies_after=after)
        if await promotion.resume_with(journal_store):
            return
    raise AssertionError(promotion.journal_store)


def check_order(promotion: FakePromotion) -> None:
    """Check that the sdist was sent after every wheel was listed.

    The fake index checks the first file.
    """
    kinds = {one.filename: one.kind for one in promotion.artifacts}
    wheels = {name for name, kind in kinds.items() if kind is ArtifactKind.WHEEL}
    last = [
        listed
        for name, listed in promotion.fake_target.acceptances
        if kinds[name] is ArtifactKind.SDIST
    ]
    assert all(listed >= wheels for listed in last)
