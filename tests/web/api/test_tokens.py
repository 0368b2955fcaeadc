"""Tokens in /api/: made by admins, shown once, identified by their digest."""

from typing import Any

import pytest

from stageproxy.core.rights import TOKEN_PATTERN
from tests.support.servers.service import RunningService


async def test_make_token(service: RunningService) -> None:
    """A new token is shown once, with its rights."""
    answer = await service.api(
        "POST", "tokens", can="upload", project="Demo", version="2.0", expires="30d"
    )

    made = answer.document
    assert answer.status == 201
    assert TOKEN_PATTERN.fullmatch(made.pop("token"))
    assert made == {
        "id": made["id"],
        "name": "upload demo 2.0",
        "project": "demo",
        "version": "2.0",
        "can": "upload",
        "created-at": "2026-11-22T12:00:00.123456Z",
        "expires-at": "2026-12-22T12:00:00.123456Z",
        "revoked-at": None,
    }


@pytest.mark.parametrize("order", [{"can": "dance"}, {"project": "-"}, {"expires": "0"}, {"x": 1}])
async def test_wrong_order(service: RunningService, order: Any) -> None:
    """An invalid request makes no token."""
    answer = await service.api("POST", "tokens", **{"can": "upload", "project": "demo", **order})

    assert answer.status == 400


@pytest.mark.parametrize("name", ["", "two\nlines", "x" * 65, "stgu_" + "0" * 38])
async def test_wrong_name(service: RunningService, name: str) -> None:
    """A text that is no name makes no token, and is not in the response."""
    answer = await service.api("POST", "tokens", can="upload", project="demo", name=name)

    assert answer.status == 400
    assert "name" in answer.text
    assert not TOKEN_PATTERN.search(answer.text)


async def test_name_is_taken(service: RunningService) -> None:
    """Two valid tokens cannot have the same name; a revoked one leaves its name to another."""
    order = {"can": "upload", "project": "demo", "name": "ci"}
    first = await service.api("POST", "tokens", **order)

    second = await service.api("POST", "tokens", **order)

    assert second.status == 409
    assert second.document["detail"] == (
        "A valid API token is already named 'ci'. Choose another name, or revoke that token first."
    )
    await service.api("DELETE", f"tokens/{first.document['id']}")
    assert (await service.api("POST", "tokens", **order)).status == 201


async def test_names_without_a_choice(service: RunningService) -> None:
    """A token without a name is named after what it permits; the first one is `admin`."""
    for order in [("upload", "demo"), ("upload", "demo"), ("manage", "*")]:
        await service.token(*order)

    listed = (await service.api("GET", "tokens")).document["tokens"]

    assert {one["name"] for one in listed} == {
        "admin",
        "upload demo",
        "upload demo #2",
        "manage every project",
    }


async def test_list_of_tokens(service: RunningService) -> None:
    """The list of tokens contains neither a token nor a digest of one."""
    token = await service.token()

    answer = await service.api("GET", "tokens")

    assert len(answer.document["tokens"]) == 2
    assert not TOKEN_PATTERN.search(answer.text)
    assert token not in answer.text
    assert "digest" not in answer.text


async def test_revoke_unknown(service: RunningService) -> None:
    """An unknown token cannot be revoked."""
    assert (await service.api("DELETE", "tokens/12345678")).status == 404
