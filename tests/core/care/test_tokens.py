"""Tokens in the catalogue: rows that no server writes, and stage URLs that do not open."""

from dataclasses import replace
from datetime import timedelta

import pytest

from stageproxy.core.care.snapshot import Snapshot, StageTokenRow
from stageproxy.core.care.tokens import find_api_token_faults, find_stage_token_faults
from stageproxy.core.rights import ApiToken, TokenKind, derive_stage_token
from stageproxy.core.stage.stage import Status
from tests.support.builders.stages import a_stage
from tests.support.ports.clock import NOON

TOKEN = ApiToken("t1", TokenKind.UPLOAD, "demo", None, "0" * 64, NOON)
FIRST, SECOND = replace(a_stage(), id="s1"), replace(a_stage("3.0"), id="s2")
SECRET, OTHER = b"secret", b"another"


def a_row(stage_id: str, secret: bytes = SECRET, rotation: int = 0) -> StageTokenRow:
    """Return the row of a stage token."""
    digest = derive_stage_token(secret, stage_id, rotation).digest
    return StageTokenRow(digest, stage_id, rotation)


@pytest.mark.parametrize(
    ("token", "sentence"),
    [
        (replace(TOKEN, kind=TokenKind.STAGE), "It is of the kind of stage tokens"),
        (replace(TOKEN, digest="0" * 63), "Its digest is no SHA-256"),
        (replace(TOKEN, digest="X" * 64), "Its digest is no SHA-256"),
        (replace(TOKEN, expires_at=NOON - timedelta(days=1)), "It expires before it was created."),
    ],
    ids=["kind", "short digest", "no hex", "expiry"],
)
def test_malformed(token: ApiToken, sentence: str) -> None:
    """A row of an API token that no server writes is a fault."""
    (fault,) = find_api_token_faults([token])

    assert fault.sentence.startswith(sentence)


def test_well_formed() -> None:
    """Tokens as the server writes them are no faults."""
    expiring = replace(TOKEN, expires_at=NOON + timedelta(days=1), revoked_at=NOON)

    assert list(find_api_token_faults([TOKEN, expiring])) == []


@pytest.mark.parametrize(
    ("rows", "secret", "kinds"),
    [
        ([a_row("s1"), a_row("s2")], SECRET, []),
        ([a_row("s1"), a_row("s2")], OTHER, ["secret-changed"]),
        ([a_row("s1"), a_row("s2")], None, ["secret-missing"]),
        ([a_row("s1"), a_row("s2", OTHER)], SECRET, ["stage-url-closed"]),
        ([a_row("s1")], SECRET, ["stage-url-closed"]),
        ([a_row("s1"), a_row("s2"), a_row("s1", OTHER, -1)], SECRET, []),
    ],
    ids=["same", "changed", "lost", "one of another", "one without a row", "a former one"],
)
def test_stage_urls(rows: list[StageTokenRow], secret: bytes | None, kinds: list[str]) -> None:
    """A secret that was lost or changed is one fault; otherwise each stage that is closed."""
    snapshot = Snapshot([FIRST, SECOND], stage_tokens=rows)

    assert [one.kind for one in find_stage_token_faults(snapshot, secret)] == kinds


def test_secret_is_needed_by_live_stages_only() -> None:
    """Without live stages, no secret is missed."""
    ended = replace(FIRST, status=Status.CANCELED, ended_at=NOON)

    assert list(find_stage_token_faults(Snapshot([ended]), None)) == []
