"""The progress of a promotion as events."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientResponse, ClientSession

from stageproxy.places import Places, PlacesByKey
from stageproxy.web.answers.progress_streams import ProgressStreams
from stageproxy.web.keys import PROGRESS_STREAMS
from stageproxy.web.serving.runner import SHUTDOWN_SECONDS
from tests.support.clients.desk_client import DeskClient, of, shown, signed_in
from tests.support.index.fake_index import FakeIndex
from tests.support.promotion.promotion_client import PromotionClient, an_entry, promotion_settings
from tests.support.servers.service import RunningService, running_service
from tests.web.conftest import SDIST, WHEEL


@pytest.fixture
async def browser(service: RunningService) -> DeskClient:
    """Return the browser of somebody with a manage token; the server looks often."""
    watched(service, poll=0.01)
    return await signed_in(service, await service.token("manage", name="ada"))


def watched(service: RunningService, **changes: Any) -> ProgressStreams:
    """Set how streams go on."""
    # The application is frozen; what it has is replaced for this test alone.
    streams = replace(service.parts.app[PROGRESS_STREAMS], **changes)
    service.parts.app._state[PROGRESS_STREAMS] = streams  # noqa: SLF001 - see above
    return streams


@asynccontextmanager
async def stream(browser: DeskClient, stage: Any) -> AsyncIterator[ClientResponse]:
    """Open the stream of a stage."""
    cookie = "; ".join(f"{name}={value}" for name, value in browser.cookies.items())
    url = browser.service.url + of(stage, "/progress")
    async with browser.service.session.get(url, headers={"Cookie": cookie}) as response:
        yield response


async def next_event(response: ClientResponse) -> tuple[str, str]:
    """Return the name of the next event, and its data as text; a comment is an event, too."""
    async with asyncio.timeout(30):
        block = (await response.content.readuntil(b"\n\n")).decode().strip()
    fields = dict(line.split(":", 1) for line in block.splitlines())
    if "event" not in fields:
        return (block, "")
    data = fields["data"].strip()
    return fields["event"].strip(), json.loads(data) if data else ""


async def test_events_until_it_is_over(
    service: RunningService, browser: DeskClient, stage: Any
) -> None:
    """Each change of the journal is an event with the part of the page; then it is over."""
    client = PromotionClient(service)
    promotion = (await client.start(stage, "client")).document

    async with stream(browser, stage) as response:
        opening, first = await next_event(response), await next_event(response)
        await client.report(promotion, an_entry(WHEEL.filename, "sending"))
        second = await next_event(response)
        service.index.add("demo", WHEEL, SDIST)
        await client.report_end(promotion)
        events = []
        while (event := await next_event(response))[0] != "over":
            events.append(event)
        rest = await response.read()

    assert opening[0] == "retry: 1000"
    assert (first[0], "0 of 2 files are published." in first[1]) == ("progress", True)
    assert "being sent" in second[1]
    assert {one[0] for one in events} <= {"progress"}
    assert rest == b""


async def test_headers(service: RunningService, browser: DeskClient, stage: Any) -> None:
    """No proxy keeps or gathers the events."""
    await PromotionClient(service).start(stage, "client")

    async with stream(browser, stage) as response:
        headers = response.headers

    assert headers["Content-Type"] == "text/event-stream"
    assert headers["Cache-Control"] == "private, no-store"
    assert headers["X-Accel-Buffering"] == "no"


async def test_heartbeat(service: RunningService, browser: DeskClient, stage: Any) -> None:
    """A stream with nothing to say says so, so that no proxy gives it up."""
    watched(service, heartbeat=0.0)
    await PromotionClient(service).start(stage, "client")

    async with stream(browser, stage) as response:
        events = [await next_event(response) for _ in range(3)]

    assert events[2][0] == ": nothing new"


async def test_session_ends(service: RunningService, browser: DeskClient, stage: Any) -> None:
    """Who signs out, or whose token is revoked, gets no more events."""
    await PromotionClient(service).start(stage, "client")

    async with stream(browser, stage) as response:
        await next_event(response)
        await browser.post("/desk/sign-out", {"form-token": await browser.form_token()})
        events = [await next_event(response) for _ in range(2)]

    assert events[-1] == ("over", "")


async def test_ends_with_the_server(
    service: RunningService, browser: DeskClient, stage: Any
) -> None:
    """A stream does not hold up the end of the server."""
    await PromotionClient(service).start(stage, "client")

    async with stream(browser, stage) as response:
        await next_event(response)
        await next_event(response)
        service.parts.app[PROGRESS_STREAMS].leaving.set()
        async with asyncio.timeout(30):
            rest = await response.read()

    assert b"over" not in rest


async def test_the_server_stops_at_once(tmp_path: Path, index: FakeIndex) -> None:
    """A server that stops ends its streams, long before it would give running requests up."""
    async with ClientSession() as session, AsyncExitStack() as stack:
        service = await stack.enter_async_context(
            running_service(tmp_path / "data", index, promotion=promotion_settings(index))
        )
        stage = await service.staged(WHEEL)
        await PromotionClient(service).start(stage, "client")
        browser = await signed_in(replace(service, session=session))

        async with stream(browser, stage) as response:
            await next_event(response)
            async with asyncio.timeout(SHUTDOWN_SECONDS / 2):
                await stack.aclose()

            assert "over" not in (await response.read()).decode()


async def test_ends_after_a_while(service: RunningService, browser: DeskClient, stage: Any) -> None:
    """A stream ends after its longest time, and the browser opens another one."""
    watched(service, longest=0.0)
    await PromotionClient(service).start(stage, "client")

    async with stream(browser, stage) as response:
        async with asyncio.timeout(30):
            body = await response.read()

    assert body == b"retry: 1000\n\n"


async def test_bounded_numbers(service: RunningService, browser: DeskClient, stage: Any) -> None:
    """There are only so many streams, of a token and in all; those that end make room."""
    watched(service, of_holder=PlacesByKey(1, 0.01))
    await PromotionClient(service).start(stage, "client")

    async with stream(browser, stage) as response:
        await next_event(response)
        refused = await browser.get(of(stage, "/progress"))
    streams = watched(service, in_all=Places(0, 0.01))
    in_all = await browser.get(of(stage, "/progress"))

    assert (refused.status, refused.headers["Retry-After"]) == (429, "10")
    assert "Too many pages watch" in shown(refused)
    assert in_all.status == 429
    assert streams.in_all.users == 0


async def test_page_without_scripts(
    service: RunningService, browser: DeskClient, stage: Any
) -> None:
    """The page shows the progress by itself, and reloads itself where there are no scripts."""
    await PromotionClient(service).start(stage, "client")

    page = await browser.get(of(stage))

    assert "0 of 2 files are published." in shown(page)
    assert '<noscript><meta http-equiv="refresh" content="3"></noscript>' in page.text
    assert f'data-progress="{of(stage, "/progress")}"' in page.text


async def test_never_promoted(browser: DeskClient, stage: Any) -> None:
    """A stage that nobody has published has no progress."""
    assert (await browser.get(of(stage, "/progress"))).status == 404
