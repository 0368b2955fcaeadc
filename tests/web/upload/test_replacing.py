"""The same name, the same bytes, the same version: what a second upload does."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.builders.distributions import Distribution, a_wheel, an_sdist
from tests.support.builders.forms import Part, twine_form
from tests.support.index.fake_index import JUST_OUT, FakeIndex
from tests.support.servers.service import PIP, RunningService, prefix_of, running_service

WHEEL = a_wheel(version="2.0")
OTHER = a_wheel(version="2.0", summary="Another")
# The same bytes under a second name that is as good as the first.
RENAMED = Distribution("demo-2.0-1-py3-none-any.whl", WHEEL.content)


@pytest.fixture
async def strict(tmp_path: Path, index: FakeIndex) -> AsyncIterator[RunningService]:
    """Return a service that lets nobody exchange a staged file."""
    async with running_service(tmp_path / "data", index, upload={"replace": False}) as running:
        yield running


async def kept(service: RunningService) -> Any:
    """Return the one stage, as it is kept."""
    (stage,) = await service.parts.database.read(lambda rows: rows.stages.list())
    return stage


async def test_same_again(service: RunningService) -> None:
    """An identical upload is answered with 200 and changes nothing (96)."""
    await service.staged(WHEEL)
    before = await kept(service)
    service.clock.advance(hours=1)

    answer = await service.post(twine_form(WHEEL, staged="true"))

    assert (answer.status, answer.document["meta"]["_outcome"]) == (200, "unchanged")
    assert await kept(service) == before


async def test_same_again_in_another_order(service: RunningService) -> None:
    """Fields come from twine in a new order each time: that is the same upload (96)."""
    await service.staged(WHEEL)
    before = await kept(service)

    await service.post(twine_form(WHEEL)[::-1])

    assert await kept(service) == before


async def test_same_bytes_with_another_form(service: RunningService) -> None:
    """Another form is another release: it counts as a change (DECISIONS 5)."""
    await service.staged(WHEEL)
    before = await kept(service)

    answer = await service.post([*twine_form(WHEEL, staged="true"), Part("author", b"A")])

    assert answer.document["meta"]["_outcome"] == "replaced"
    assert (await kept(service)).revision == before.revision + 1


async def test_replaced(service: RunningService) -> None:
    """Other bytes take the place of those that were there, at once (DECISIONS 4)."""
    before = await service.staged(WHEEL)

    after = await service.staged(OTHER)

    page = (await service.get(f"{prefix_of(after)}simple/demo/", PIP)).document
    assert after["meta"]["_outcome"] == "replaced"
    assert after["id"] == before["id"]
    assert [file["hashes"]["sha256"] for file in page["files"]] == [OTHER.sha256]
    assert (await service.get(after["files"][OTHER.filename]["link"])).body == OTHER.content


async def test_old_url_after_replacing(service: RunningService) -> None:
    """The URL of what was replaced says so (DECISIONS 4)."""
    link = (await service.staged(WHEEL))["files"][WHEEL.filename]["link"]
    await service.staged(OTHER)

    answers = [await service.get(link), await service.get(f"{link}.metadata")]

    assert {(one.status, one.text) for one in answers} == {
        (410, "This file was replaced by a later upload of the same name.")
    }


async def test_back_again(service: RunningService) -> None:
    """What was replaced can take its place back."""
    link = (await service.staged(WHEEL, OTHER, WHEEL))["files"][WHEEL.filename]["link"]

    assert (await service.get(link)).body == WHEEL.content


async def test_no_replacing(strict: RunningService) -> None:
    """Where files may not be exchanged, other bytes are refused in PyPI's words (96)."""
    await strict.staged(WHEEL)

    answer = await strict.upload(OTHER)

    expected = f"File already exists ('{WHEEL.filename}', with blake2_256 hash"
    assert answer.status == 400
    assert answer.reason.startswith(f"{expected} '{OTHER.blake2b_256}'). See https://")


async def test_same_again_without_replacing(strict: RunningService) -> None:
    """An identical upload is fine even there, whatever its form says (96)."""
    await strict.staged(WHEEL)

    answer = await strict.post([*twine_form(WHEEL), Part("author", b"A")])

    assert answer.status == 200


async def test_same_bytes_under_another_name(service: RunningService) -> None:
    """PyPI takes no bytes twice (DECISIONS 9)."""
    await service.staged(WHEEL)

    answer = await service.post(twine_form(RENAMED))

    assert answer.status == 400
    assert answer.reason.startswith(f"File already exists ('{RENAMED.filename}'")


async def test_published_already(service: RunningService) -> None:
    """What PyPI has is fine as it is: nothing is staged, no stage opened (DECISIONS 9)."""
    service.index.add("demo", WHEEL)

    answer = await service.upload(WHEEL)

    assert answer.status == 200
    assert answer.text == "OK\nPyPI already has this file: nothing was staged.\n"
    assert (await service.api("GET", "stages")).document == {"stages": []}


async def test_published_with_other_bytes(service: RunningService) -> None:
    """A name that PyPI has with other bytes is refused (71; B30; DECISIONS 9)."""
    service.index.add("demo", OTHER)

    answer = await service.upload(WHEEL)

    assert answer.status == 400
    assert answer.reason.startswith("File already exists ")
    assert (await service.api("GET", "stages")).document == {"stages": []}


async def test_more_files_of_a_published_release(service: RunningService) -> None:
    """A release that is out can get another file."""
    service.index.add("demo", WHEEL, extra_file_keys=JUST_OUT)

    assert (await service.upload(an_sdist(version="2.0"))).status == 200


@pytest.mark.parametrize("status", ["archived", "quarantined"])
async def test_closed_project(service: RunningService, status: str) -> None:
    """An archived or quarantined project takes no uploads (66)."""
    service.index.add("demo", a_wheel(version="1.0"), status=status)

    answer = await service.upload(WHEEL)

    expected = f"Project demo is {status} on PyPI and accepts no uploads."
    assert (answer.status, answer.reason) == (400, expected)
    assert (await service.api("GET", "stages")).document == {"stages": []}


async def test_first_file_fixes_the_version(service: RunningService) -> None:
    """A stage without version takes the one of its first file, and no other (DECISIONS 1)."""
    to = f"{prefix_of(await service.open_stage(version=None))}legacy/"
    first = await service.upload(WHEEL, to=to)

    other = await service.upload(a_wheel(version="3.0"), to=to)

    assert (first.status, other.status) == (200, 409)
    assert other.reason == ("demo-3.0-py3-none-any.whl does not belong to stage demo 2.0.")


async def test_spelling_of_the_version(service: RunningService) -> None:
    """How a version is spelled makes no difference (20; DECISIONS 1)."""
    stage = await service.staged(a_wheel(version="2.0"))

    other = await service.staged(an_sdist(version="2.0.0"))

    assert other["id"] == stage["id"]


async def test_refused_file_fixes_no_version(service: RunningService) -> None:
    """A file that is refused leaves a stage without version as it was (DECISIONS 1)."""
    stage = await service.open_stage(version=None)
    broken = Distribution("demo-2.0-py3-none-any.whl", b"no zip")
    form = twine_form(broken, name="demo", version="2.0", metadata_version="2.1")
    refused = await service.post(form, to=f"{prefix_of(stage)}legacy/")

    shown = (await service.api("GET", f"stages/{stage['id']}")).document

    assert refused.reason == "Invalid distribution file. File is not a zipfile"
    assert (shown["version"], shown["files"]) == (None, {})


async def test_stage_without_version_is_not_joined(service: RunningService) -> None:
    """A stage without version fills by its own URL only (DECISIONS 1)."""
    stage = await service.open_stage(version=None)

    staged = await service.staged(WHEEL)

    assert staged["id"] != stage["id"]


async def test_release_that_has_a_stage(service: RunningService) -> None:
    """One live stage a release: a second one cannot get its first file (8; DECISIONS 1)."""
    await service.staged(WHEEL)
    second = await service.open_stage(version=None)

    answer = await service.upload(an_sdist(version="2.0"), to=f"{prefix_of(second)}legacy/")

    assert answer.status == 409


async def test_file_of_another_project(service: RunningService) -> None:
    """A stage takes files of its own project only (20)."""
    stage = await service.open_stage(version="2.0")

    answer = await service.upload(a_wheel("other"), to=f"{prefix_of(stage)}legacy/")

    assert answer.status == 409


async def test_too_many_stages(tmp_path: Path, index: FakeIndex) -> None:
    """A project has so many live stages and no more."""
    async with running_service(tmp_path / "data", index, stage={"max_per_project": 1}) as service:
        await service.staged(WHEEL)

        answer = await service.upload(a_wheel(version="3.0"))

        assert (answer.status, answer.reason) == (
            429,
            "demo already has 1 live stages. Cancel one first.",
        )


async def test_uploads_restart_the_life_time(service: RunningService) -> None:
    """A change gives a stage its whole life time again, an identical upload does not."""
    await service.staged(WHEEL)
    service.clock.advance(days=3)
    unchanged = await service.staged(WHEEL)
    changed = await service.staged(an_sdist(version="2.0"))

    assert unchanged["expires-at"] == "2026-11-29T12:00:00Z"
    assert changed["expires-at"] == "2026-12-02T12:00:00Z"
