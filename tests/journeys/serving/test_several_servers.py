"""Two servers behind nginx, over one PostgreSQL database and one bucket: real clients see one."""

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from tests.support.builders.distributions import Distribution, a_wheel, an_sdist
from tests.support.clients.clients import INSTALLERS, Clients
from tests.support.clients.pep694 import META, ROOT, UPLOAD_2_0
from tests.support.index.fake_index import FakeIndex
from tests.support.servers.cluster import Cluster, SharedStores, running_proxied_cluster
from tests.support.servers.nginx import Certificates, ProxiedServer
from tests.support.servers.processes import assert_no_token_is_logged
from tests.support.servers.s3 import S3Server
from tests.support.servers.workers import Load

pytestmark = pytest.mark.journey

WHEEL = a_wheel("demo", "2.0", requires_dist=["helper"])
SDIST = an_sdist("demo", "2.0")
BY_UV = a_wheel("demo", "2.0", tag="py2-none-any")
BY_PEP_694 = a_wheel("demo", "2.0", tag="cp39-none-any")
STAGED = (WHEEL, SDIST, BY_UV, BY_PEP_694)


@dataclass(frozen=True, slots=True)
class TwoServers:
    """Two servers, and what clients see of them."""

    cluster: Cluster
    front: ProxiedServer

    async def ask(
        self, method: str, url: str, body: bytes | None = None, kind: str = UPLOAD_2_0
    ) -> Any:
        """Return the document of an answer through nginx, which has to be a success."""
        headers = {"Content-Type": kind}
        whole = url if "://" in url else self.front.url + url
        async with (
            self.front.session() as session,
            session.request(method, whole, data=body, headers=headers) as answer,
        ):
            text = await answer.text()
        assert answer.status < 300, text
        return json.loads(text) if text else None


@pytest.fixture
async def two_servers(
    tmp_path: Path, upstream: FakeIndex, stores: SharedStores, certificates: Certificates
) -> AsyncIterator[TwoServers]:
    """Run two servers behind nginx; their output has no token."""
    settings = {"UPSTREAM__URL": upstream.url}
    async with running_proxied_cluster(tmp_path, 2, stores, settings, certificates) as running:
        yield TwoServers(*running)
    for one in running[0].servers:
        assert_no_token_is_logged(one.logs)


@pytest.fixture
def clients(clients_with_system_pip: Clients, certificates: Certificates) -> Clients:
    """Return clients that trust the certificate, with the pip of this environment."""
    return replace(clients_with_system_pip, authority=certificates.authority)


async def upload_by_pep_694(servers: TwoServers, file: Distribution) -> None:
    """Upload a file of a release message by message, each to another server."""

    def message(**document: Any) -> bytes:
        return json.dumps({"meta": META, **document}).encode()

    session = await servers.ask("POST", ROOT, message(name="demo", version="2.0"))
    announced = message(
        filename=file.filename,
        size=len(file.content),
        hashes={"sha256": file.sha256},
        mechanism="http-post-bytes",
    )
    upload = await servers.ask("POST", session["links"]["upload"], announced)
    url = upload["mechanism"]["file_url"]
    await servers.ask("POST", url, file.content, "application/octet-stream")
    await servers.ask("POST", upload["links"]["complete"], message())


def answered(cluster: Cluster, text: str) -> list[bool]:
    """Return for each server whether it has logged a text."""
    return [any(text in line for line in one.log_lines()) for one in cluster.servers]


async def test_real_clients(two_servers: TwoServers, clients: Clients) -> None:
    """What twine, uv and a client of PEP 694 upload to either server, pip and uv install."""
    front, url = two_servers.front, f"{two_servers.front.url}/legacy/"
    token = await front.server.new_token("demo", can="upload")

    await upload_by_pep_694(two_servers, BY_PEP_694)
    (await clients.twine_upload(url, token, *clients.save(WHEEL, SDIST))).ok()
    (await clients.uv_publish(url, token, *clients.save(BY_UV))).ok()
    [stage] = (await two_servers.ask("GET", "/api/stages"))["stages"]
    installing = [
        clients.install(one, f"{stage['links']['stage']}simple/", "demo") for one in INSTALLERS
    ]
    done = await asyncio.gather(*installing)

    hashes = {name: file["hashes"]["sha256"] for name, file in stage["files"].items()}
    assert hashes == {one.filename: one.sha256 for one in STAGED}
    for python, result in done:
        result.ok()
        assert await clients.installed(python) == {"demo": "2.0", "helper": "1.0"}
    assert answered(two_servers.cluster, "POST /legacy/") == [True, True]


async def test_redirected_installers(
    tmp_path: Path,
    upstream: FakeIndex,
    stores: SharedStores,
    ministack: S3Server,
    certificates: Certificates,
    clients: Clients,
) -> None:
    """Pip and uv install from a store that checks signatures, to which they are redirected."""
    checking = replace(stores, s3=ministack, bucket=ministack.create_bucket())
    settings = {"UPSTREAM__URL": upstream.url, "S3__REDIRECT": "true"}
    running = running_proxied_cluster(tmp_path, 2, checking, settings, certificates)
    async with running as (cluster, front):
        stage = await front.server.stage(WHEEL)
        done = await asyncio.gather(
            *(clients.install(one, f"{stage.url}simple/", "demo") for one in INSTALLERS)
        )

        for python, result in done:
            result.ok()
            assert await clients.installed(python) == {"demo": "2.0", "helper": "1.0"}
        assert any(answered(cluster, f"{WHEEL.filename} 307"))


async def test_rolling_restart(two_servers: TwoServers) -> None:
    """While one server after the other is restarted, no page fails, and nothing is lost."""
    cluster, front = two_servers.cluster, two_servers.front
    stage = await front.server.stage(a_wheel("demo", "2.0"))
    load = Load(front.url, cluster.admin_token, front.tls)

    async with load.running(stage):
        for one in cluster.servers:
            await load.until_more(10)
            await one.end()
            await load.until_more(10)
            await one.start()
            await load.until_more(10)
    stored = {name for (name,) in cluster.ask("SELECT filename FROM artifact")}

    # nginx sends no upload again that a server may have received in the moment that it stopped.
    assert [one for one in load.failures if not one.startswith("upload: 502")] == []
    assert load.broken == 0
    assert load.staged.keys() - stored == set()
