"""Answers that were given before: each change is seen by the very next request.

Nothing here knows how answers are kept. Every document of a stage is read again and again in every
form; then something changes, and the next answer must be that of a server that has
never been asked. That other server has the same data directory and the same index, so that it also
makes changes that the first one hears of through the database alone.
"""

import re
from collections.abc import AsyncIterator, Callable, Mapping
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from stageproxy.core.rights import TokenKind, make_token
from tests.support.builders.distributions import a_wheel
from tests.support.builders.forms import FORM, body_of, twine_form
from tests.support.clients.preview_reader import (
    FORMS,
    PreviewReader,
    differing,
    filenames_on,
    shown_by,
)
from tests.support.clients.wire import a_request, exchange
from tests.support.index.fake_index import FakeIndex
from tests.support.promotion.promotion_client import PromotionClient
from tests.support.servers.service import PIP, RunningService, prefix_of
from tests.support.stored_files import stored_file
from tests.web.preview.prepared import WHEEL, reading, serving
from tests.web.preview.stage_changes import (
    ANOTHER,
    CHANGES,
    FILES,
    IN_TIME,
    MORE,
    Change,
    Making,
    cancel,
    check,
    replace,
    rotate,
    upload,
    withdraw,
)

QUICK = ("page", "page as HTML", "only", "project", "wheel", "metadata", "stage")


@pytest.fixture
async def reader(tmp_path: Path, index: FakeIndex, database: str) -> AsyncIterator[PreviewReader]:
    """Return a reader of a stage whose upstream is asked once a minute."""
    async with reading(tmp_path, index, database=database) as running:
        yield running


@pytest.fixture
async def twin(
    tmp_path: Path, index: FakeIndex, reader: PreviewReader, database: str
) -> AsyncIterator[RunningService]:
    """Return a server on the same data that nobody has asked yet."""
    async with serving(tmp_path, index, clock=reader.service.clock, database=database) as running:
        yield running


def raw_change(method: str, path: str, reader: PreviewReader) -> bytes:
    """Return a change as bytes, after which the connection stays open."""
    bearer = f"Authorization: Bearer {reader.service.admin}"
    return f"{method} {path} HTTP/1.1\r\nHost: x\r\n{bearer}\r\n\r\n".encode()


def raw_upload(reader: PreviewReader) -> bytes:
    """Return the replacement of the wheel as bytes."""
    body = body_of(twine_form(ANOTHER))
    lines = [f"Content-Type: {FORM}", f"Content-Length: {len(body)}", "", ""]
    head = raw_change("POST", "/legacy/", reader)[:-2]
    return head + "\r\n".join(lines).encode() + body


RAW_CHANGES: Mapping[Making, Callable[[PreviewReader], bytes]] = {
    cancel: lambda one: raw_change("DELETE", f"/api/stages/{one.stage['id']}", one),
    rotate: lambda one: raw_change("POST", f"/api/stages/{one.stage['id']}/rotate", one),
    replace: raw_upload,
}


def statuses_in(answers: bytes) -> list[int]:
    """Return the statuses of the answers of one connection."""
    return [int(one) for one in re.findall(rb"HTTP/1\.1 (\d+) ", answers)]


@pytest.mark.parametrize("change", [*CHANGES.values(), *IN_TIME.values()], ids=[*CHANGES, *IN_TIME])
async def test_change(reader: PreviewReader, twin: RunningService, change: Change) -> None:
    """The very next answer is that of a server that was never asked before."""
    before = await reader.warm()

    await change.make(reader.service, reader.stage)

    after = await reader.read_all()
    check(change, before, after)
    differ = differing(after, await reader.beside(twin).read_all())
    assert [one for one in differ if one[0] in change.same_as_new] == []


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
async def test_change_by_another_process(
    reader: PreviewReader, twin: RunningService, change: Change
) -> None:
    """A change that another server has made in the same database is seen at once."""
    reader.documents, reader.forms = QUICK, ("plain", "known")
    before = await reader.warm()

    await change.make(twin, reader.stage)

    check(change, before, await reader.read_all())


@pytest.mark.parametrize("change", [cancel, rotate, replace], ids=lambda one: one.__name__)
async def test_request_in_the_same_packet(reader: PreviewReader, change: Making) -> None:
    """A request that follows a change on the same connection, without waiting, sees it."""
    before = await reader.warm()
    raw = RAW_CHANGES[change](reader)

    answers = await exchange(reader.service.url, raw + a_request(reader.path_of("wheel")))

    assert before["wheel", "plain"].status == 200
    assert statuses_in(answers) == [200, 410]


async def test_first_file(reader: PreviewReader) -> None:
    """An empty stage, and a list of projects without its project, show the first file at once."""
    service = reader.service
    prefix = urlsplit(prefix_of(await service.open_stage("brand-new", "1.0"))).path
    paths = ["simple/", "+only/simple/", "simple/brand-new/", "+only/simple/brand-new/"]
    before = [[await service.get(prefix + one, PIP) for one in paths] for _ in range(3)][-1]

    await service.upload(a_wheel("brand-new"))

    after = [await service.get(prefix + one, PIP) for one in paths]
    assert [one.status for one in before] == [200, 200, 404, 404]
    assert [one.status for one in after] == [200] * 4
    assert all(b"brand-new" in one.body or b"brand_new" in one.body for one in after)
    assert not any(b"brand_new" in one.body for one in before)


async def test_rotated_twice(reader: PreviewReader) -> None:
    """Only the last of three URLs opens the stage; the new one is open at once."""
    service, urls = reader.service, [reader.prefix]
    for _ in range(2):
        await reader.warm()
        rotated = await service.api("POST", f"stages/{reader.stage['id']}/rotate")
        reader.prefix = urlsplit(prefix_of(rotated.document)).path
        urls.append(reader.prefix)

    statuses = [(await service.get(f"{url}simple/demo/", PIP)).status for url in urls]

    assert statuses == [410, 410, 200]


async def test_withdrawn_and_uploaded_again(reader: PreviewReader) -> None:
    """A file that comes back is served as before, also after its 410 was given three times."""
    before = await reader.warm()
    await withdraw(reader.service, reader.stage)
    gone = [await reader.read_all() for _ in range(2)][-1]

    await reader.service.upload(WHEEL)

    after = await reader.read_all()
    files = [(one, form) for one in FILES for form in FORMS]
    assert {gone[one].status for one in files} == {410}
    assert [one for one in differing(before, after) if one in files] == []
    assert filenames_on(after["page", "plain"]) == filenames_on(before["page", "plain"])


async def test_revoked_token(reader: PreviewReader) -> None:
    """A revoked API token uploads nothing, and sees no links of its own, from the next request."""
    service = reader.service
    made = (await service.api("POST", "tokens", can="manage", project="demo")).document
    bearer = f"Bearer {made['token']}"
    before = [await reader.read("stage", Authorization=bearer) for _ in range(3)][-1]
    assert (await service.upload(MORE, token=made["token"])).status == 200
    await reader.read("stage", Authorization=bearer)

    await service.api("DELETE", f"tokens/{made['id']}")

    after = await reader.read("stage", Authorization=bearer)
    refused = await service.upload(a_wheel(version="2.0", tag="py36-none-any"), token=made["token"])
    assert ("publish" in before.document["links"], set(after.document["links"])) == (
        True,
        {"stage", "review"},
    )
    assert refused.status == 403


async def test_credential_is_not_shared(reader: PreviewReader) -> None:
    """Who reads a stage with a credential does not change what those see who have none."""
    plain = await reader.warm()
    admin = f"Bearer {reader.service.admin}"
    mine = [await reader.read("stage", Authorization=admin) for _ in range(3)][-1]

    after = await reader.read("stage")

    assert "publish" in mine.document["links"]
    assert shown_by(after) == shown_by(plain["stage", "plain"])


async def test_looks_are_recorded(reader: PreviewReader) -> None:
    """The page of a stage that was shown before is looked at like the first time."""
    service = reader.service
    admin = f"Bearer {service.admin}"
    client = PromotionClient(service)
    await upload(service, reader.stage)
    for _ in range(3):
        await reader.read("stage page", Authorization=admin)
        service.clock.advance(hours=1)

    await reader.read("stage page", Authorization=admin)

    plan = (await client.ask("POST", reader.stage, "/promotion/plan", look=False)).document
    assert plan["changes"]["since-last-look"]["since"]["at"].startswith("2026-11-22T15:00")


DAMAGE: Mapping[str, Callable[[Path], object]] = {
    "missing": Path.unlink,
    "short": lambda path: path.write_bytes(path.read_bytes()[:100]),
}


@pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE)
async def test_damaged_file(reader: PreviewReader, damage: Callable[[Path], object]) -> None:
    """A file that was served before and is damaged now is not served, until it is restored."""
    before = await reader.warm()
    damage(stored_file(reader.service.data, WHEEL.sha256))

    after = await reader.read_all()

    await reader.service.upload(WHEEL)
    restored = await reader.read_all()
    assert differing(before, after) == {
        ("wheel", form): f"{before['wheel', form].status} and 500" for form in FORMS
    }
    assert differing(before, restored) == {}


async def test_two_stages_of_a_project(reader: PreviewReader) -> None:
    """Two stages of one project never show anything of each other, whatever changes in one."""
    service = reader.service
    other = PreviewReader.of(service, await service.staged(a_wheel(version="3.0")))
    other.documents = reader.documents = QUICK
    before = await reader.warm()
    await other.warm()

    await service.upload(a_wheel(version="3.0", summary="Another"))

    assert differing(before, await reader.read_all()) == {}
    assert not any(b"demo-2.0" in one.body for one in (await other.read_all()).values())
    await cancel(service, other.stage)
    assert {one.status for one in (await other.read_all()).values()} == {410}
    assert differing(before, await reader.read_all()) == {}


async def test_unknown_token_after_a_known_one(reader: PreviewReader) -> None:
    """Unknown and foreign stage URLs are the same 404 as ever, and they count as guesses."""
    await reader.warm()
    unknown = [make_token(TokenKind.STAGE, bytes([n]) * 32).reveal() for n in range(61)]
    urls = [f"/tmp/other/{reader.token}/simple/demo/", f"/tmp/demo/{reader.token}x/simple/demo/"]
    urls += [f"/tmp/demo/{one}/simple/demo/" for one in unknown]

    answers = [await reader.service.get(one, PIP) for one in urls]

    assert [one.status for one in answers] == [404] * 60 + [429] * 3
    assert len({one.body for one in answers[:60]}) == 1
    assert (await reader.read("page")).status == 200
