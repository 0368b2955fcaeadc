"""Prepared answers while PostgreSQL does not answer: none is given whose state is not known."""

import asyncio
from pathlib import Path

from tests.support.builders.distributions import a_wheel
from tests.support.index.fake_index import FakeIndex
from tests.support.servers.postgres import Postgres
from tests.support.servers.service import JSON_PAGE, running_service

A_MINUTE = 60


async def test_no_stale_answer(
    tmp_path: Path, index: FakeIndex, postgres_url: str, postgres: Postgres
) -> None:
    """Without its database a server answers 503 rather than a page that may be out of date."""
    index.add("demo", a_wheel(version="1.0"))
    async with running_service(
        tmp_path / "data",
        index,
        storage={"database": postgres_url},
        postgres={"timeout": 0.1},
        upstream={"fresh_for": A_MINUTE},
    ) as service:
        stage = await service.staged()
        page = f"{stage['links']['stage']}simple/demo/"
        before = [await service.get(page, JSON_PAGE) for _ in range(2)]
        await asyncio.to_thread(postgres.stop)
        try:
            meanwhile = await service.get(page, JSON_PAGE)
        finally:
            await asyncio.to_thread(postgres.start)
        after = await service.get(page, JSON_PAGE)

    assert [one.status for one in before] == [200, 200]
    assert meanwhile.status == 503
    assert (after.status, after.document) == (200, before[1].document)
