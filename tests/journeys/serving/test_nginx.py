"""A server behind nginx with TLS, configured as documented: real clients work as usual."""

import asyncio
import re
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests.support.builders.distributions import Distribution, a_wheel, an_sdist
from tests.support.builders.forms import FORM, body_of, twine_form
from tests.support.builders.large_wheel import write_large_wheel
from tests.support.clients.clients import INSTALLERS, Clients, Installer
from tests.support.servers.nginx import Certificates, ProxiedServer, ProxiedServerStart
from tests.support.servers.processes import ROOT, Server
from tests.support.servers.service import JSON_PAGE

pytestmark = pytest.mark.journey

MIB = 2**20
PATIENCE = 60
STAGED = (a_wheel("demo", "2.0"), an_sdist("demo", "2.0"))
LISTED_WITH_OTHER_BYTES = a_wheel("demo", "1.0", summary="Another demo")
EXISTS = "File already exists ('demo-1.0-py3-none-any.whl', with blake2_256 hash"
BELOW_A_PATH = {
    "location / {": "location /staging/ {",
    "proxy_pass http://stageproxy;": "proxy_pass http://stageproxy/;",
    "location = /metrics {": "location = /staging/metrics {",
}
HOW_TO = (ROOT / "docs" / "how-to" / "nginx.md").read_text()


@pytest.fixture
def clients(clients: Clients, certificates: Certificates) -> Clients:
    """Return clients that trust the certificate."""
    return replace(clients, authority=certificates.authority)


def digests(*distributions: Distribution) -> set[str]:
    """Return digests of files."""
    return {one.sha256 for one in distributions}


async def staged_digests(server: Server) -> set[str]:
    """Return the digests of all staged files."""
    stages = (await server.command("stage", "list", "--json")).ok().document["stages"]
    return {file["hashes"]["sha256"] for one in stages for file in one["files"].values()}


async def test_twine_uploads(proxied_server: ProxiedServer, clients: Clients) -> None:
    """Twine uploads to the public URL of the stage."""
    token = await proxied_server.server.new_token("demo", can="upload")

    done = await clients.twine_upload(
        f"{proxied_server.url}/legacy/", token, *clients.save(*STAGED)
    )

    assert f"{proxied_server.url}/tmp/demo/stgv_" in done.ok().output
    assert await staged_digests(proxied_server.server) == digests(*STAGED)


async def test_twine_is_refused(proxied_server: ProxiedServer, clients: Clients) -> None:
    """The sentence of a refusal is the reason phrase, which is all that twine prints."""
    file = clients.save(LISTED_WITH_OTHER_BYTES)
    token = await proxied_server.server.new_token("demo", can="upload")

    done = await clients.twine_upload(f"{proxied_server.url}/legacy/", token, *file)

    assert done.code == 1
    assert f"400 {EXISTS}" in done.output


async def test_uv_publishes(proxied_server: ProxiedServer, clients: Clients) -> None:
    """Uv publish uploads, too, and prints the sentence of a refusal."""
    token = await proxied_server.server.new_token("demo", can="upload")
    url = f"{proxied_server.url}/legacy/"

    published = await clients.uv_publish(url, token, *clients.save(*STAGED))
    refused = await clients.uv_publish(url, token, *clients.save(LISTED_WITH_OTHER_BYTES))

    assert (published.ok().code, refused.code, EXISTS in refused.output) == (0, 2, True)
    assert await staged_digests(proxied_server.server) == digests(*STAGED)


@pytest.mark.parametrize("installer", INSTALLERS)
async def test_installing(
    proxied_server: ProxiedServer, clients: Clients, installer: Installer
) -> None:
    """The staged release installs over TLS, with dependencies from upstream."""
    wheel = a_wheel("demo", "2.0", requires_dist=["helper"])
    stage = await proxied_server.server.stage(wheel)

    python, done = await clients.install(installer, stage.index, "demo")

    assert stage.url.startswith(f"{proxied_server.url}/tmp/demo/")
    done.ok()
    assert await clients.installed(python) == {"demo": "2.0", "helper": "1.0"}


async def test_large_upload(proxied_server: ProxiedServer, tmp_path: Path) -> None:
    """An upload of 200 MiB is not buffered.

    The server has the first half before the second is sent.
    """
    path = write_large_wheel(tmp_path, 200 * MIB, version="2.0")
    large = Distribution(path.name, path.read_bytes())
    body = memoryview(body_of(twine_form(large)))
    half = len(body) // 2
    headers = {"Content-Type": FORM, "Content-Length": str(len(body))}

    async def sent() -> AsyncIterator[bytes]:
        for start in range(0, len(body), MIB):
            if start < half <= start + MIB:
                await until_received(proxied_server.server, half - 4 * MIB)
            yield bytes(body[start : start + MIB])

    async with (
        proxied_server.session() as session,
        session.post(f"{proxied_server.url}/legacy/", data=sent(), headers=headers) as answer,
    ):
        assert answer.status == 200, await answer.text()
    assert await staged_digests(proxied_server.server) == digests(large)


async def until_received(server: Server, size: int) -> None:
    """Wait until so many bytes of a file were received, for which there is no event."""
    incoming = server.data / "files" / "incoming"
    async with asyncio.timeout(PATIENCE):
        while sum(path.stat().st_size for path in incoming.iterdir()) < size:  # noqa: ASYNC110
            await asyncio.sleep(0.01)


async def test_refusal_in_the_middle(
    start_proxied_server: ProxiedServerStart, clients: Clients
) -> None:
    """A file that is too large is refused with its sentence while twine is still sending."""
    file = write_large_wheel(clients.folder, 32 * MIB, version="2.0")

    async with start_proxied_server(UPLOAD__MAX_FILE_SIZE=str(MIB)) as proxied_server:
        token = await proxied_server.server.new_token("demo", can="upload")
        done = await clients.twine_upload(f"{proxied_server.url}/legacy/", token, str(file))

    assert (done.code, "400 File too large. Limit for project" in done.output) == (1, True)


@pytest.mark.parametrize("path", ["", "simple/", "simple/demo/", "simple/other/", "pypi/demo/json"])
async def test_etags_stay_strong(proxied_server: ProxiedServer, path: str) -> None:
    """A page is unchanged: compressed by the server, with an ETag that gets 304."""
    stage = await proxied_server.server.stage(*STAGED)
    url = f"{stage.url}{path}"
    accept = {"Accept": f"{JSON_PAGE}, application/json; q=0.5", "Accept-Encoding": "gzip"}

    async with proxied_server.session() as session:
        async with session.get(url, headers=accept) as first:
            etag = first.headers["ETag"]
        async with session.get(url, headers={**accept, "If-None-Match": etag}) as again:
            pass

    assert (first.status, again.status, etag[0]) == (200, 304, '"')


@pytest.mark.parametrize("installer", INSTALLERS)
async def test_below_a_path(
    start_proxied_server: ProxiedServerStart, clients: Clients, installer: Installer
) -> None:
    """The server works below a path of another site, with the documented configuration."""
    files = clients.save(*STAGED)

    async with start_proxied_server("/staging", BELOW_A_PATH) as proxied_server:
        token = await proxied_server.server.new_token("demo", can="upload")
        uploaded = await clients.twine_upload(f"{proxied_server.url}/legacy/", token, *files)
        (stage_url,) = set(
            re.findall(rf"{proxied_server.url}/tmp/demo/stgv_\w+/", uploaded.ok().output)
        )
        _, done = await clients.install(installer, stage_url, "demo==2.0", "other")

    assert done.ok().code == 0
    assert [line for line in BELOW_A_PATH.values() if line not in HOW_TO] == []
