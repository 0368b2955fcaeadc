"""A second upload of the same filename, the same bytes or the same version."""

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
# The same bytes under a second valid filename.
RENAMED = Distribution("demo-2.0-1-py3-none-any.whl", WHEEL.content)


@pytest.fixture
async def strict(tmp_path: Path, index: FakeIndex) -> AsyncIterator[RunningService]:
    """Return a service that does not replace staged files."""
    async with running_service(tmp_path / "data", index, upload={"replace": False}) as running:
        yield running


async def stored(service: RunningService) -> Any:
    """Return the one stage, as it is stored."""
    (stage,) = await service.parts.database.read(lambda rows: rows.stages.list())
    return stage


async def test_same_again(service: RunningService) -> None:
    """An identical upload is 200 and changes nothing."""
    await service.staged(WHEEL)
    before = await stored(service)
    service.clock.advance(hours=1)

    answer = await service.post(twine_form(WHEEL, staged="true"))

    assert (answer.status, answer.document["meta"]["_outcome"]) == (200, "unchanged")
    assert await stored(service) == before


async def test_same_again_in_another_order(service: RunningService) -> None:
    """Fields in another order are the same upload: twine's order varies."""
    await service.staged(WHEEL)
    before = await stored(service)

    await service.post(twine_form(WHEEL)[::-1])

    assert await stored(service) == before


async def test_same_bytes_with_another_form(service: RunningService) -> None:
    """The same bytes with another form are a change."""
    await service.staged(WHEEL)
    before = await stored(service)

    answer = await service.post([*twine_form(WHEEL, staged="true"), Part("author", b"A")])

    assert answer.document["meta"]["_outcome"] == "replaced"
    assert (await stored(service)).revision == before.revision + 1


async def test_replaced(service: RunningService) -> None:
    """Other bytes replace the staged file at once."""
    before = await service.staged(WHEEL)

    after = await service.staged(OTHER)

    page = (await service.get(f"{prefix_of(after)}simple/demo/", PIP)).document
    assert after["meta"]["_outcome"] == "replaced"
    assert after["id"] == before["id"]
    assert [file["hashes"]["sha256"] for file in page["files"]] == [OTHER.sha256]
    assert (await service.get(after["files"][OTHER.filename]["link"])).body == OTHER.content


async def test_old_url_after_replacing(service: RunningService) -> None:
    """The URL of a replaced file states that it was replaced."""
    link = (await service.staged(WHEEL))["files"][WHEEL.filename]["link"]
    await service.staged(OTHER)

    answers = [await service.get(link), await service.get(f"{link}.metadata")]

    assert {(one.status, one.text) for one in answers} == {
        (410, "This file was replaced by a later upload of the same name.")
    }


async def test_replaced_again(service: RunningService) -> None:
    """A replaced file can be uploaded again."""
    link = (await service.staged(WHEEL, OTHER, WHEEL))["files"][WHEEL.filename]["link"]

    assert (await service.get(link)).body == WHEEL.content


async def test_no_replacing(strict: RunningService) -> None:
    """Where replacing is forbidden, other bytes are refused in PyPI's words."""
    await strict.staged(WHEEL)

    answer = await strict.upload(OTHER)

    expected = f"File already exists ('{WHEEL.filename}', with blake2_256 hash"
    assert answer.status == 400
    assert answer.reason.startswith(f"{expected} '{OTHER.blake2b_256}'). See https://")


async def test_same_again_without_replacing(strict: RunningService) -> None:
    """An identical upload succeeds where replacing is forbidden, with any form."""
    await strict.staged(WHEEL)

    answer = await strict.post([*twine_form(WHEEL), Part("author", b"A")])

    assert answer.status == 200


async def test_same_bytes_under_another_name(service: RunningService) -> None:
    """PyPI accepts no bytes twice."""
    await service.staged(WHEEL)

    answer = await service.post(twine_form(RENAMED))

    assert answer.status == 400
    assert answer.reason.startswith(f"File already exists ('{RENAMED.filename}'")


async def test_published_already(service: RunningService) -> None:
    """Uploading a published file succeeds: nothing is staged, no stage opened."""
    service.index.add("demo", WHEEL)

    answer = await service.upload(WHEEL)

    assert answer.status == 200
    assert answer.text == "OK\nPyPI already has this file: nothing was staged.\n"
    assert (await service.api("GET", "stages")).document == {"stages": []}


async def test_published_with_other_bytes(service: RunningService) -> None:
    """A filename that PyPI has with other bytes is refused."""
    service.index.add("demo", OTHER)

    answer = await service.upload(WHEEL)

    assert answer.status == 400
    assert answer.reason.startswith("File already exists ")
    assert (await service.api("GET", "stages")).document == {"stages": []}


async def test_more_files_of_a_published_release(service: RunningService) -> None:
    """A published release accepts another file."""
    service.index.add("demo", WHEEL, extra_file_keys=JUST_OUT)

    assert (await service.upload(an_sdist(version="2.0"))).status == 200


@pytest.mark.parametrize("status", ["archived", "quarantined"])
async def test_closed_project(service: RunningService, status: str) -> None:
    """An archived or quarantined project accepts no uploads."""
    service.index.add("demo", a_wheel(version="1.0"), status=status)

    answer = await service.upload(WHEEL)

    expected = f"Project demo is {status} on PyPI and accepts no uploads."
    assert (answer.status, answer.reason) == (400, expected)
    assert (await service.api("GET", "stages")).document == {"stages": []}


async def test_first_file_fixes_the_version(service: RunningService) -> None:
    """A stage without a version gets that of its first file, and accepts no other."""
    to = f"{prefix_of(await service.open_stage(version=None))}legacy/"
    first = await service.upload(WHEEL, to=to)

    other = await service.upload(a_wheel(version="3.0"), to=to)

    assert (first.status, other.status) == (200, 409)
    assert other.reason == ("demo-3.0-py3-none-any.whl does not belong to stage demo 2.0.")


async def test_spelling_of_the_version(service: RunningService) -> None:
    """The spelling of a version makes no difference."""
    stage = await service.staged(a_wheel(version="2.0"))

    other = await service.staged(an_sdist(version="2.0.0"))

    assert other["id"] == stage["id"]


async def test_refused_file_fixes_no_version(service: RunningService) -> None:
    """A refused file leaves a stage without a version unchanged."""
    stage = await service.open_stage(version=None)
    broken = Distribution("demo-2.0-py3-none-any.whl", b"no zip")
    form = twine_form(broken, name="demo", version="2.0", metadata_version="2.1")
    refused = await service.post(form, to=f"{prefix_of(stage)}legacy/")

    shown = (await service.api("GET", f"stages/{stage['id']}")).document

    assert refused.reason == "Invalid distribution file. File is not a zipfile"
    assert (shown["version"], shown["files"]) == (None, {})


async def test_stage_without_version_is_not_joined(service: RunningService) -> None:
    """A stage without a version accepts files by its own URL only."""
    stage = await service.open_stage(version=None)

    staged = await service.staged(WHEEL)

    assert staged["id"] != stage["id"]


async def test_release_that_has_a_stage(service: RunningService) -> None:
    """A stage without a version cannot become the second live stage of a release."""
    await service.staged(WHEEL)
    second = await service.open_stage(version=None)

    answer = await service.upload(an_sdist(version="2.0"), to=f"{prefix_of(second)}legacy/")

    assert answer.status == 409


async def test_file_of_another_project(service: RunningService) -> None:
    """A stage accepts files of its own project only."""
    stage = await service.open_stage(version="2.0")

    answer = await service.upload(a_wheel("other"), to=f"{prefix_of(stage)}legacy/")

    assert answer.status == 409


async def test_too_many_stages(tmp_path: Path, index: FakeIndex) -> None:
    """A project has a limited number of live stages."""
    async with running_service(tmp_path / "data", index, stage={"max_per_project": 1}) as service:
        await service.staged(WHEEL)

        answer = await service.upload(a_wheel(version="3.0"))

        assert answer.status == 429
        assert answer.reason == (
            "demo already has 1 live stage. Cancel one first: a manage token can cancel any "
            "of them, an upload token only an empty one that it opened. The server's operator can "
            "raise stage.max_per_project."
        )


async def test_uploads_restart_the_life_time(service: RunningService) -> None:
    """A change restarts the life time of a stage, an identical upload does not."""
    await service.staged(WHEEL)
    service.clock.advance(days=3)
    unchanged = await service.staged(WHEEL)
    changed = await service.staged(an_sdist(version="2.0"))

    assert unchanged["expires-at"] == "2026-11-29T12:00:00Z"
    assert changed["expires-at"] == "2026-12-02T12:00:00Z"
