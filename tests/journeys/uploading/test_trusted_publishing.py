"""CI jobs upload without a stored secret: real clients, behind nginx with TLS."""

import json
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.clients.tools import Tools
from tests.support.clients.uploaders import UPLOADERS, Release, Uploader, UploaderRunner
from tests.support.servers.issuer import Issuer, running_issuer
from tests.support.servers.nginx import Certificates, ProxiedServer, ProxiedServerStart
from tests.support.servers.processes import own_environment, run

pytestmark = pytest.mark.journey

RUN = "octo/demo release.yml"
PUBLISHER = (
    "repository=octo/demo",
    "repository_id=74",
    "repository_owner_id=65",
    "workflow=release.yml",
)


@dataclass(frozen=True, slots=True)
class Scene:
    """A server behind nginx that trusts a job, and what the job has in its environment."""

    proxied: ProxiedServer
    issuer: Issuer
    authorities: Path

    @property
    def job(self) -> dict[str, str]:
        """The environment of the job, besides that of every client."""
        names = ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "PIP_CERT")
        return {**self.issuer.variables, **dict.fromkeys(names, str(self.authorities))}


@pytest.fixture
async def scene(
    start_proxied_server: ProxiedServerStart,
    certificates: Certificates,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> AsyncIterator[Scene]:
    """Run a server behind nginx, and an issuer that it trusts."""
    async with running_issuer() as issuer:
        authorities = tmp_path / "authorities.pem"
        authorities.write_bytes(certificates.authority.read_bytes())
        issuer.authority.cert_pem.write_to_path(str(authorities), append=True)
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(authorities))
        async with start_proxied_server(OIDC__ISSUERS=issuer.url) as proxied:
            scene = Scene(proxied, issuer, authorities)
            arguments = ("publisher", "add", "demo", "github", *PUBLISHER)
            (await proxied.server.command(*arguments, "--issuer", issuer.url)).ok()
            yield scene


def without_secret(uploader: Uploader, *names: str) -> Uploader:
    """Return an uploader that is given no credential."""
    variables = {name: value for name, value in uploader.variables.items() if name not in names}
    return Uploader(
        uploader.name,
        uploader.command,
        variables,
        backend=uploader.backend,
        settings=uploader.settings,
    )


async def uploaded_by(scene: Scene) -> set[str]:
    """Return who has uploaded the files of the one stage."""
    _, body = await scene.proxied.server.ask("GET", "/api/stages?project=demo")
    [stage] = json.loads(body)["stages"]
    return {str(one["uploaded-by-name"]) for one in stage["files"].values()}


CLIENTS = {
    "uv": (without_secret(UPLOADERS["uv"], "UV_PUBLISH_TOKEN"), ("--trusted-publishing", "always")),
    "pdm": (
        without_secret(UPLOADERS["pdm"], "PDM_PUBLISH_USERNAME", "PDM_PUBLISH_PASSWORD"),
        (),
    ),
}


@pytest.mark.parametrize("name", CLIENTS)
async def test_clients_that_ask_by_themselves(
    scene: Scene, tools: Tools, tmp_path: Path, name: str
) -> None:
    """Uv and pdm exchange the identity of the job for a token, and upload with it."""
    uploader, more = CLIENTS[name]
    runner = UploaderRunner(tmp_path, tools, more=scene.job)

    done = await runner.upload(uploader, Release("demo"), f"{scene.proxied.url}/legacy/", "", *more)

    assert done.code == 0, done.output
    assert all(one.startswith(RUN) for one in await uploaded_by(scene))


async def test_twine(scene: Scene, tools: Tools, tmp_path: Path) -> None:
    """Twine uploads with a token of `stageproxy oidc token`, which the log of the job hides."""
    command = (sys.executable, "-m", "stageproxy", "oidc", "token", "--server", scene.proxied.url)
    minted = (await run(*command, environment={**own_environment(), **scene.job})).ok()
    token = minted.stdout.strip()
    runner = UploaderRunner(tmp_path, tools, more=scene.job)

    url = f"{scene.proxied.url}/legacy/"
    done = await runner.upload(UPLOADERS["twine"], Release("demo"), url, token)

    assert minted.stderr.strip() == f"::add-mask::{token}"
    assert done.code == 0, done.output
    assert await uploaded_by(scene) == {f"{RUN} 1"}


async def test_uv_gives_its_token_back(scene: Scene, tools: Tools, tmp_path: Path) -> None:
    """The token of uv is not valid any more when uv has ended."""
    uploader, more = CLIENTS["uv"]
    runner = UploaderRunner(tmp_path, tools, more=scene.job)

    await runner.upload(uploader, Release("demo"), f"{scene.proxied.url}/legacy/", "", *more)

    listed = (await scene.proxied.server.command("token", "list", "--json")).ok()
    assert RUN not in listed.stdout
    trail = (await scene.proxied.server.command("audit", "--tokens", "--json")).ok()
    actions = [one["action"] for one in trail.document["events"]]
    assert actions[-2:] == ["token-minted", "token-revoked"]
