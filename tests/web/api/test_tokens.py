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
