"""Tokens in the catalogue: whether their rows are well formed, and which stage URLs open."""

import re
from collections.abc import Iterator, Sequence

from stageproxy.core.care.faults import Fault, error
from stageproxy.core.care.snapshot import Snapshot
from stageproxy.core.rights import ApiToken, TokenKind, derive_stage_token
from stageproxy.core.stage.stage import Stage

_SHA256 = re.compile(r"[0-9a-f]{64}")
_REVOKE = "Revoke it with `stageproxy token revoke`, and make a new one."
_ROTATE = (
    "Restore the file of the secret, or server.secret, as it was. If it is lost, give each stage a "
    "new URL with `stageproxy stage rotate`. URLs that were given out before still open."
)


def find_api_token_faults(tokens: Sequence[ApiToken]) -> Iterator[Fault]:
    """Return the rows of API tokens that no server writes."""
    for token in tokens:
        for sentence in _faults_of(token):
            yield error("token-malformed", f"API token {token.label}", sentence, _REVOKE)


def _faults_of(token: ApiToken) -> Iterator[str]:
    if token.kind is TokenKind.STAGE:
        yield "It is of the kind of stage tokens, which permits nothing."
    if not _SHA256.fullmatch(token.digest):
        yield "Its digest is no SHA-256, so it never opens anything."
    if token.expires_at is not None and token.expires_at <= token.created_at:
        yield "It expires before it was created."


def find_stage_token_faults(snapshot: Snapshot, secret: bytes | None) -> Iterator[Fault]:
    """Return the live stages whose stage URL, as the server shows it, does not open them.

    *secret*: that of the server, `None` if there is none.
    """
    rows = {(one.stage_id, one.rotation): one.digest for one in snapshot.stage_tokens}
    live = list(snapshot.live)
    if secret is None:
        if live:
            sentence = f"The secret of stage tokens is missing, so {_urls(live)} cannot be shown."
            yield error("secret-missing", "the secret", sentence, _ROTATE)
        return
    closed = [
        stage
        for stage in live
        if rows.get((stage.id, stage.rotation))
        != derive_stage_token(secret, stage.id, stage.rotation).digest
    ]
    if closed and len(closed) == len(live):
        sentence = f"The secret of stage tokens has changed: {_urls(live)} no longer open."
        yield error("secret-changed", "the secret", sentence, _ROTATE)
        return
    for stage in closed:
        yield error(
            "stage-url-closed",
            f"stage {stage.release} ({stage.id})",
            "The URL that the server shows for it does not open: it was made with another secret.",
            f"Give it a new URL with `stageproxy stage rotate {stage.id}`.",
        )


def _urls(stages: Sequence[Stage]) -> str:
    count = len(stages)
    return "the URL of 1 live stage" if count == 1 else f"the URLs of {count} live stages"
