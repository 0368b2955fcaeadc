"""Two whole servers over one PostgreSQL database, each with a data directory of its own."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from yarl import URL

from stageproxy.catalogue import Rows
from stageproxy.core.leases import Lease
from stageproxy.server.background import work_beside_others
from stageproxy.server.watched_clock import WatchedClock
from stageproxy.services.leases import BACKGROUND, of_server
from tests.support.builders.distributions import a_wheel, an_sdist
from tests.support.clients.desk_client import DeskClient, signed_in
from tests.support.index.fake_index import FakeIndex
from tests.support.promotion.promotion_client import PromotionClient, promotion_settings
from tests.support.servers.service import RunningService, running_service
from tests.support.uploads.faults import Fault, FaultKind, FaultPoint

RELEASE = (a_wheel(version="2.0"), an_sdist(version="2.0"))
UNANSWERED = Fault(FaultPoint.ACCEPTED, FaultKind.HANG, RELEASE[0].filename)


@dataclass(slots=True)
class Installation:
    """Servers over one database and one folder of files."""

    folder: Path
    database: str
    index: FakeIndex
    servers: list[RunningService] = field(default_factory=list)

    @asynccontextmanager
    async def server(self) -> AsyncIterator[RunningService]:
        """Start one more server."""
        data = self.folder / f"server {len(self.servers)}"
        data.mkdir()
        (self.folder / "files").mkdir(exist_ok=True)
        (data / "files").symlink_to(self.folder / "files")
        if self.servers:
            (data / "admin.token").write_text(self.servers[0].admin)
            (data / "installation").hardlink_to(self.servers[0].data / "installation")
        async with running_service(
            data,
            self.index,
            clock=None,
            server={"port": 0, "secret": "the secret of all servers over this database"},
            storage={"database": self.database},
            promotion=promotion_settings(self.index),
        ) as running:
            self.servers.append(running)
            yield running

    async def kill(self, server: RunningService, stopping: AsyncExitStack) -> Sequence[Lease]:
        """Stop a server as if it were killed: with its leases, which it returns."""
        other = next(one for one in self.servers if one is not server)
        leases = await other.parts.database.read(lambda rows: rows.leases.list())
        await stopping.aclose()

        def restore(rows: Rows) -> None:
            for lease in leases:
                rows.leases.save(lease)

        await other.parts.database.write(restore)
        return leases


@pytest.fixture
def installation(tmp_path: Path, migrated_url: str, index: FakeIndex) -> Installation:
    """Return an installation without servers."""
    return Installation(tmp_path, migrated_url, index)


async def lapse(server: RunningService) -> None:
    """Let the leases of all servers lapse, as after their length."""

    def work(rows: Rows) -> None:
        now = rows.now() or datetime.now(UTC)
        for lease in rows.leases.list():
            rows.leases.save(lease.ended(now))

    await server.parts.database.write(work)


@asynccontextmanager
async def working(server: RunningService) -> AsyncIterator[None]:
    """Let a server do its work in the background, as it does when it runs."""
    clock = WatchedClock(server.data / "last-seen")
    never = asyncio.Event()
    async with asyncio.TaskGroup() as group:
        task = group.create_task(work_beside_others(server.parts, clock, never.wait))
        yield
        task.cancel()


async def begun(server: RunningService) -> Any:
    """Stage a release, and begin to publish it; the first file is accepted, and not answered."""
    stage = await server.staged(*RELEASE)
    server.index.uploads.faults = [UNANSWERED]
    await PromotionClient(server).start(stage)
    while not server.index.uploads.history.accepted:  # noqa: ASYNC110 - there is no event for it
        await asyncio.sleep(0.001)
    return stage


async def test_promotion_of_a_killed_server(installation: Installation) -> None:
    """A server takes over from one that was killed, once its lease has lapsed; nothing is repeated.

    While the lease lasts, it leaves the promotion alone, and so does a server that starts.
    """
    async with AsyncExitStack() as stopping, installation.server() as second:
        first = await stopping.enter_async_context(installation.server())
        stage = await begun(first)
        await second.parts.promotions.recover()
        async with installation.server():
            pass
        untouched = await PromotionClient(second).show(stage)
        await installation.kill(first, stopping)
        await second.parts.promotions.recover()
        early = await PromotionClient(second).show(stage)
        await lapse(second)
        async with working(second):
            over = await PromotionClient(second).until_over(stage)

    history = installation.index.uploads.history
    assert (untouched["fence"], early["fence"], over["fence"]) == (1, 1, 2)
    assert (over["status"], over["reason"]) == ("published", None)
    assert sorted(history.accepted) == sorted(one.filename for one in RELEASE)


async def test_work_of_one_server(installation: Installation) -> None:
    """One server does what one does for all, and each what is due on its own disk."""
    async with (
        installation.server() as first,
        installation.server() as second,
        working(first),
        working(second),
    ):
        while len(leases := await held(second)) < 3:  # noqa: ASYNC110 - there is no event for it
            await asyncio.sleep(0.001)

    names = {one.name for one in leases}
    assert names == {BACKGROUND, of_server(first.parts.instance), of_server(second.parts.instance)}


async def held(server: RunningService) -> Sequence[Lease]:
    """Return the leases of all servers."""
    return await server.parts.database.read(lambda rows: rows.leases.list())


async def test_revoked_token(installation: Installation) -> None:
    """A token that was revoked at one server is refused by the next request at another."""
    async with installation.server() as first, installation.server() as second:
        made = (await first.api("POST", "tokens", can="upload", project="demo")).document
        before = await second.api("GET", "stages", made["token"])
        await first.api("DELETE", f"tokens/{made['id']}")
        after = await second.api("GET", "stages", made["token"])

    assert (before.status, after.status) == (200, 403)


async def test_session_at_the_desk(installation: Installation) -> None:
    """Who signs in at one server is signed in at all of them, and signed out of all of them."""
    async with installation.server() as first, installation.server() as second:
        there = await signed_in(first, await first.token("manage", name="ada"))
        here = DeskClient(second, cookies_for(second, there))
        seen = await here.get("/")
        await here.post("/desk/sign-out", {"form-token": await here.form_token()})
        gone = await there.get("/")

    assert ("ada" in seen.text, "ada" in gone.text) == (True, False)


def cookies_for(server: RunningService, browser: DeskClient) -> dict[str, str]:
    """Return the cookies of a browser for another port, by which their names differ over HTTP."""
    former, port = str(URL(browser.service.url).port), str(URL(server.url).port)
    return {name.replace(former, port): value for name, value in browser.cookies.items()}


async def test_changed_stage(installation: Installation) -> None:
    """What was staged at one server is on the next page of every other, prepared or not."""
    async with installation.server() as first, installation.server() as second:
        wheel, sdist = RELEASE
        stage = await first.staged(wheel)
        path = stage["links"]["stage"].removeprefix(first.url) + "simple/demo/"
        pages = [(await second.get(path)).text for _ in range(3)]
        await first.upload(sdist)
        later = (await second.get(path)).text

    assert all(sdist.filename not in page for page in pages)
    assert (wheel.filename in later, sdist.filename in later) == (True, True)
