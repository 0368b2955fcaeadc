"""Uploads to the fake index: PyPI's behaviour that promotion depends on."""

import asyncio
import json
from collections.abc import Collection
from datetime import timedelta

from tests.support.builders.distributions import Distribution, a_wheel, an_sdist
from tests.support.builders.forms import twine_form
from tests.support.clients.http import fetch
from tests.support.clients.uploading import post, upload
from tests.support.index.fake_index import FakeIndex
from tests.support.index.history import Outcome, View
from tests.support.ports.clock import FakeClock
from tests.support.uploads.fake_uploads import Lag
from tests.support.uploads.faults import Fault, FaultKind, FaultPoint

ASK_FOR_JSON = {"Accept": "application/vnd.pypi.simple.v1+json"}
WHEEL, SDIST = a_wheel(), an_sdist()
LINUX = a_wheel(tag="cp311-cp311-manylinux_2_17_x86_64")


async def listed(index: FakeIndex) -> Collection[str]:
    """Return the files on the page of `demo`."""
    answer = await fetch(index, "/simple/demo/", ASK_FOR_JSON)
    return [one["filename"] for one in answer.document["files"]] if answer.status == 200 else []


async def test_upload_is_listed_at_once(index: FakeIndex) -> None:
    """An accepted file is on the page with its hash and time, and can be downloaded."""
    await upload(index, WHEEL)

    [file] = (await fetch(index, "/simple/demo/", ASK_FOR_JSON)).document["files"]
    content = (await fetch(index, file["url"].removeprefix(index.url))).body
    assert (file["filename"], file["hashes"]["sha256"]) == (WHEEL.filename, WHEEL.sha256)
    assert (file["upload-time"], content) == ("2026-11-22T12:00:00.123456Z", WHEEL.content)


async def test_first_form_defines_the_release(index: FakeIndex) -> None:
    """The first form of a release defines its metadata, whatever later ones contain."""
    await upload(index, WHEEL, summary="First", requires_python=">=3.9")
    await upload(index, SDIST, summary="Second", requires_python=">=3.12")

    document = (await fetch(index, "/pypi/demo/1.0/json")).document
    files = (await fetch(index, "/simple/demo/", ASK_FOR_JSON)).document["files"]
    assert document["info"]["summary"] == "First"
    assert [one["requires-python"] for one in files] == [">=3.9", ">=3.9"]


async def test_draft_is_published(index: FakeIndex) -> None:
    """An upload that asks for a draft is published."""
    await upload(index, WHEEL, staged="true")

    assert await listed(index) == [WHEEL.filename]


async def test_same_file_again(index: FakeIndex) -> None:
    """An identical upload succeeds, changes nothing, and is counted separately."""
    await upload(index, WHEEL)
    again = await upload(index, WHEEL)

    history = index.uploads.history
    assert (again.status, history.accepted) == (200, [WHEEL.filename])
    assert history.count(Outcome.SAME) == {WHEEL.filename: 1}


async def test_concurrent_first_uploads(index: FakeIndex) -> None:
    """While the first file of a release is processed, all other uploads of it fail."""
    answers = await asyncio.gather(*(upload(index, one) for one in (WHEEL, LINUX, SDIST)))

    assert sorted(one.status for one in answers) == [200, 500, 500]
    assert len(await listed(index)) == 1


async def test_concurrent_later_uploads(index: FakeIndex) -> None:
    """After the first file, others can be uploaded concurrently."""
    await upload(index, WHEEL)

    answers = await asyncio.gather(*(upload(index, one) for one in (LINUX, SDIST)))

    assert [one.status for one in answers] == [200, 200]


async def test_concurrent_uploads_of_one_file(index: FakeIndex) -> None:
    """Of two concurrent uploads of one file one fails, and the file is accepted once."""
    await upload(index, WHEEL)

    answers = await asyncio.gather(upload(index, SDIST), upload(index, SDIST))

    assert sorted(one.status for one in answers) == [200, 500]
    assert index.uploads.history.accepted == [WHEEL.filename, SDIST.filename]


async def test_release_closes_after_two_weeks(index: FakeIndex) -> None:
    """A release accepts files for 14 days, and after that only files that it has."""
    clock = FakeClock()
    index.uploads.use(clock)
    await upload(index, WHEEL)

    clock.time += timedelta(days=14)
    in_time = await upload(index, LINUX)
    clock.time += timedelta(seconds=1)
    too_late, again = await upload(index, SDIST), await upload(index, WHEEL)

    assert [in_time.status, too_late.status, again.status] == [200, 400, 200]
    assert too_late.reason.startswith("Uploading new files to releases older than 14 days")


async def test_page_lags(index: FakeIndex) -> None:
    """A new file is missing from so many pages, though it can be downloaded."""
    index.uploads.lag = Lag(pages=2)
    await upload(index, WHEEL)

    pages = [await listed(index) for _ in range(3)]

    assert pages == [[], [], [WHEEL.filename]]
    assert index.uploads.history.views == [View("demo", (WHEEL.filename,))]


async def test_one_file_lags(index: FakeIndex) -> None:
    """One file can be missing from pages for a while; it can be downloaded at once."""
    index.uploads.lags = {SDIST.filename: Lag(seconds=2)}
    await upload(index, WHEEL)
    await upload(index, SDIST)
    digest = SDIST.blake2b_256
    path = f"/packages/{digest[:2]}/{digest[2:4]}/{digest[4:]}/{SDIST.filename}"

    before, content = await listed(index), (await fetch(index, path)).body
    while (after := await listed(index)) == before:  # noqa: ASYNC110 - pages send no events
        await asyncio.sleep(0.05)

    assert (before, content) == ([WHEEL.filename], SDIST.content)
    assert after == [WHEEL.filename, SDIST.filename]


async def test_history_of_views(index: FakeIndex) -> None:
    """An sdist that was listed before all wheels is found, even if no page was read."""
    for one in (WHEEL, SDIST, LINUX):
        await upload(index, one)

    wheels = [WHEEL.filename, LINUX.filename]
    both = View("demo", tuple(sorted([WHEEL.filename, SDIST.filename])))
    assert index.uploads.history.sdist_before(wheels) == [both]
    assert index.uploads.history.sdist_before([WHEEL.filename]) == []


async def test_history_of_an_upload(index: FakeIndex) -> None:
    """The history has the fields in order and the headers unchanged."""
    parts = twine_form(WHEEL)
    await post(index, parts)

    [attempt] = index.uploads.history.attempts
    assert attempt.fields == tuple((one.name, one.content.decode()) for one in parts[:-1])
    assert {"Content-Length", "Authorization"} <= set(dict(attempt.headers))
    assert (attempt.outcome, attempt.answer, attempt.number) == (Outcome.ACCEPTED, "200", 1)
    assert (attempt.size, attempt.sha256) == (len(WHEEL.content), WHEEL.sha256)


async def test_history_as_json(index: FakeIndex) -> None:
    """The history can be sent to another process."""
    await upload(index, WHEEL)

    document = json.loads(json.dumps(index.uploads.history.as_json()))

    assert document["attempts"][0]["outcome"] == "accepted"
    assert document["views"] == [{"project": "demo", "filenames": [WHEEL.filename]}]


async def test_client_that_disconnects(index: FakeIndex) -> None:
    """An upload that was read to its end is accepted, even if the client disconnects."""
    index.uploads.processing = 1
    history = index.uploads.history
    uploading = asyncio.ensure_future(upload(index, WHEEL))
    while not (history.attempts and history.attempts[0].sha256):  # noqa: ASYNC110 - nor does a fake
        await asyncio.sleep(0)
    uploading.cancel()
    gone = list(history.accepted)

    while not history.accepted:  # noqa: ASYNC110 - nor does a fake
        await asyncio.sleep(0.05)

    assert (gone, history.accepted) == ([], [WHEEL.filename])


async def test_burned_name_and_other_bytes(index: FakeIndex) -> None:
    """The name of a deleted file cannot be used again, and other bytes never replace a file."""
    index.uploads.burned = {SDIST.filename}
    await upload(index, WHEEL)
    other = Distribution(WHEEL.filename, WHEEL.content + b"\0")

    answers = [await upload(index, one) for one in (SDIST, other)]

    words = [answer.reason.partition(" ")[0] for answer in answers]
    assert (words, await listed(index)) == (["This", "File"], [WHEEL.filename])


async def test_index_that_refuses_connections(index: FakeIndex) -> None:
    """An index can refuse connections for a while, and listens on the same port afterwards."""
    refused = False
    async with index.away():
        try:
            await upload(index, WHEEL)
        except OSError:
            refused = True

    answer = await upload(index, WHEEL)

    assert (refused, answer.status) == (True, 200)


async def test_fault_of_the_second_attempt(index: FakeIndex) -> None:
    """A fault happens to the planned attempt at the planned file."""
    answer = Fault(FaultPoint.READ, FaultKind.ANSWER, WHEEL.filename, attempts=(2,), status=503)
    index.uploads.faults = [answer]

    statuses = [(await upload(index, one)).status for one in (WHEEL, LINUX, WHEEL, WHEEL)]

    assert statuses == [200, 200, 503, 200]
    assert index.uploads.history.attempts[2].answer == "answer read"
