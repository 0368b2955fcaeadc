"""How upstream is reached, as pip is configured for it, and why it is not."""

import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

import pytest
import trustme
from aiohttp import web
from yarl import URL

from stageproxy.core.errors import StageproxyError
from stageproxy.upstream.index import IndexLimits, IndexPolicy, UpstreamIndex
from stageproxy.upstream.network import DEFAULTS, NetworkSettings, NetworkSettingsError
from stageproxy.upstream.pip_index import urls_of
from stageproxy.upstream.session import Timeouts, open_session
from stageproxy.upstream.traffic import Traffic
from tests.support.servers.nginx import free_port
from tests.support.servers.raw_server import RawServer, raw_server

PATIENCE = Timeouts(timedelta(seconds=10), timedelta(seconds=10))
PAGE = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 2\r\n\r\nOK"


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    """Return an authority that only pip's settings name."""
    return trustme.CA()


@pytest.fixture
def authorities(authority: trustme.CA, tmp_path: Path) -> Path:
    """Return the file with the certificate of that authority."""
    path = tmp_path / "authorities.pem"
    authority.cert_pem.write_to_path(str(path))
    return path


@pytest.fixture
async def tls_url(authority: trustme.CA) -> AsyncIterator[str]:
    """Run a server with a certificate of that authority."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("localhost").configure_cert(context)
    app = web.Application()
    app.router.add_get("/{path:.*}", answer_ok)
    runner = web.AppRunner(app)
    await runner.setup()
    port = free_port()
    await web.TCPSite(runner, "127.0.0.1", port, ssl_context=context).start()
    yield f"https://localhost:{port}"
    await runner.cleanup()


async def answer_ok(_: web.Request) -> web.Response:
    """Return a document."""
    return web.Response(text="OK")


@asynccontextmanager
async def reached(url: str, network: NetworkSettings = DEFAULTS) -> AsyncIterator[UpstreamIndex]:
    """Open an index that is reached with the settings."""
    async with open_session(PATIENCE, network) as session:
        yield UpstreamIndex(
            session,
            urls_of(url),
            IndexPolicy(network=network),
            IndexLimits(timedelta(seconds=20), 2**20),
            Traffic(),
        )


async def test_certificates_of_pip(tls_url: str, authorities: Path) -> None:
    """The certificates that pip is configured with are accepted."""
    async with reached(tls_url, NetworkSettings(authorities=str(authorities))) as index:
        assert await index.fetch("x", "") is not None


@pytest.mark.parametrize("name", ["REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"])
async def test_certificates_of_the_environment(
    tls_url: str, authorities: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """The certificates in the variables that pip reads are accepted."""
    monkeypatch.delenv("REQUESTS_CA_BUNDLE", raising=False)
    monkeypatch.setenv(name, str(authorities))

    async with reached(tls_url) as index:
        assert await index.fetch("x", "") is not None


@pytest.mark.parametrize("host", ["localhost", "localhost:{port}"])
async def test_trusted_hosts_of_pip(tls_url: str, host: str) -> None:
    """The certificates of pip's trusted hosts are not verified."""
    trusted = host.format(port=URL(tls_url).port)

    async with reached(tls_url, NetworkSettings(trusted_hosts=(trusted,))) as index:
        assert await index.fetch("x", "") is not None


@pytest.mark.parametrize("host", ["other.example", "localhost:1"])
async def test_other_hosts_are_not_trusted(tls_url: str, host: str) -> None:
    """The certificates of all other hosts are verified; the error has host and reason."""
    async with reached(tls_url, NetworkSettings(trusted_hosts=(host,))) as index:
        with pytest.raises(StageproxyError) as caught:
            await index.fetch("x", "")

    assert str(caught.value).startswith("localhost cannot be reached: its certificate is refused (")
    assert "local issuer certificate" in str(caught.value)


@pytest.fixture
async def proxy() -> AsyncIterator[RawServer]:
    """Run a proxy that answers for every host."""
    async with raw_server() as running:
        yield running


@pytest.mark.parametrize("scheme", ["http://", ""])
async def test_proxy_of_pip(proxy: RawServer, scheme: str) -> None:
    """Upstream is reached by pip's proxy, which gets its own credential."""
    proxy.answers = [PAGE]
    url = proxy.url.replace("http://", f"{scheme}user:pass@")

    async with reached("http://index.example", NetworkSettings(proxy=url)) as index:
        assert await index.fetch("x", "") is not None

    (request,) = proxy.requests
    assert request.startswith(b"GET http://index.example/x HTTP/1.1\r\n")
    assert b"\r\nProxy-Authorization: Basic dXNlcjpwYXNz\r\n" in request


async def test_error_of_a_proxy(proxy: RawServer) -> None:
    """If the proxy refuses, the error has its status and no credential."""
    proxy.answers = [b"HTTP/1.1 407 No\r\nContent-Length: 0\r\n\r\n"] * 3
    network = NetworkSettings(proxy=proxy.url.replace("://", "://user:secret@"))

    async with reached("https://reader:secret@index.example", network) as index:
        with pytest.raises(StageproxyError) as caught:
            await index.fetch("x", "")

    assert str(caught.value) == "index.example cannot be reached: the proxy answered 407."


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("http://127.0.0.1:1", "127.0.0.1 cannot be reached: connection refused."),
        ("http://user:secret@127.0.0.1:1", "127.0.0.1 cannot be reached: connection refused."),
        (
            "http://index.invalid",
            "index.invalid cannot be reached: its name cannot be resolved.",
        ),
    ],
)
async def test_errors_have_host_and_reason(url: str, reason: str) -> None:
    """An error says which host cannot be reached, and why."""
    async with reached(url) as index:
        with pytest.raises(StageproxyError) as caught:
            await index.fetch("x", "")

    assert str(caught.value) == reason


@pytest.mark.parametrize(
    "network",
    [
        NetworkSettings(authorities="/nowhere/missing.pem"),
        NetworkSettings(client_certificate="/nowhere/missing.pem"),
    ],
    ids=["of authorities", "of the client"],
)
async def test_certificates_that_are_missing(network: NetworkSettings) -> None:
    """A file that pip's settings name and that does not exist is an error with its name."""
    with pytest.raises(NetworkSettingsError, match=r"missing\.pem: No such file"):
        async with reached("http://index.example", network):
            pass


def test_proxy_is_not_shown() -> None:
    """The credential of the proxy is not shown."""
    assert "secret" not in repr(NetworkSettings(proxy="http://user:secret@proxy.example"))
