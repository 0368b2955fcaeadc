"""Concurrent uploads: each release gets one stage, each file is stored once."""

import asyncio

from tests.support.builders.distributions import a_wheel, an_sdist
from tests.support.servers.service import RunningService
from tests.support.stored_files import stored_file

WHEEL = a_wheel(version="2.0")


async def test_same_file_many_times(service: RunningService) -> None:
    """Concurrent uploads of one file leave one stage, one file and one change."""
    answers = await asyncio.gather(*(service.upload(WHEEL) for _ in range(20)))

    (stage,) = await service.parts.database.read(lambda rows: rows.stages.list())
    assert {one.status for one in answers} == {200}
    assert len({one.body for one in answers}) == 1
    assert (len(stage.artifacts), stage.revision) == (1, 1)


async def test_files_of_one_release(service: RunningService) -> None:
    """Concurrent files of one release are in one stage."""
    tags = [f"cp3{minor}-cp3{minor}-manylinux_2_17_x86_64" for minor in range(10, 20)]
    wheels = [a_wheel(version="2.0", tag=tag) for tag in tags]

    await asyncio.gather(*(service.upload(one) for one in [*wheels, an_sdist(version="2.0")]))

    (stage,) = await service.parts.database.read(lambda rows: rows.stages.list())
    assert len(stage.artifacts) == 11


async def test_rivals_for_one_name(service: RunningService) -> None:
    """Of concurrent files of one name, one is stored, whole, and no other is left."""
    rivals = [a_wheel(version="2.0", summary=f"Rival {number}") for number in range(10)]

    answers = await asyncio.gather(*(service.upload(one) for one in rivals))

    (stage,) = await service.parts.database.read(lambda rows: rows.stages.list())
    (artifact,) = stage.artifacts
    stored = stored_file(service.data, artifact.sha256)
    assert {one.status for one in answers} == {200}
    assert stored.read_bytes() in [one.content for one in rivals]
    assert list((service.data / "files" / "incoming").iterdir()) == []


async def test_uploads_while_the_stage_is_canceled(service: RunningService) -> None:
    """A file that arrives while its stage is canceled is refused, or is in a new stage."""
    stage = await service.staged(WHEEL)
    cancel = service.api("DELETE", f"stages/{stage['id']}")

    answer, _ = await asyncio.gather(service.upload(an_sdist(version="2.0")), cancel)

    stages = (await service.api("GET", "stages")).document["stages"]
    holding = [one["status"] for one in stages if "demo-2.0.tar.gz" in one["files"]]
    assert answer.status == 200
    assert len(holding) == 1
