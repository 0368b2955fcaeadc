"""Uploads that PyPI would refuse because of what it already has."""

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.support.builders.distributions import Distribution, a_wheel, an_sdist
from tests.support.builders.forms import twine_form
from tests.support.index.fake_index import FakeIndex, Quirks
from tests.support.servers.service import RunningService, running_service

WHEEL = a_wheel(version="2.0")
SDIST = an_sdist(version="2.0")
TOO_OLD = (
    "Uploading new files to releases older than 14 days is not allowed. "
    "This release closed on 2026-11-21."
)
AGE_UNKNOWN = (
    "closes a release 14 days after its first upload, and the index does not report when that was."
)
NOT_SEARCHED = "list of projects could not be searched for similar names."


@pytest.fixture
async def strict(tmp_path: Path, index: FakeIndex) -> AsyncIterator[RunningService]:
    """Return a service that refuses what is suspicious."""
    async with running_service(tmp_path / "data", index, upload={"strict": True}) as running:
        yield running


def publish(service: RunningService, *files: Distribution, days_ago: int = 1, **keys: Any) -> None:
    """Put files on the index that were uploaded some days ago."""
    at = service.clock.now() - timedelta(days=days_ago)
    service.index.add("demo", *files, uploaded_at=at, extra_file_keys=keys)


async def notices(service: RunningService, file: Distribution = SDIST) -> Any:
    """Return the notices of a file that is staged, as in `stage show`."""
    stage_id = (await service.staged(file))["id"]
    shown = (await service.api("GET", f"stages/{stage_id}")).document
    return shown["files"][file.filename]["notices"]


async def refusal(service: RunningService, file: Distribution = SDIST) -> list[str]:
    """Return the whole text of a refused upload, and check that nothing is staged."""
    answer = await service.upload(file)
    assert answer.status == 400
    assert (await service.api("GET", "stages")).document == {"stages": []}
    return answer.text.splitlines()


async def test_old_release(service: RunningService) -> None:
    """A release that PyPI has closed accepts no file."""
    publish(service, WHEEL, days_ago=15)

    assert await refusal(service) == [TOO_OLD]


async def test_old_release_and_the_very_file(service: RunningService) -> None:
    """A file that PyPI has is accepted, however old its release is."""
    publish(service, WHEEL, days_ago=15)

    assert (await service.upload(WHEEL)).status == 200


async def test_young_release(service: RunningService) -> None:
    """Each file has a notice with the time until which PyPI accepts files for the release."""
    publish(service, WHEEL)

    assert await notices(service) == [
        f"{service.index_name} accepts files for this release until 2026-12-05 12:00 UTC."
    ]


async def test_release_of_unknown_age(service: RunningService) -> None:
    """HTML pages have no upload times: the age of the release is unknown."""
    publish(service, WHEEL)
    service.index.quirks = Quirks(html_only=True)

    assert await notices(service) == [f"{service.index_name} {AGE_UNKNOWN}"]


async def test_second_sdist(service: RunningService) -> None:
    """PyPI accepts one sdist of a release."""
    publish(service, an_sdist(version="2.0.0"))

    assert await refusal(service) == ["Only one sdist may be uploaded per release."]


async def test_second_staged_sdist(service: RunningService) -> None:
    """A stage holds one sdist, however its version is spelled."""
    stage = await service.staged(SDIST)

    answer = await service.upload(an_sdist(version="2.0.0"))

    shown = (await service.api("GET", f"stages/{stage['id']}")).document
    assert (answer.status, answer.reason) == (400, "Only one sdist may be uploaded per release.")
    assert list(shown["files"]) == [SDIST.filename]


async def test_same_bytes_under_another_name(service: RunningService) -> None:
    """PyPI accepts no bytes twice; twine searches the refusal for this sentence."""
    renamed = Distribution("demo-2.0-1-py3-none-any.whl", WHEEL.content)
    publish(service, WHEEL)

    first, second, *_ = await refusal(service, renamed)

    exists = f"('{renamed.filename}', with blake2_256 hash '{WHEEL.blake2b_256}')"
    assert first.startswith(f"File already exists {exists}. See ")
    assert second == f"'{WHEEL.filename}' has the same bytes."


async def test_all_problems_in_order(service: RunningService) -> None:
    """All problems with a file are reported together, in PyPI's order."""
    publish(service, an_sdist(version="2.0", summary="Other bytes"), days_ago=15)

    exists = f"('{SDIST.filename}', with blake2_256 hash '{SDIST.blake2b_256}')"
    first, second = await refusal(service)
    assert first.startswith(f"File already exists {exists}. See ")
    assert second == TOO_OLD


async def test_large_project(service: RunningService) -> None:
    """A project over PyPI's size limit has one finding, whatever the number of its files."""
    publish(service, a_wheel(version="1.0"), size=11 * 2**30)

    stage = await service.staged(SDIST, WHEEL)

    sizes = [one for one in stage["findings"] if "size" in one["message"]]
    message = (
        "The files of the project would have a total size of 11.0 GB. "
        f"{service.index_name} accepts up to 10 GB unless the project has a higher limit."
    )
    release = {"file": None, "level": "unknown", "source": "content"}
    assert sizes == [{**release, "message": message}]


async def test_large_project_of_unknown_size(service: RunningService) -> None:
    """A project whose files have no sizes has no notice about its size."""
    publish(service, a_wheel(version="1.0"), size=11 * 2**30)
    publish(service, a_wheel(version="1.1"), size=None)

    assert await notices(service) == []


async def test_strict(strict: RunningService) -> None:
    """What is unknown is no suspicion: it is a notice in strict mode too."""
    publish(strict, WHEEL)

    assert len(await notices(strict)) == 1


async def test_similar_name(service: RunningService) -> None:
    """A new project whose name is similar to another is refused in PyPI's words."""
    service.index.add("D.emo", a_wheel("d.emo"))
    file = a_wheel("dem0")

    answer = await service.post(twine_form(file, name="Dem0"))

    sentence = (
        "The name 'Dem0' is too similar to an existing project. The existing project is 'd-emo'."
    )
    assert (answer.status, answer.reason.startswith(sentence)) == (400, True)


@pytest.mark.parametrize("html_only", [False, True], ids=["JSON", "HTML"])
async def test_new_name(service: RunningService, *, html_only: bool) -> None:
    """A new name is accepted; the list of projects is fetched once, for all its files."""
    service.index.add("demos", a_wheel("demos"))
    service.index.quirks = Quirks(html_only=html_only)

    found = await notices(service), await notices(service, WHEEL)

    assert found == ([], [])
    assert [one.path for one in service.index.requests].count("/simple/") == 1


async def test_known_project(service: RunningService) -> None:
    """For a published project the list of projects is not fetched."""
    service.index.add("demo", a_wheel())
    service.index.add("dem0", a_wheel("dem0"))

    assert await notices(service) == []
    assert "/simple/" not in [one.path for one in service.index.requests]


async def test_slow_list(service: RunningService) -> None:
    """A slow list of projects does not delay an upload: uploaders give up after ten seconds."""
    service.index.quirks = Quirks(delays={"/simple/": 3600})

    found = await notices(service)

    assert found == [f"{service.index_name}'s {NOT_SEARCHED}"]
