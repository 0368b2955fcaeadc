"""The desk behind nginx with TLS, below a path of another site."""

import asyncio
import json
import re

import aiohttp
import pytest
from aiohttp import CookieJar

from tests.support.builders.distributions import a_wheel
from tests.support.index.fake_index import FakeIndex
from tests.support.promotion.promotion_client import promotion_settings
from tests.support.servers.nginx import ProxiedServerStart
from tests.support.servers.processes import Server

pytestmark = pytest.mark.journey

GATHERING = {
    "location / {": "location /staging/ {",
    "proxy_pass http://stageproxy;": "proxy_pass http://stageproxy/;",
    "location = /metrics {": "location = /staging/metrics {",
    # As nginx is without our configuration: answers are gathered, unless they ask it not to.
    "proxy_buffering off;": "proxy_buffering on;",
}


async def test_desk(start_proxied_server: ProxiedServerStart, upstream: FakeIndex) -> None:
    """Somebody signs in over TLS, and events arrive when they happen, whatever nginx gathers."""
    publishing = {
        f"PROMOTION__{name.upper()}": value for name, value in promotion_settings(upstream).items()
    }
    async with start_proxied_server("/staging", GATHERING, **publishing) as proxied:
        staged = await proxied.server.stage(a_wheel("demo", "2.0"))
        desk = f"{proxied.url}/desk/stages/{staged.id}"
        status, _ = await proxied.server.ask(
            "POST",
            f"/api/stages/{staged.id}/promotion",
            body={
                "manifest-digest": await digest(proxied.server, staged.id),
                "publisher": "client",
            },
        )
        assert status == 202
        async with aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(ssl=proxied.tls),
            headers={"Origin": proxied.url.removesuffix("/staging")},
            cookie_jar=CookieJar(),
        ) as session:
            form = {"token": proxied.server.admin_token, "next": f"/desk/stages/{staged.id}"}
            async with session.post(f"{proxied.url}/desk/sign-in", data=form) as page:
                text, at = await page.text(), str(page.url)
            names = [one.key for one in session.cookie_jar]
            async with asyncio.timeout(30), session.get(f"{desk}/progress") as stream:
                opening = await stream.content.readuntil(b"\n\n")
                event = await stream.content.readuntil(b"\n\n")

    assert at == desk
    assert re.search("Signed in as .*admin", text)
    assert names == ["__Host-stageproxy"]
    assert opening == b"retry: 1000\n\n"
    assert b"0 of 1 files are published." in event


async def digest(server: Server, stage_id: str) -> str:
    """Return the manifest digest of a stage."""
    _, body = await server.ask("GET", f"/api/stages/{stage_id}")
    return str(json.loads(body)["manifest-digest"])
