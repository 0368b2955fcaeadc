"""The contract of catalogues: lists of stages, page by page, and of what is to end."""

from dataclasses import replace
from datetime import datetime

import pytest

from stageproxy.catalogue import Catalogue, Rows
from stageproxy.core.stage.file_uploads import FileUpload, UploadStatus
from stageproxy.core.stage.stage import LIVE, Stage, Status
from tests.store.builders import DAY, HOUR, NOW, a_stage, given

STAGES = [
    a_stage("a", version="3.0"),
    a_stage("b", version="2.0"),
    a_stage("c", version="1.0", opened_at=NOW - DAY),
    a_stage("d", version="2.0.0", opened_at=NOW - 2 * DAY, status=Status.CANCELED),
    a_stage("e", project="other", version="2.0", opened_at=NOW - 3 * DAY),
    a_stage("f", version=None, opened_at=NOW - 4 * DAY),
]
"""Stages in the order of the list."""


async def test_pages(catalogue: Catalogue) -> None:
    """Pages continue behind the last stage, also among stages of the same time."""
    await given(catalogue, *STAGES)

    def work(rows: Rows) -> list[list[str]]:
        pages, after = [], None
        while page := rows.stages.list(after=after, limit=2):
            pages.append([one.id for one in page])
            after = (page[-1].opened_at, page[-1].id)
        return pages

    assert await catalogue.read(work) == [["a", "b"], ["c", "d"], ["e", "f"]]


async def test_pages_go_on_where_a_stage_was_removed(catalogue: Catalogue) -> None:
    """A position is a place: the stage that was there need not exist any more."""
    await given(catalogue, *STAGES)
    await catalogue.write(lambda rows: rows.stages.remove("b"))

    page = await catalogue.read(lambda rows: rows.stages.list(after=(NOW, "b"), limit=1))

    assert [one.id for one in page] == ["c"]


@pytest.mark.parametrize(
    ("project", "version", "expected"),
    [
        pytest.param(None, None, "abcdef", id="all"),
        pytest.param("demo", None, "abcdf", id="of a project"),
        pytest.param("demo", "2", "bd", id="of a release, however it is spelled"),
        pytest.param(None, "2.0", "bde", id="of a version of every project"),
        pytest.param("none", None, "", id="of a project without stages"),
    ],
)
async def test_lists_can_be_limited(
    catalogue: Catalogue, project: str | None, version: str | None, expected: str
) -> None:
    """Lists have only the stages of a project or a version, if these are given."""
    await given(catalogue, *STAGES)

    found = await catalogue.read(lambda rows: rows.stages.list(project, version=version))

    assert "".join(one.id for one in found) == expected


async def test_live_stages_of_a_project(catalogue: Catalogue) -> None:
    """The live stages of a project are all that neither ended nor were published."""
    stages = [a_stage(one.value, version=None, status=one) for one in Status]
    await given(catalogue, *stages, a_stage("other", project="other"))

    found = await catalogue.read(lambda rows: rows.stages.list_live("demo"))

    assert {one.status for one in found} == LIVE


async def test_latest_stage(catalogue: Catalogue) -> None:
    """The latest stage of a project or a release is found, and none if there is none."""
    await given(catalogue, *STAGES)

    def work(rows: Rows) -> list[str]:
        found = [
            rows.stages.find_latest("demo", None),
            rows.stages.find_latest("demo", "2"),
            rows.stages.find_latest("demo", "9"),
        ]
        return [one.id if one else "none" for one in found]

    assert await catalogue.read(work) == ["a", "b", "none"]


async def test_expired_stages(catalogue: Catalogue) -> None:
    """Only stages that expire have expired: not those that are published, or partially are."""
    stages = [
        replace(a_stage(f"{status}{sent}", version=None, status=status), sent=sent)
        for status in Status
        for sent in (False, True)
    ]
    await given(catalogue, *stages)

    def expired(now: datetime) -> list[Stage]:
        return [one for one in stages if one.has_expired(now)]

    late = stages[0].expires_at
    found = await catalogue.read(lambda rows: rows.stages.list_expired(late, 10))
    assert {one.id for one in found} == {one.id for one in expired(late) if not one.sent}
    assert [one for one in expired(late) if one.sent and one.status is Status.ERROR] == []
    early = late - HOUR
    assert await catalogue.read(lambda rows: rows.stages.list_expired(early, 10)) == []
    assert len(await catalogue.read(lambda rows: rows.stages.list_expired(late, 1))) == 1


async def test_ended_stages(catalogue: Catalogue) -> None:
    """Stages that ended until a time are listed, the earliest first."""
    ended = [
        replace(a_stage(name, version=None, status=Status.CANCELED), ended_at=NOW + hours * HOUR)
        for name, hours in (("late", 2), ("early", 1))
    ]
    await given(catalogue, *ended, a_stage("live"))

    def work(rows: Rows) -> list[list[str]]:
        found = [rows.stages.list_ended(NOW + hours * HOUR, 10) for hours in (0, 1, 2)]
        return [[one.id for one in page] for page in found]

    assert await catalogue.read(work) == [[], ["early"], ["early", "late"]]


async def test_file_uploads_by_state(catalogue: Catalogue) -> None:
    """File uploads whose time is over are listed, and those that are being completed."""
    await given(catalogue, a_stage("id"))
    uploads = [
        FileUpload(one.value, f"{one}.whl", 1, {}, one, NOW, NOW + HOUR, "t1")
        for one in UploadStatus
    ]

    def work(rows: Rows) -> list[list[tuple[str, str]]]:
        for one in uploads:
            rows.file_uploads.save("id", one)
        lists = [
            rows.file_uploads.list_expired(NOW, 10),
            rows.file_uploads.list_expired(NOW + HOUR, 10),
            rows.file_uploads.list_processing(),
        ]
        return [[(stage_id, one.id) for stage_id, one in found] for found in lists]

    assert await catalogue.write(work) == [[], [("id", "pending")], [("id", "processing")]]


async def test_statuses(catalogue: Catalogue) -> None:
    """Only the stages in one of the wanted statuses are listed, the latest first."""
    stages = [
        a_stage(status.value, version=f"{number}.0", status=status, opened_at=NOW + number * HOUR)
        for number, status in enumerate(Status)
    ]
    await given(catalogue, *stages)

    live, ended, none = await catalogue.read(
        lambda rows: (
            rows.stages.list("demo", statuses=LIVE),
            rows.stages.list(statuses={Status.CANCELED}),
            rows.stages.list(statuses=()),
        )
    )

    assert [one.id for one in live] == ["error", "processing", "open"]
    assert ([one.id for one in ended], none) == (["canceled"], [])
