"""Answers that were given before, while time passes: at the stage, and at upstream."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from tests.support.builders.distributions import a_wheel
from tests.support.clients.http import Answer
from tests.support.clients.preview_reader import (
    FORMS,
    PreviewReader,
    Readings,
    differing,
    filenames_on,
    shown_by,
)
from tests.support.index.fake_index import JUST_OUT, FakeIndex, Quirks
from tests.support.servers.service import PIP
from tests.web.preview.prepared import SDIST, SOON, WHEEL, reading
from tests.web.preview.stage_changes import cancel, extend, publish, upload

DOWN = Quirks(status=503)
OF_STAGE = ("page", "only", "project", "wheel", "metadata", "stage")
OF_UPSTREAM = ("page", "page as HTML", "project", "feed")
NEW = a_wheel(version="1.1")


@pytest.fixture
async def reader(tmp_path: Path, index: FakeIndex) -> AsyncIterator[PreviewReader]:
    """Return a reader of a stage whose upstream is asked once a minute."""
    async with reading(tmp_path, index) as running:
        running.documents = OF_STAGE
        yield running


@pytest.fixture
async def soon(tmp_path: Path, index: FakeIndex) -> AsyncIterator[PreviewReader]:
    """Return a reader of a stage whose upstream is asked again soon."""
    async with reading(tmp_path, index, SOON) as running:
        running.documents = OF_UPSTREAM
        yield running


def statuses(readings: Readings) -> set[int]:
    """Return the statuses of all answers to GET without a condition."""
    return {one.status for (_, form), one in readings.items() if form in {"plain", "gzip"}}


async def test_extended_stage(reader: PreviewReader) -> None:
    """An extended stage is served when it would have expired, and has ended when it has."""
    await reader.warm()
    await extend(reader.service, reader.stage)
    await reader.warm()

    reader.service.clock.advance(days=7, hours=1)
    extended = await reader.warm()
    reader.service.clock.advance(days=3)

    assert (statuses(extended), statuses(await reader.read_all())) == ({200}, {410})


async def test_restarted_lifetime(reader: PreviewReader) -> None:
    """An upload starts the lifetime again: the stage is served when it would have expired."""
    reader.service.clock.advance(days=6)
    await reader.warm()
    await upload(reader.service, reader.stage)
    await reader.warm()

    reader.service.clock.advance(days=6)
    later = await reader.warm()
    reader.service.clock.advance(days=1)

    assert (statuses(later), statuses(await reader.read_all())) == ({200}, {410})


async def test_last_moment(reader: PreviewReader) -> None:
    """A stage is served up to the moment at which it expires, and not in it."""
    expires = (await reader.read("stage")).document["expires-at"]
    reader.service.clock.advance(days=7, microseconds=-124456)
    before = await reader.warm()

    reader.service.clock.advance(seconds=1)

    assert expires == "2026-11-29T12:00:00Z"
    assert (statuses(before), statuses(await reader.read_all())) == ({200}, {410})


@pytest.mark.parametrize("is_swept", [False, True], ids=["not swept", "swept"])
async def test_end_of_retention(reader: PreviewReader, *, is_swept: bool) -> None:
    """What is 410 for the retention time is the 404 of an unknown URL after it."""
    service = reader.service
    await cancel(service, reader.stage)
    gone = await reader.warm()

    service.clock.advance(days=30)
    if is_swept:
        await service.parts.expiry.sweep()

    after = await reader.read_all()
    unknown = await service.get("/tmp/demo/unknown/simple/demo/", PIP)
    assert (statuses(gone), statuses(after)) == ({410}, {404})
    assert shown_by(after["page", "plain"]) == shown_by(unknown)


async def test_end_of_lag(reader: PreviewReader) -> None:
    """A day after publishing, nothing is added any more to what upstream lists."""
    service = reader.service
    await publish(service, reader.stage)
    service.index.remove("demo")
    service.index.add("demo", a_wheel(version="1.0"))
    await reader.read("page", Cache_Control="no-cache")
    before = await reader.warm()

    service.clock.advance(days=1)

    page, only = await reader.read("page"), await reader.read("only")
    assert WHEEL.filename in filenames_on(before["page", "plain"])
    assert filenames_on(page) == [a_wheel(version="1.0").filename]
    assert (before["only", "plain"].status, only.status) == (200, 404)
    assert (await reader.read("wheel")).status == 307


@pytest.mark.parametrize("days", [8, 40])
async def test_clock_that_jumps_and_returns(reader: PreviewReader, days: int) -> None:
    """After a jump ahead the stage has ended; once the clock is back, it is as it was."""
    clock = reader.service.clock
    before = await reader.warm()
    clock.doubt = timedelta(days=days)
    clock.advance(days=days)
    ahead = [await reader.read_all() for _ in range(2)]

    clock.advance(days=-days)
    clock.doubt = timedelta(0)

    assert [statuses(one) for one in ahead] == [{410 if days == 8 else 404}] * 2
    assert differing(before, await reader.read_all()) == {}


async def test_clock_that_goes_back_before_the_lag_is_over(reader: PreviewReader) -> None:
    """Once the clock is back on the day of publishing, its files are added again."""
    service = reader.service
    await publish(service, reader.stage)
    service.index.remove("demo")
    service.index.add("demo", a_wheel(version="1.0"))
    service.clock.advance(days=2)
    await reader.read("page", Cache_Control="no-cache")
    later = await reader.warm()

    service.clock.advance(days=-2)

    assert WHEEL.filename not in filenames_on(later["page", "plain"])
    assert WHEEL.filename in filenames_on(await reader.read("page"))


async def test_upstream_after_a_while(soon: PreviewReader) -> None:
    """What upstream has changed is shown in every form once its copy is not fresh any more."""
    before = await soon.warm()
    soon.service.index.add("demo", NEW)

    await asyncio.sleep(SOON)

    after = await soon.read_all()
    assert {document for document, _ in differing(before, after)} == set(OF_UPSTREAM)
    assert [after[one, "known"].status for one in OF_UPSTREAM] == [200] * 4
    assert all(b"1.1" in after[one, "plain"].body for one in OF_UPSTREAM)


@pytest.mark.parametrize("directive", ["no-cache", "max-age=0", "private, max-age = 0"])
@pytest.mark.parametrize("document", OF_UPSTREAM)
async def test_upstream_at_once(reader: PreviewReader, document: str, directive: str) -> None:
    """What upstream has changed is shown at once to who asks for it, and then to others."""
    reader.documents = [document]
    await reader.warm()
    reader.service.index.add("demo", NEW)

    asked = {form: await reader.read(document, form, Cache_Control=directive) for form in FORMS}

    after = await reader.read_all()
    assert [asked["plain"].status, asked["known"].status] == [200, 200]
    assert b"1.1" in asked["plain"].body
    assert b"1.1" in after[document, "plain"].body
    assert after[document, "head"].headers["ETag"] == asked["head"].headers["ETag"]


async def test_page_of_another_project(reader: PreviewReader) -> None:
    """The page of another project, which upstream allows to be kept, is new for who asks so."""
    reader.documents = ["other"]
    await reader.warm()
    new = a_wheel("other", version="1.1")
    reader.service.index.add("other", new)

    answer = await reader.read("other", Cache_Control="no-cache")

    assert new.filename in filenames_on(answer)
    assert new.filename in filenames_on(await reader.read("other"))


async def test_page_of_another_project_after_a_while(soon: PreviewReader) -> None:
    """What upstream has changed on the page of another project is shown after a while."""
    soon.documents = ["other"]
    before = await soon.warm()
    soon.service.index.add("other", a_wheel("other", version="1.1"))

    await asyncio.sleep(SOON)

    after = await soon.read_all()
    assert set(differing(before, after)) == set(before)


async def test_project_that_upstream_removes(reader: PreviewReader) -> None:
    """A project that is gone from upstream is gone for everybody once somebody has noticed."""
    reader.documents = ["other", "page"]
    await reader.warm()
    reader.service.index.remove("other")

    noticed = await reader.read("other", Cache_Control="no-cache")

    assert [noticed.status, (await reader.read("other")).status] == [404, 404]


async def test_project_that_was_missing(reader: PreviewReader) -> None:
    """That upstream has no such project is not kept."""
    reader.documents = ["missing"]
    before = await reader.warm()
    reader.service.index.add("missing", a_wheel("missing"))

    after = await reader.read("missing")

    assert (statuses(before), after.status) == ({404}, 200)


async def test_upstream_lists_a_staged_file(reader: PreviewReader) -> None:
    """A staged file that upstream lists now is upstream's on the next page that is asked for."""
    before = await reader.warm()
    reader.service.index.add("demo", WHEEL, extra_file_keys=JUST_OUT)

    after = await reader.read("page", Cache_Control="no-cache")

    assert url_on(before["page", "plain"]).startswith("../../packages/")
    assert url_on(after).startswith(reader.service.index.url)
    assert url_on(await reader.read("page")) == url_on(after)
    assert SDIST.filename in filenames_on(after)


def url_on(page: Answer) -> str:
    """Return the URL of the wheel on a page."""
    [url] = [one["url"] for one in page.document["files"] if one["filename"] == WHEEL.filename]
    return str(url)


@pytest.mark.parametrize("document", OF_UPSTREAM)
async def test_upstream_fails_and_recovers(soon: PreviewReader, document: str) -> None:
    """While upstream fails, the last answer is marked as stale, and as soon as it answers, not."""
    soon.documents = [document]
    before = await soon.warm()
    soon.service.index.quirks = DOWN
    await asyncio.sleep(SOON)

    stale = await soon.read(document)
    refused = await soon.read(document, Cache_Control="no-cache")
    soon.service.index.quirks = Quirks()
    after = await soon.read(document)

    assert (stale.status, stale.body) == (200, before[document, "plain"].body)
    assert stale.headers["Warning"] == '110 - "Response is Stale"'
    assert int(stale.headers["Age"]) >= 0
    assert refused.status == 503
    assert shown_by(after) == shown_by(before[document, "plain"])
    assert not {"Warning", "Age"} & set(after.headers)


async def test_change_while_upstream_fails(soon: PreviewReader) -> None:
    """A change is seen at once on a stale page, too."""
    await soon.warm()
    soon.service.index.quirks = DOWN
    await asyncio.sleep(SOON)
    before = await soon.read("page")
    await cancel(soon.service, soon.stage)

    after = await soon.read("page")

    assert ("Warning" in before.headers, after.status) == (True, 410)


async def test_notice_of_an_outage(soon: PreviewReader) -> None:
    """The stage says at once that upstream fails, and that it answers again."""
    soon.documents = ["page", "stage", "stage page"]
    before = await soon.warm()
    soon.service.index.quirks = DOWN
    await asyncio.sleep(SOON)
    await soon.read("page")

    during = [await soon.read(one) for one in ("stage", "stage page")]
    soon.service.index.quirks = Quirks()
    await soon.read("page")
    after = [await soon.read(one) for one in ("stage", "stage page")]

    assert all(b"PyPI cannot be reached since" in one.body for one in during)
    assert [shown_by(one) for one in after] == [
        shown_by(before[one, "plain"]) for one in ("stage", "stage page")
    ]
