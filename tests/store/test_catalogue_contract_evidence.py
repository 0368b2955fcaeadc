"""The contract of catalogues: what was reported of tries of stages."""

from dataclasses import replace
from functools import partial

import pytest

from stageproxy.catalogue import Catalogue, ConstraintError, Rows
from stageproxy.core.review.evidence import Evidence
from tests.store.builders import HOUR, NOW, a_stage, given

EVIDENCE = Evidence(
    id="e1",
    manifest_digest="e" * 64,
    python="3.13.5",
    implementation="cp",
    platform="manylinux x86_64",
    installer="pip 26.3",
    filename="demo-1.0-py3-none-any.whl",
    command="pytest -q",
    passed=False,
    exit_code=-9,
    seconds=1.25,
    log_tail="1 failed\nKilled",
    at=NOW,
    by="t1",
)


async def add(catalogue: Catalogue, *evidence: Evidence, stage_id: str = "id") -> None:
    """Store evidence, each in its own transaction."""
    for one in evidence:
        await catalogue.write(partial(_add, stage_id, one))


def _add(stage_id: str, evidence: Evidence, rows: Rows) -> None:
    rows.evidence.add(stage_id, evidence)


async def stored(catalogue: Catalogue) -> list[Evidence]:
    """Return the stored evidence of a stage."""
    return [*await catalogue.read(lambda rows: rows.evidence.list("id"))]


async def test_every_field_is_stored(catalogue: Catalogue) -> None:
    """Every field of evidence is stored, times to the microsecond."""
    await given(catalogue, a_stage("id"))

    await add(catalogue, EVIDENCE)

    assert await stored(catalogue) == [EVIDENCE]


async def test_latest_first(catalogue: Catalogue) -> None:
    """The evidence of a stage is listed, the latest first, and that of no other stage."""
    await given(catalogue, a_stage("id"), a_stage("other", version="2.0"))
    latest = replace(EVIDENCE, id="e2", at=NOW + HOUR, passed=True, exit_code=0)
    same_time = replace(EVIDENCE, id="e3")

    await add(catalogue, same_time, latest, EVIDENCE)
    await add(catalogue, EVIDENCE, stage_id="other")

    assert await stored(catalogue) == [latest, EVIDENCE, same_time]


async def test_removal(catalogue: Catalogue) -> None:
    """Evidence is removed by its id; what does not exist is no error."""
    await given(catalogue, a_stage("id"))
    await add(catalogue, EVIDENCE, replace(EVIDENCE, id="e2"))

    for _ in range(2):
        await catalogue.write(lambda rows: rows.evidence.remove("id", "e2"))

    assert await stored(catalogue) == [EVIDENCE]


async def test_no_stray_evidence(catalogue: Catalogue) -> None:
    """Evidence needs a stage, has its own id, and is removed with the stage."""
    with pytest.raises(ConstraintError):
        await add(catalogue, EVIDENCE)
    await given(catalogue, a_stage("id"))
    await add(catalogue, EVIDENCE)
    with pytest.raises(ConstraintError):
        await add(catalogue, EVIDENCE)

    await catalogue.write(lambda rows: rows.stages.remove("id"))

    assert await stored(catalogue) == []
