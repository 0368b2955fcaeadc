"""Logs and metrics behind nginx: addresses of clients, and no tokens."""

import re

import pytest
from yarl import URL

from tests.support.builders.distributions import a_wheel
from tests.support.servers.nginx import ProxiedServer

pytestmark = pytest.mark.journey

WHEEL = a_wheel("demo", "2.0")


@pytest.mark.parametrize(
    "claimed", [{}, {"X-Forwarded-For": "203.0.113.9"}], ids=["no claim", "a claim"]
)
async def test_client_address(proxied_server: ProxiedServer, claimed: dict[str, str]) -> None:
    """The server logs the address that nginx connects from, whatever headers the client sends."""
    url = f"{proxied_server.url}/robots.txt"
    async with (
        proxied_server.session("127.0.0.2") as session,
        session.get(url, headers=claimed) as answer,
    ):
        assert answer.status == 200

    await proxied_server.server.stop()
    log = (proxied_server.server.logs / "stderr").read_text()
    assert re.findall(r": (\S+) GET /robots\.txt 200 ", log) == ["127.0.0.2"]


async def test_log_of_nginx(proxied_server: ProxiedServer) -> None:
    """The log has requests without queries, and no token at any place."""
    stage = await proxied_server.server.stage(WHEEL)
    token = stage.url.rstrip("/").rpartition("/")[2]
    asked = {
        f"/tmp/demo/{token}/simple/demo/?a={token}": "/tmp/demo/***/simple/demo/",
        f"/tmp/demo/{token}": "/tmp/demo/***",
        "/tmp/demo/mistyped/simple/": "/tmp/demo/***/simple/",
        f"/tmp/demo/mistyped/{token}/": "-",
        f"/tmp/demo/{token}/tmp/demo/{token}/": "-",
        f"/tmp/{token}/demo/": "-",
        f"//tmp/demo/{token}/": "//tmp/demo/***/",
        f"/%74mp/demo/{token}/": "-",
        f"/{token.replace('_', '%5F')}": "-",
        f"/api/stages/{token}": "-",
        f"/robots.txt?{token}": "/robots.txt",
        "/metrics": "/metrics",
    }

    async with proxied_server.session() as session:
        for path in asked:
            url = URL(proxied_server.url + path, encoded=True)
            async with session.get(url, headers={"Referer": stage.url}, allow_redirects=False):
                pass

    lines = await proxied_server.lines(len(asked))
    assert [line.split('"')[1] for line in lines] == [f"GET {path}" for path in asked.values()]
    assert token[5:] not in "".join(lines)


async def test_server_that_is_gone(proxied_server: ProxiedServer) -> None:
    """While the server is down, nginx answers 502 and logs only that."""
    stage = await proxied_server.server.stage(WHEEL)
    await proxied_server.server.stop()

    async with proxied_server.session() as session, session.get(stage.index) as answer:
        assert answer.status == 502

    logged = await proxied_server.lines(1)
    assert [line.split('"')[2].split()[:2] for line in logged] == [["502", "502"]]
    assert (proxied_server.logs / "error.log").read_text() == ""


async def test_metrics_are_not_public(proxied_server: ProxiedServer) -> None:
    """Behind nginx, /health is public and /metrics is not found."""
    async with proxied_server.session() as session:
        found = {}
        for path in ("/metrics", "/%6Detrics", "//metrics", "/health/ready"):
            url = URL(proxied_server.url + path, encoded=True)
            async with session.get(url) as answer:
                found[path] = answer.status

    assert found == {"/metrics": 404, "/%6Detrics": 404, "//metrics": 404, "/health/ready": 200}
