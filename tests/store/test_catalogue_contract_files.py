"""The contract of catalogues: artifacts and files."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime

import pytest

from stageproxy.catalogue import Catalogue, ConstraintError, Rows, Totals
from stageproxy.core.care.sweep import UnneededFile
from stageproxy.core.stage.stage import Status
from stageproxy.core.values import form_size
from tests.store.builders import DAY, FORM, HOUR, NOW, a_stage, an_artifact, given


def unused_at(now: datetime) -> Callable[[Rows], Sequence[str]]:
    """Return the work of a sweep that spares files needed in the last hour."""
    return lambda rows: [one.name for one in rows.files.remove_unused(now, since=now - HOUR)]


@pytest.mark.parametrize(
    "work",
    [
        pytest.param(lambda rows: rows.stages.save_token("t", "nobody", 0), id="token"),
        pytest.param(
            lambda rows: rows.artifacts.save("nobody", an_artifact(), FORM, None), id="artifact"
        ),
        pytest.param(
            lambda rows: rows.artifacts.remove("nobody", an_artifact(), "why"), id="former file"
        ),
    ],
)
async def test_no_rows_without_a_stage(catalogue: Catalogue, work: Callable[[Rows], None]) -> None:
    """Rows that belong to a stage cannot be stored without it."""
    with pytest.raises(ConstraintError):
        await catalogue.write(work)


async def test_artifacts_are_sorted_by_name(catalogue: Catalogue) -> None:
    """A stage has its artifacts, sorted by filename, with every field."""
    wheel, sdist = an_artifact(b"w"), an_artifact(b"s", filename="demo-1.0.tar.gz")
    await given(catalogue, a_stage("id"))

    def work(rows: Rows) -> None:
        rows.artifacts.save("id", sdist, FORM, None)
        rows.artifacts.save("id", wheel, FORM, b"Name: demo")

    await catalogue.write(work)

    expected = replace(a_stage("id"), artifacts=(wheel, sdist))
    assert await catalogue.read(lambda rows: rows.stages.find("id")) == expected
    metadata = await catalogue.read(
        lambda rows: rows.artifacts.find_core_metadata("id", wheel.filename)
    )
    assert metadata == b"Name: demo"
    assert (
        await catalogue.read(lambda rows: rows.artifacts.find_core_metadata("id", sdist.filename))
        is None
    )
    assert await catalogue.read(lambda rows: rows.artifacts.find_form("id", sdist.filename)) == FORM
    assert await catalogue.read(lambda rows: rows.artifacts.find_form("id", "other.tar.gz")) == ()


async def test_totals(catalogue: Catalogue) -> None:
    """The totals are stages by status, and files, each of which counts once."""
    wheel = an_artifact(b"w")
    await given(catalogue, a_stage("one"), a_stage("two", version="2.0"))

    def work(rows: Rows) -> None:
        rows.artifacts.save("one", wheel, FORM, None)
        rows.artifacts.save("two", wheel, FORM, None)

    await catalogue.write(work)

    totals = await catalogue.read(lambda rows: rows.totals())
    assert totals == Totals({"open": 2}, 1, wheel.size, 2 * form_size(FORM, None))


async def test_totals_follow_every_change(catalogue: Catalogue) -> None:
    """The totals are right after stages end, artifacts change and everything is removed."""
    stage, other = an_artifact(b"w"), an_artifact(b"other wheel")
    await given(catalogue, a_stage("id"))

    def work(rows: Rows) -> list[Totals]:
        rows.artifacts.save("id", stage, FORM, b"Name: demo")
        rows.artifacts.save("id", other, FORM, None)
        seen = [rows.totals()]
        rows.stages.save(a_stage("id", status=Status.CANCELED))
        seen.append(rows.totals())
        rows.files.remove_unused(NOW, since=NOW)
        rows.stages.remove("id")
        return [*seen, rows.totals()]

    held = (2, stage.size + other.size, form_size(FORM, None))
    assert await catalogue.write(work) == [
        Totals({"open": 1}, *held),
        Totals({"canceled": 1}, *held),
        Totals({}, 0, 0, 0),
    ]


async def test_unused_files_in_parts(catalogue: Catalogue) -> None:
    """Files can be treated in parts, by how their digests begin."""
    wheel = an_artifact(b"w")
    await given(catalogue, a_stage("id", status=Status.CANCELED))
    await catalogue.write(lambda rows: rows.artifacts.save("id", wheel, FORM, None))
    others = "0" if wheel.sha256[0] != "0" else "1"

    def work(rows: Rows) -> list[object]:
        return [
            rows.files.digests(others),
            rows.files.remove_unused(NOW, since=NOW, prefix=others),
            rows.files.digests(wheel.sha256[:2]),
            rows.files.remove_unused(NOW, since=NOW, prefix=wheel.sha256[:2]),
        ]

    removed = [UnneededFile(wheel.sha256, 1)]
    assert await catalogue.write(work) == [frozenset(), [], {wheel.sha256}, removed]


async def test_artifact_replaces_the_one_of_its_name(catalogue: Catalogue) -> None:
    """A stage has one artifact of a filename: the last, with its form and metadata."""
    await given(catalogue, a_stage("id"))
    await catalogue.write(lambda rows: rows.artifacts.save("id", an_artifact(b"1"), FORM, b"old"))

    await catalogue.write(lambda rows: rows.artifacts.save("id", an_artifact(b"2"), FORM, b"new"))

    stage = await catalogue.read(lambda rows: rows.stages.find("id"))
    assert stage is not None
    assert stage.artifacts == (an_artifact(b"2"),)
    name = an_artifact().filename
    assert (
        await catalogue.read(lambda rows: rows.artifacts.find_core_metadata("id", name)) == b"new"
    )


async def test_removed_artifact_leaves_its_reason(catalogue: Catalogue) -> None:
    """A removed artifact has a reason until it is staged again."""
    artifact = an_artifact()
    where = ("id", artifact.blake2b_256, artifact.filename)
    await given(catalogue, a_stage("id"))
    await catalogue.write(lambda rows: rows.artifacts.save("id", artifact, FORM, b"metadata"))

    await catalogue.write(lambda rows: rows.artifacts.remove("id", artifact, "Withdrawn."))

    assert await catalogue.read(lambda rows: rows.stages.find("id")) == a_stage("id")
    assert await catalogue.read(lambda rows: rows.artifacts.find_former(*where)) == "Withdrawn."
    gone = await catalogue.read(
        lambda rows: rows.artifacts.find_core_metadata("id", artifact.filename)
    )
    assert gone is None
    await catalogue.write(lambda rows: rows.artifacts.save("id", artifact, FORM, None))
    assert await catalogue.read(lambda rows: rows.artifacts.find_former(*where)) is None


async def test_removed_stage_leaves_no_rows(catalogue: Catalogue) -> None:
    """A removed stage leaves no rows; other stages keep theirs."""
    other = a_stage("other", version="2.0")
    await given(catalogue, a_stage("id"), other)

    def fill(rows: Rows) -> None:
        for stage_id in ("id", "other"):
            rows.stages.save_token(f"token of {stage_id}", stage_id, 0)
            rows.artifacts.save(stage_id, an_artifact(), FORM, b"metadata")
            rows.artifacts.remove(stage_id, an_artifact(b"former"), "why")
            rows.artifacts.save(stage_id, an_artifact(), FORM, b"metadata")

    def work(rows: Rows, stage_id: str) -> list[bool]:
        former = an_artifact(b"former")
        found = [
            rows.stages.find(stage_id),
            rows.stages.find_by_token(f"token of {stage_id}"),
            rows.artifacts.find_former(stage_id, former.blake2b_256, former.filename),
            rows.artifacts.find_core_metadata(stage_id, an_artifact().filename),
        ]
        return [one is not None for one in found]

    await catalogue.write(fill)

    await catalogue.write(lambda rows: rows.stages.remove("id"))

    assert await catalogue.read(lambda rows: work(rows, "id")) == [False] * 4
    assert await catalogue.read(lambda rows: work(rows, "other")) == [True] * 4


async def test_unused_file_is_removed_an_hour_later(catalogue: Catalogue) -> None:
    """A file whose stage has ended is removed after an hour, once."""
    digest = an_artifact().sha256
    await given(catalogue, a_stage("id"))
    await catalogue.write(lambda rows: rows.artifacts.save("id", an_artifact(), FORM, None))
    await given(catalogue, a_stage("id", status=Status.CANCELED))
    moments = [NOW, NOW + HOUR / 2, NOW + HOUR, NOW + 2 * HOUR]

    found = [await catalogue.write(unused_at(now)) for now in moments]

    assert [list(one) for one in found] == [[], [], [digest], []]
    assert await catalogue.read(lambda rows: rows.files.digests()) == frozenset()


async def test_file_of_a_live_stage_is_used(catalogue: Catalogue) -> None:
    """A file of two stages is used until both have ended."""
    await given(catalogue, a_stage("id", status=Status.CANCELED), a_stage("live", version="2.0"))
    await catalogue.write(lambda rows: rows.artifacts.save("id", an_artifact(), FORM, None))
    await catalogue.write(lambda rows: rows.artifacts.save("live", an_artifact(), FORM, None))

    unused = [list(await catalogue.write(unused_at(now))) for now in (NOW, NOW + DAY)]

    assert unused == [[], []]
    known = await catalogue.read(lambda rows: rows.files.digests())
    assert known == {an_artifact().sha256}


async def test_file_that_is_staged_again(catalogue: Catalogue) -> None:
    """The hour is counted from the last use, not from the first."""
    artifact = an_artifact()
    await given(catalogue, a_stage("id"))
    await catalogue.write(lambda rows: rows.artifacts.save("id", artifact, FORM, None))
    await catalogue.write(lambda rows: rows.artifacts.remove("id", artifact, "why"))
    await catalogue.write(unused_at(NOW))
    await catalogue.write(lambda rows: rows.artifacts.save("id", artifact, FORM, None))
    await catalogue.write(lambda rows: rows.artifacts.remove("id", artifact, "why"))

    assert list(await catalogue.write(unused_at(NOW + HOUR))) == []


async def test_row_of_a_file_is_added_once(catalogue: Catalogue) -> None:
    """The row of a stored file can be added again if it is lost; one that is there stays."""
    await catalogue.write(lambda rows: rows.files.add("a", 1))

    await catalogue.write(lambda rows: rows.files.add("a", 2))

    assert (await catalogue.read(lambda rows: rows.totals())).size == 1


async def test_md5_that_is_made_later(catalogue: Catalogue) -> None:
    """An MD5 is stored for all artifacts with the same bytes, and for no others."""
    first, other = replace(an_artifact(b"w"), md5=None), replace(an_artifact(b"o"), md5=None)
    stages = [a_stage("1"), a_stage("2", project="other")]
    await given(catalogue, *stages)

    def work(rows: Rows) -> Sequence[str | None]:
        for stage in stages:
            rows.artifacts.save(stage.id, first, FORM, None)
        rows.artifacts.save("1", replace(other, filename="demo-1.0.tar.gz"), FORM, None)
        before = rows.artifacts.find_md5(first.sha256)
        rows.artifacts.save_md5(first.sha256, "5" * 32)
        return [before, *(rows.artifacts.find_md5(one.sha256) for one in (first, other))]

    assert await catalogue.write(work) == [None, "5" * 32, None]
