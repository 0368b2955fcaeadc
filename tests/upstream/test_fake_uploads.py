"""The upload side of the fake index: PyPI's facts that promotion has to live with."""

import asyncio
import json
from collections.abc import Collection
from datetime import timedelta

from tests.support.builders.distributions import Distribution, a_wheel, an_sdist
from tests.support.builders.forms import twine_form
from tests.support.clients.asking import ask
from tests.support.clients.uploading import post, upload
from tests.support.index.fake_index import FakeIndex
from tests.support.index.history import Outcome, View
from tests.support.ports.clock import FakeClock
from tests.support.uploads.fake_uploads import Lag
from tests.support.uploads.faults import Fault, Moment, Way

ASK_FOR_JSON = {"Accept": "application/vnd.pypi.simple.v1+json"}
WHEEL, SDIST = a_wheel(), an_sdist()
LINUX = a_wheel(tag="cp311-cp311-manylinux_2_17_x86_64")


async def shown(index: FakeIndex) -> Collection[str]:
    """Return the files on the page of `demo`."""
    answer = await ask(index, "/simple/demo/", ASK_FOR_JSON)
    return [one["filename"] for one in answer.document["files"]] if answer.status == 200 else []


async def test_upload_is_live_at_once(index: FakeIndex) -> None:
    """A file that is taken stands on the page with its bytes, its hash, and the time."""
    await upload(index, WHEEL)

    [file] = (await ask(index, "/simple/demo/", ASK_FOR_JSON)).document["files"]
    content = (await ask(index, file["url"].removeprefix(index.url))).body
    assert (file["filename"], file["hashes"]["sha256"]) == (WHEEL.filename, WHEEL.sha256)
    assert (file["upload-time"], content) == ("2026-11-22T12:00:00.123456Z", WHEEL.content)


async def test_first_form_makes_the_release(index: FakeIndex) -> None:
    """What the first form says holds for all files of the release, whatever later ones say (2)."""
    await upload(index, WHEEL, summary="First", requires_python=">=3.9")
    await upload(index, SDIST, summary="Second", requires_python=">=3.12")

    document = (await ask(index, "/pypi/demo/1.0/json")).document
    files = (await ask(index, "/simple/demo/", ASK_FOR_JSON)).document["files"]
    assert document["info"]["summary"] == "First"
    assert [one["requires-python"] for one in files] == [">=3.9", ">=3.9"]


async def test_draft_goes_live(index: FakeIndex) -> None:
    """Whoever asks for a draft has published (9)."""
    await upload(index, WHEEL, staged="true")

    assert await shown(index) == [WHEEL.filename]


async def test_same_file_again(index: FakeIndex) -> None:
    """An identical upload is a success that changes nothing, and is counted on its own (3)."""
    await upload(index, WHEEL)
    again = await upload(index, WHEEL)

    history = index.uploads.history
    assert (again.status, history.accepted) == (200, [WHEEL.filename])
    assert history.count(Outcome.SAME) == {WHEEL.filename: 1}


async def test_concurrent_first_uploads(index: FakeIndex) -> None:
    """While the first file of a release is being taken, all others of it fail (6)."""
    answers = await asyncio.gather(*(upload(index, one) for one in (WHEEL, LINUX, SDIST)))

    assert sorted(one.status for one in answers) == [200, 500, 500]
    assert len(await shown(index)) == 1


async def test_concurrent_later_uploads(index: FakeIndex) -> None:
    """Once one file is there, others can come together (6)."""
    await upload(index, WHEEL)

    answers = await asyncio.gather(*(upload(index, one) for one in (LINUX, SDIST)))

    assert [one.status for one in answers] == [200, 200]


async def test_two_of_one_file_at_once(index: FakeIndex) -> None:
    """Of two identical uploads at the same time one fails: the file is taken once."""
    await upload(index, WHEEL)

    answers = await asyncio.gather(upload(index, SDIST), upload(index, SDIST))

    assert sorted(one.status for one in answers) == [200, 500]
    assert index.uploads.history.accepted == [WHEEL.filename, SDIST.filename]


async def test_release_closes_after_two_weeks(index: FakeIndex) -> None:
    """A release takes files for 14 days, and after that what it has already (5)."""
    clock = FakeClock()
    index.uploads.use(clock)
    await upload(index, WHEEL)

    clock.moment += timedelta(days=14)
    in_time = await upload(index, LINUX)
    clock.moment += timedelta(seconds=1)
    too_late, again = await upload(index, SDIST), await upload(index, WHEEL)

    assert [in_time.status, too_late.status, again.status] == [200, 400, 200]
    assert too_late.reason.startswith("Uploading new files to releases older than 14 days")


async def test_page_lags(index: FakeIndex) -> None:
    """A new file is missing from so many pages, though its bytes are there (11)."""
    index.uploads.lag = Lag(pages=2)
    await upload(index, WHEEL)

    pages = [await shown(index) for _ in range(3)]

    assert pages == [[], [], [WHEEL.filename]]
    assert index.uploads.history.views == [View("demo", (WHEEL.filename,))]


async def test_one_file_lags(index: FakeIndex) -> None:
    """One file can lag while others are seen, for a time; bytes are there from the start."""
    index.uploads.lags = {SDIST.filename: Lag(seconds=2)}
    await upload(index, WHEEL)
    await upload(index, SDIST)
    digest = SDIST.blake2b_256
    path = f"/packages/{digest[:2]}/{digest[2:4]}/{digest[4:]}/{SDIST.filename}"

    before, content = await shown(index), (await ask(index, path)).body
    while (after := await shown(index)) == before:  # noqa: ASYNC110 - pages send no events
        await asyncio.sleep(0.05)

    assert (before, content) == ([WHEEL.filename], SDIST.content)
    assert after == [WHEEL.filename, SDIST.filename]


async def test_history_of_views(index: FakeIndex) -> None:
    """An sdist that could be seen before all wheels is found, though nobody looked."""
    for one in (WHEEL, SDIST, LINUX):
        await upload(index, one)

    wheels = [WHEEL.filename, LINUX.filename]
    both = View("demo", tuple(sorted([WHEEL.filename, SDIST.filename])))
    assert index.uploads.history.sdist_before(wheels) == [both]
    assert index.uploads.history.sdist_before([WHEEL.filename]) == []


async def test_history_of_an_upload(index: FakeIndex) -> None:
    """The history has the form in its order and the headers as they came."""
    parts = twine_form(WHEEL)
    await post(index, parts)

    [attempt] = index.uploads.history.attempts
    assert attempt.fields == tuple((one.name, one.content.decode()) for one in parts[:-1])
    assert {"Content-Length", "Authorization"} <= set(dict(attempt.headers))
    assert (attempt.outcome, attempt.told, attempt.number) == (Outcome.ACCEPTED, "200", 1)
    assert (attempt.size, attempt.sha256) == (len(WHEEL.content), WHEEL.sha256)


async def test_history_as_json(index: FakeIndex) -> None:
    """The history can be told to another process."""
    await upload(index, WHEEL)

    document = json.loads(json.dumps(index.uploads.history.as_json()))

    assert document["attempts"][0]["outcome"] == "accepted"
    assert document["views"] == [{"project": "demo", "filenames": [WHEEL.filename]}]


async def test_client_that_is_gone(index: FakeIndex) -> None:
    """What was read as a whole is taken, even if nobody waits for the answer any more (12)."""
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


async def test_burned_and_other_bytes(index: FakeIndex) -> None:
    """A name is gone for good once its file was deleted, and other bytes never replace a file."""
    index.uploads.burned = {SDIST.filename}
    await upload(index, WHEEL)
    other = Distribution(WHEEL.filename, WHEEL.content + b"\0")

    answers = [await upload(index, one) for one in (SDIST, other)]

    words = [answer.reason.partition(" ")[0] for answer in answers]
    assert (words, await shown(index)) == (["This", "File"], [WHEEL.filename])


async def test_index_that_is_away(index: FakeIndex) -> None:
    """An index can refuse connections for a while, and is at the same place afterwards."""
    refused = False
    async with index.away():
        try:
            await upload(index, WHEEL)
        except OSError:
            refused = True

    answer = await upload(index, WHEEL)

    assert (refused, answer.status) == (True, 200)


async def test_fault_of_the_second_attempt(index: FakeIndex) -> None:
    """A fault happens to the file and the attempt that it is planned for."""
    answer = Fault(Moment.READ, Way.ANSWER, WHEEL.filename, attempts=(2,), status=503)
    index.uploads.faults = [answer]

    statuses = [(await upload(index, one)).status for one in (WHEEL, LINUX, WHEEL, WHEEL)]

    assert statuses == [200, 200, 503, 200]
    assert index.uploads.history.attempts[2].told == "answer read"
