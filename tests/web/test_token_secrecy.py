"""The secrecy of tokens during the whole life of a stage."""

import asyncio
import io
import logging
from pathlib import Path
from typing import Any

import pytest

from stageproxy.core.rights import TOKEN_PATTERN
from tests.support.builders.distributions import a_wheel, an_sdist
from tests.support.clients.wire import a_request, exchange
from tests.support.database import execute
from tests.support.index.fake_index import FakeIndex, Quirks
from tests.support.servers.service import PIP, RunningService, prefix_of, running_service

# Besides the first token, which is stored in a file for the owner of the machine.
MAY_HOLD_A_TOKEN = {"admin.token"}


async def live(service: RunningService) -> list[str]:
    """Let a stage live a whole life, and return all tokens that were used."""
    tokens = [service.admin]
    tokens += [await service.token(can, "*") for can in ("upload", "manage", "admin")]
    stage = await service.staged(a_wheel(version="2.0"), an_sdist(version="2.0"))
    await service.upload(a_wheel(version="2.0", summary="Other"), token=tokens[1])
    for path in ("", "simple/demo/", "simple/other/", "a//b", "%zz", "account/", "../x"):
        await exchange(service.url, a_request(prefix_of(stage).removeprefix(service.url) + path))
    rotated = (await service.api("POST", f"stages/{stage['id']}/rotate")).document
    tokens += [stage["session-token"], rotated["session-token"]]
    await go_wrong(service, rotated, tokens)
    await service.api("DELETE", f"stages/{stage['id']}", tokens[2])
    await service.parts.expiry.sweep()
    return tokens


async def go_wrong(service: RunningService, stage: Any, tokens: list[str]) -> None:
    """Send invalid requests with tokens in them."""
    prefix = prefix_of(stage)
    service.index.quirks = Quirks(status=500)
    await service.get(f"{prefix}simple/demo/", PIP)
    service.index.quirks = Quirks()
    for token in tokens:
        await service.get("/health/live", Authorization=f"Bearer {token}", Referer=prefix)
        await service.upload(a_wheel("third"), token=token)
        await service.get(f"/boom/{token}")
        await exchange(service.url, f"GET {token} HTTP/1.1\r\n\r\n".encode())
        await exchange(service.url, f"GET /tmp/demo/{token}/ HTTP/7\r\n\r\n".encode())
        await exchange(service.url, f"GET / HTTP/1.1\r\nX {token}\r\n\r\n".encode())


def tokens_in(text: str, tokens: list[str]) -> list[str]:
    """Return the tokens in a text, whole or without their prefix."""
    found = [match[0] for match in TOKEN_PATTERN.finditer(text)]
    return found + [token for token in tokens if token[5:] in text]


async def test_log(service: RunningService, log: io.StringIO) -> None:
    """No line of any logger contains a token."""
    tokens = await live(service)
    await asyncio.sleep(0)

    assert "stageproxy.requests" in log.getvalue()
    assert "uploaded demo-2.0" in log.getvalue()
    assert tokens_in(log.getvalue(), tokens) == []


async def test_access_lines(service: RunningService, caplog: pytest.LogCaptureFixture) -> None:
    """No line of the access log contains a token before it is formatted."""
    caplog.set_level(logging.DEBUG, "stageproxy.requests")
    tokens = await live(service)

    lines = [one.getMessage() for one in caplog.records if one.name == "stageproxy.requests"]
    assert len(lines) > 30
    assert tokens_in("\n".join(lines), tokens) == []


async def test_data_directory(tmp_path: Path, index: FakeIndex) -> None:
    """No file of the data directory contains a token, the database and its log included."""
    data = tmp_path / "data"
    async with running_service(data, index) as service:
        tokens = await live(service)
        while_running = files_with_tokens(data, tokens)

    assert while_running == MAY_HOLD_A_TOKEN
    assert files_with_tokens(data, tokens) == MAY_HOLD_A_TOKEN


def files_with_tokens(data: Path, tokens: list[str]) -> set[str]:
    """Return the names of the files that contain a token."""
    files = [path for path in data.rglob("*") if path.is_file()]
    assert {"catalogue.db", "secret", "admin.token"} <= {path.name for path in files}
    return {path.name for path in files if tokens_in(path.read_bytes().decode("latin-1"), tokens)}


async def test_secrets_are_for_their_owner(service: RunningService) -> None:
    """Other users of the machine cannot read the data directory."""
    await service.staged(a_wheel(version="2.0"))

    for path in [service.data, *service.data.rglob("*")]:
        is_secret = path.name not in {"lock", "server.url"}
        assert not (is_secret and path.stat().st_mode & 0o077), path.name


async def test_internal_error(service: RunningService, log: io.StringIO) -> None:
    """An internal error is answered without details, and logged without tokens."""
    stage = await service.staged(a_wheel(version="2.0"))
    execute(service.data / "catalogue.db", "UPDATE stage SET opened_at = 'never'")

    answer = await service.get(prefix_of(stage))

    assert answer.status == 500
    assert answer.text.startswith("Internal server error. The server's log has its cause at ")
    assert "Traceback" in log.getvalue()
    assert tokens_in(log.getvalue(), [service.admin, stage["session-token"]]) == []
