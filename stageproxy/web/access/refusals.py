"""The refusals that the audit trail records: those of writes, to known API tokens.

Refusals without a known token are only logged. The trail is permanent, and
unknown clients must not be able to fill the disk with it.
"""

from aiohttp import web

from stageproxy.core.errors import Kind, StageproxyError
from stageproxy.core.rights import parse_token
from stageproxy.services.audit import Refusal
from stageproxy.web.keys import AUDIT
from stageproxy.web.request_keys import BEARER

_NO_REFUSALS = frozenset({Kind.TOO_SLOW, Kind.DAMAGED})
_WRITES = frozenset({"POST", "PUT", "PATCH", "DELETE"})
_IS_READ_ONLY = web.RequestKey("is-read-only", bool)


def mark_read_only(request: web.Request) -> None:
    """Mark a request as no write, whatever its method."""
    request[_IS_READ_ONLY] = True


async def record_refusal(request: web.Request, error: StageproxyError) -> None:
    """Add the refusal of a write to the audit trail.

    A request that never arrived is none, nor is a failure of the server.
    """
    bearer = request.get(BEARER)
    is_write = request.method in _WRITES and not request.get(_IS_READ_ONLY)
    if bearer is None or not is_write or error.kind in _NO_REFUSALS:
        return
    resource = request.match_info.route.resource
    opened = parse_token(request.match_info.get("token", ""))
    refusal = Refusal(
        method=request.method,
        route=resource.canonical if resource else "",
        sentence=error.sentence,
        stage_id=request.match_info.get("id"),
        stage_token=opened.digest if opened else None,
    )
    await request.app[AUDIT].record_refusal(bearer, refusal)
