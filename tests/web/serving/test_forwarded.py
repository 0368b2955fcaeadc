"""The client's address behind trusted proxies."""

import asyncio
import logging
from ipaddress import ip_address, ip_network
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stageproxy.web.serving.forwarded import client_address
from tests.support.builders.distributions import a_wheel
from tests.support.index.fake_index import FakeIndex
from tests.support.servers.service import running_service

TRUSTED = tuple(map(ip_network, ("127.0.0.1", "10.0.0.0/8", "2001:db8::/32")))
REQUESTS = "stageproxy.requests"

CASES = {
    "no proxy": ("192.0.2.1", "", "192.0.2.1"),
    "an untrusted peer reports a client": ("192.0.2.1", "198.51.100.7", "192.0.2.1"),
    "an untrusted peer reports a proxy": ("192.0.2.1", "10.0.0.1", "192.0.2.1"),
    "a proxy": ("127.0.0.1", "198.51.100.7", "198.51.100.7"),
    "a proxy of a network": ("10.9.8.7", "198.51.100.7", "198.51.100.7"),
    "a proxy without a header": ("127.0.0.1", "", "127.0.0.1"),
    "two proxies": ("127.0.0.1", "198.51.100.7, 10.0.0.1", "198.51.100.7"),
    "a client that claims another address": (
        "127.0.0.1",
        "203.0.113.9, 198.51.100.7",
        "198.51.100.7",
    ),
    "a client that claims to be a proxy": ("127.0.0.1", "10.0.0.1,198.51.100.7", "198.51.100.7"),
    "a proxy that asks itself": ("127.0.0.1", "10.0.0.1", "10.0.0.1"),
    "no blanks": ("127.0.0.1", "203.0.113.9,198.51.100.7,10.0.0.1", "198.51.100.7"),
    "IPv6": ("2001:db8::1", "2001:DB9:0::7", "2001:db9::7"),
    "IPv4 on a socket for both": ("::ffff:127.0.0.1", "198.51.100.7", "198.51.100.7"),
    "IPv4 as IPv6": ("127.0.0.1", "198.51.100.7, ::ffff:10.0.0.1", "198.51.100.7"),
    "nonsense from a proxy": ("127.0.0.1", "198.51.100.7, unknown", "127.0.0.1"),
    "nonsense from a client": ("127.0.0.1", "<script>, 198.51.100.7", "198.51.100.7"),
    "nonsense behind a proxy": ("127.0.0.1", "198.51.100.7, , 10.0.0.1", "10.0.0.1"),
    "an address with a zone": ("127.0.0.1", "fe80::1%evil text", "127.0.0.1"),
    "no address at all": ("", "198.51.100.7", ""),
}


@pytest.mark.parametrize(("peer", "header", "client"), CASES.values(), ids=CASES)
def test_client(peer: str, header: str, client: str) -> None:
    """Read from the right, the first address that is not a trusted proxy is the client."""
    assert client_address(peer, header, TRUSTED) == client


@given(st.text())
def test_any_header(header: str) -> None:
    """For any header, the client is a normalized address."""
    client = client_address("127.0.0.1", header, TRUSTED)

    assert str(ip_address(client)) == client


@pytest.mark.parametrize(
    ("trusted", "who"),
    [
        pytest.param("", "127.0.0.1", id="no proxy is trusted"),
        pytest.param("192.0.2.1", "127.0.0.1", id="another proxy is trusted"),
        pytest.param("192.0.2.1,127.0.0.0/8", "198.51.100.7", id="the proxy is trusted"),
    ],
)
async def test_log_names_the_client(
    tmp_path: Path, index: FakeIndex, caplog: pytest.LogCaptureFixture, trusted: str, who: str
) -> None:
    """The access log has the client that a trusted proxy reports, from all header lines."""
    caplog.set_level(logging.INFO, REQUESTS)
    server = {"port": 0, "trusted_proxies": trusted}
    headers = [("X-Forwarded-For", "203.0.113.9"), ("x-forwarded-for", "198.51.100.7")]

    async with running_service(tmp_path / "data", index, server=server) as service:
        caplog.clear()
        async with service.session.get(f"{service.url}/health/live", headers=headers) as answer:
            assert answer.status == 200
        await asyncio.sleep(0)

    lines = [one.getMessage() for one in caplog.records if one.name == REQUESTS]
    assert [line.split()[:3] for line in lines] == [[who, "GET", "/health/live"]]


async def test_uploads_behind_a_proxy(tmp_path: Path, index: FakeIndex) -> None:
    """A request through a trusted proxy has the same body and rights."""
    server = {"port": 0, "trusted_proxies": "127.0.0.1"}
    async with running_service(tmp_path / "data", index, server=server) as service:
        answer = await service.upload(a_wheel(version="2.0"), X_Forwarded_For="198.51.100.7")

    assert answer.status == 200
