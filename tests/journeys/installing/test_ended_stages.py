"""Ended stages, rotated URLs, and tokens without permission."""

import asyncio
import json
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from tests.support.builders.distributions import a_wheel
from tests.support.clients.clients import INSTALLERS, Clients, Installer
from tests.support.servers.processes import Server, StageLinks

pytestmark = pytest.mark.journey

STAGED = a_wheel("demo", "2.0")
REFUSED = {"pip": 1, "uv": 2}
LIFETIME = "2s"

End = Callable[[Server], Coroutine[Any, Any, StageLinks]]


async def canceled(server: Server) -> StageLinks:
    """Return a stage that was canceled with the command."""
    stage = await server.stage(STAGED)
    (await server.command("stage", "cancel", stage.url)).ok()
    return stage


async def expired(server: Server) -> StageLinks:
    """Return a stage that expired."""
    stage = await server.open_stage(name="demo", version="2.0", lifetime=LIFETIME)
    await server.stage(STAGED)
    assert (await server.ask("GET", f"{stage.index}demo/"))[0] == 200
    for _ in range(100):
        if (await server.ask("GET", f"{stage.index}demo/"))[0] == 410:
            return stage
        await asyncio.sleep(0.2)
    raise AssertionError("The stage does not expire.")


async def rotated(server: Server) -> StageLinks:
    """Return a stage as it was before its URL was rotated."""
    stage = await server.stage(STAGED)
    (await server.command("stage", "rotate", stage.id)).ok()
    return stage


@pytest.mark.parametrize("installer", INSTALLERS)
@pytest.mark.parametrize("end", [canceled, expired, rotated])
async def test_install_from_an_ended_stage(
    server: Server, clients: Clients, installer: Installer, end: End
) -> None:
    """Nothing is installed, not even what upstream lists; the status is 410."""
    stage = await end(server)

    python, done = await clients.install(installer, stage.index, "demo")

    assert (done.code, "410" in done.output) == (REFUSED[installer], True), done.output
    assert await clients.installed(python) == {}


@pytest.mark.parametrize("installer", INSTALLERS)
async def test_install_after_a_rotation(
    server: Server, clients: Clients, installer: Installer
) -> None:
    """A stage works as before under its new URL."""
    stage = await server.stage(STAGED)
    document = (await server.command("stage", "rotate", stage.id, "--json")).ok().document

    new_index = f"{document['links']['stage']}simple/"
    python, done = await clients.install(installer, new_index, "demo")

    done.ok()
    assert new_index != stage.index
    assert await clients.installed(python) == {"demo": "2.0"}


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        pytest.param("DELETE", "/api/stages/{id}", None, id="cancel"),
        pytest.param("POST", "/api/stages/{id}/extend", {"extend-for": "1d"}, id="extend"),
        pytest.param("POST", "/api/stages/{id}/rotate", None, id="rotate"),
        pytest.param("GET", "/api/tokens", None, id="list-tokens"),
        pytest.param("POST", "/api/tokens", {"project": "demo", "can": "upload"}, id="make-token"),
    ],
)
async def test_upload_token_over_http(
    server: Server, method: str, path: str, body: dict[str, str] | None
) -> None:
    """An upload token, as in a CI system, gets 403 and changes nothing."""
    stage = await server.stage(STAGED)
    token = await server.new_token("demo", can="upload")
    before = await server.ask("GET", f"/api/stages/{stage.id}")

    status, answer = await server.ask(method, path.format(id=stage.id), token=token, body=body)

    assert (status, json.loads(answer)["status"]) == (403, 403)
    assert await server.ask("GET", f"/api/stages/{stage.id}") == before


@pytest.mark.parametrize(
    "command",
    [
        pytest.param(("stage", "cancel", "{stage}"), id="cancel"),
        pytest.param(("stage", "extend", "{stage}", "--by", "1d"), id="extend"),
        pytest.param(("stage", "rotate", "{stage}"), id="rotate"),
        pytest.param(("token", "list"), id="list-tokens"),
        pytest.param(("token", "new", "--project", "demo", "--can", "upload"), id="make-token"),
    ],
)
async def test_upload_token_with_the_command(server: Server, command: tuple[str, ...]) -> None:
    """The command with an upload token exits with 1, the reason on stderr, nothing on stdout."""
    stage = await server.stage(STAGED)
    token = await server.new_token("demo", can="upload")
    before = await server.ask("GET", f"/api/stages/{stage.id}")

    done = await server.command(*(part.format(stage=stage.url) for part in command), token=token)

    assert (done.code, done.stdout) == (1, "")
    assert "Error: This API token cannot" in done.stderr
    assert await server.ask("GET", f"/api/stages/{stage.id}") == before
