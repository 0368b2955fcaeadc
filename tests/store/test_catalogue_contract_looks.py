"""The contract of catalogues: what was shown of stages."""

from dataclasses import replace
from functools import partial

import pytest

from stageproxy.catalogue import Catalogue, ConstraintError, Rows
from stageproxy.core.promotion.looks import Look, LookKind, SeenFile
from tests.store.builders import HOUR, NOW, a_stage, given

FILES = (SeenFile("demo.tar.gz", "a" * 64, "b" * 64), SeenFile("demo.whl", "c" * 64, "d" * 64))
LOOK = Look("id", "t1", LookKind.DRY_RUN, NOW, "e" * 64, revision=7, files=FILES)


async def save(catalogue: Catalogue, *looks: Look) -> None:
    """Store looks, each in its own transaction."""
    for look in looks:
        await catalogue.write(partial(_save, look))


def _save(look: Look, rows: Rows) -> None:
    rows.looks.save(look)


async def stored(catalogue: Catalogue, stage_id: str = "id") -> list[Look]:
    """Return the stored looks at a stage."""
    return [*await catalogue.read(lambda rows: rows.looks.list(stage_id))]


@pytest.mark.parametrize("kind", LookKind)
async def test_every_field_is_stored(catalogue: Catalogue, kind: LookKind) -> None:
    """Every field of a look is stored, of every kind, times to the microsecond."""
    await given(catalogue, a_stage("id"))
    look = replace(LOOK, kind=kind)

    await save(catalogue, look)

    assert await stored(catalogue) == [look]


async def test_latest_first(catalogue: Catalogue) -> None:
    """The looks at a stage are listed, the latest first."""
    await given(catalogue, a_stage("id"), a_stage("other", version="2.0"))
    later = replace(LOOK, token_id="t2", at=NOW + HOUR)
    latest = replace(LOOK, kind=LookKind.PAGE, at=NOW + 2 * HOUR)

    await save(catalogue, later, latest, LOOK, replace(LOOK, stage_id="other"))

    assert await stored(catalogue) == [latest, later, LOOK]


async def test_last_of_its_kind(catalogue: Catalogue) -> None:
    """Of each kind and token, only the last look is stored."""
    await given(catalogue, a_stage("id"))
    again = replace(LOOK, at=NOW + HOUR, revision=8, files=FILES[:1])

    await save(catalogue, LOOK, again)

    assert await stored(catalogue) == [again]


async def test_no_stray_looks(catalogue: Catalogue) -> None:
    """A look needs a stage, and is removed with it."""
    with pytest.raises(ConstraintError):
        await save(catalogue, LOOK)
    await given(catalogue, a_stage("id"))
    await save(catalogue, LOOK)

    await catalogue.write(lambda rows: rows.stages.remove("id"))

    assert await stored(catalogue) == []
