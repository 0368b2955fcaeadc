"""Stored files that are missing, too short, too long or altered: never served, always healed."""

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.support.builders.distributions import a_wheel
from tests.support.builders.forms import Part, twine_form
from tests.support.clients.pep694 import Pep694Client
from tests.support.index.fake_index import FakeIndex
from tests.support.servers.service import RunningService, running_service
from tests.support.stored_files import stored_file

WHEEL = a_wheel(version="2.0")
OTHER = a_wheel(version="2.0", summary="Another")

Damage = Callable[[Path], object]


def alter(path: Path) -> None:
    """Change the first byte of a file."""
    path.write_bytes(b"!" + path.read_bytes()[1:])


def shorten(path: Path) -> None:
    """Cut a file short."""
    path.write_bytes(path.read_bytes()[:100])


def lengthen(path: Path) -> None:
    """Add bytes to a file."""
    path.write_bytes(path.read_bytes() + b"more")


VISIBLE: dict[str, tuple[Damage, str]] = {
    "missing": (Path.unlink, "is missing"),
    "empty": (lambda path: path.write_bytes(b""), "has 0 bytes instead of"),
    "short": (shorten, "has 100 bytes instead of"),
    "long": (lengthen, "bytes instead of"),
}
DAMAGE: dict[str, Damage] = {name: one for name, (one, _) in VISIBLE.items()} | {"altered": alter}


def link_of(stage: Any) -> str:
    """Return the URL of the staged wheel."""
    return str(stage["files"][WHEEL.filename]["link"])


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize(("damage", "fault"), VISIBLE.values(), ids=VISIBLE)
async def test_not_served(
    service: RunningService, log: io.StringIO, method: str, damage: Damage, fault: str
) -> None:
    """A file without all its bytes is an error for its reader and in the log, never cached."""
    link = link_of(await service.staged(WHEEL))
    damage(stored_file(service.data, WHEEL.sha256))

    answer = await service.get(link, method=method)

    assert answer.status == 500
    assert "immutable" not in answer.headers.get("Cache-Control", "")
    line = next(one for one in log.getvalue().splitlines() if " ERROR " in one)
    assert fault in line
    assert "Upload the same file again" in line


async def test_range_of_a_short_file(service: RunningService) -> None:
    """No part of a short file is sent, even if the part is there."""
    link = link_of(await service.staged(WHEEL))
    shorten(stored_file(service.data, WHEEL.sha256))

    assert (await service.get(link, Range="bytes=0-9")).status == 500


@pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE)
async def test_healed_by_the_same_upload(service: RunningService, damage: Damage) -> None:
    """Uploading the same file again restores it: missing, short, long or altered."""
    link = link_of(await service.staged(WHEEL))
    damage(stored_file(service.data, WHEEL.sha256))

    answer = await service.post(twine_form(WHEEL, staged="true"))

    assert (answer.status, answer.document["meta"]["_outcome"]) == (200, "unchanged")
    assert (await service.get(link)).body == WHEEL.content


@pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE)
async def test_healed_where_nothing_is_replaced(
    tmp_path: Path, index: FakeIndex, damage: Damage
) -> None:
    """The same upload restores a file where replacing is forbidden, with any form."""
    async with running_service(tmp_path / "data", index, upload={"replace": False}) as service:
        link = link_of(await service.staged(WHEEL))
        damage(stored_file(service.data, WHEEL.sha256))

        answer = await service.post([*twine_form(WHEEL), Part("author", b"A")])

        assert answer.status == 200
        assert (await service.get(link)).body == WHEEL.content


async def test_healed_by_another_project(service: RunningService) -> None:
    """A stored file that two stages share is restored for both by an upload to one."""
    first = link_of(await service.staged(WHEEL))
    second = link_of(await service.staged(OTHER, WHEEL))
    stored_file(service.data, WHEEL.sha256).unlink()

    await service.staged(WHEEL)

    assert {(await service.get(link)).status for link in (first, second)} == {200}


async def test_healed_although_published(service: RunningService) -> None:
    """Uploading a published file again restores the copy that a live stage still has."""
    link = link_of(await service.staged(WHEEL))
    service.index.add("demo", WHEEL)
    shorten(stored_file(service.data, WHEEL.sha256))

    answer = await service.upload(WHEEL)

    assert (answer.status, (await service.get(link)).body) == (200, WHEEL.content)


async def test_published_and_not_staged(service: RunningService) -> None:
    """Uploading a published file that no stage has stores nothing."""
    service.index.add("demo", WHEEL)

    await service.upload(WHEEL)

    assert not stored_file(service.data, WHEEL.sha256).exists()


@pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE)
async def test_healed_by_upload_2_0(service: RunningService, damage: Damage) -> None:
    """A client of PEP 694 restores a file by uploading it again, too."""
    client = Pep694Client(service)
    session = await client.session()
    await client.upload(session, WHEEL)
    damage(stored_file(service.data, WHEEL.sha256))

    answer = await client.upload(session, WHEEL)

    link = link_of((await service.api("GET", f"stages/{session['id']}")).document)
    assert answer.status == 201, answer.text
    assert (await service.get(link)).body == WHEEL.content


@pytest.mark.parametrize(("damage", "_fault"), VISIBLE.values(), ids=VISIBLE)
async def test_healed_by_upload_2_0_where_nothing_is_replaced(
    tmp_path: Path, index: FakeIndex, damage: Damage, _fault: str
) -> None:
    """Where replacing is forbidden, only the same bytes of a damaged file can be announced."""
    async with running_service(tmp_path / "data", index, upload={"replace": False}) as service:
        client = Pep694Client(service)
        session = await client.session()
        await client.upload(session, WHEEL)
        whole = await client.announce(session, WHEEL)
        damage(stored_file(service.data, WHEEL.sha256))
        other = await client.announce(session, OTHER)

        answer = await client.upload(session, WHEEL)

        assert (whole.status, other.status, answer.status) == (409, 409, 201)
        assert stored_file(service.data, WHEEL.sha256).read_bytes() == WHEEL.content


@pytest.mark.parametrize(("damage", "fault"), VISIBLE.values(), ids=VISIBLE)
async def test_bytes_lost_before_completion(
    service: RunningService, damage: Damage, fault: str
) -> None:
    """Bytes that are lost before an upload is completed can be sent again."""
    client = Pep694Client(service)
    upload = await client.sent(await client.session(), WHEEL)
    damage(stored_file(service.data, WHEEL.sha256))

    failed = await client.complete(upload)
    await client.send(upload, WHEEL.content)
    completed = await client.complete(upload)

    assert (failed.status, completed.status) == (500, 201)
    assert fault in failed.document["detail"]
