"""Uploads to a disk that is nearly full, and what goes on all the same."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.support.builders.distributions import a_wheel
from tests.support.clients.pep694 import Pep694Client
from tests.support.index.fake_index import FakeIndex
from tests.support.servers.service import RunningService, prefix_of, running_service

WHEEL = a_wheel(version="2.0")
NOTHING_FREE = {"min_free": 2**60}


@pytest.fixture
async def full(tmp_path: Path, index: FakeIndex) -> AsyncIterator[RunningService]:
    """Run a service that has a stage, and whose disk has no room for uploads since."""
    async with running_service(tmp_path / "data", index) as service:
        await service.staged(WHEEL)
    async with running_service(tmp_path / "data", index, storage=NOTHING_FREE) as service:
        yield service


async def stage_of(service: RunningService) -> str:
    """Return the id of the only stage."""
    [stage] = (await service.api("GET", "stages")).document["stages"]
    return str(stage["id"])


async def test_legacy_upload(full: RunningService) -> None:
    """An upload is answered with 507 before its body is read, with a sentence."""
    answer = await full.post(b"no form at all")

    assert answer.status == 507
    assert "do not fit on the server's disk" in answer.text
    assert list((full.data / "files" / "incoming").iterdir()) == []


async def test_announced_file(full: RunningService) -> None:
    """A file is refused when it is announced."""
    client = Pep694Client(full)

    answer = await client.announce(await client.session(version="3.0"), a_wheel(version="3.0"))

    assert answer.status == 507
    assert "do not fit" in answer.document["detail"]


async def test_everything_else_goes_on(full: RunningService) -> None:
    """Pages and files are served; a stage is extended, rotated, edited and canceled."""
    stage = await stage_of(full)
    token = (await full.api("POST", "tokens", can="upload", project="demo")).document
    shown = (await full.api("GET", f"stages/{stage}")).document
    page = await full.get(f"{prefix_of(shown)}simple/demo/")
    statuses = [
        (await full.api("POST", f"stages/{stage}/extend", **{"extend-for": "1d"})).status,
        (await full.api("POST", f"stages/{stage}/rotate")).status,
        (await full.api("DELETE", f"stages/{stage}/files/{WHEEL.filename}")).status,
        (await full.api("DELETE", f"tokens/{token['id']}")).status,
        (await full.api("DELETE", f"stages/{stage}")).status,
    ]

    assert WHEEL.filename in page.text
    assert [one for one in statuses if one >= 300] == []
    await full.parts.expiry.sweep()


async def test_failed_disk(service: RunningService) -> None:
    """After a failed flush, uploads get 503 with a sentence, and what is staged is served."""
    stage = await service.staged(WHEEL)
    service.parts.disk.fail(OSError("Input/output error"))

    refused = await service.upload(a_wheel(version="3.0"))

    assert refused.status == 503
    assert refused.headers["Retry-After"] == "5"
    assert "must check the disk" in refused.text
    assert (await service.get(f"{prefix_of(stage)}simple/demo/")).status == 200
    assert (await service.api("DELETE", f"stages/{stage['id']}")).status < 300
