"""Here is which refusals get into the audit trail: of writes, and only to known API tokens.

What anybody can be refused for without a token is in the log alone: the trail
is kept for good, and nobody unknown may fill the disk with it.
"""

from aiohttp import web

from stageproxy.core.errors import StageproxyError
from stageproxy.core.rights import parse_token
from stageproxy.services.audit import Refusal
from stageproxy.web.keys import AUDIT, BEARER

_WRITES = frozenset({"POST", "PUT", "PATCH", "DELETE"})
_IS_READ_ONLY = web.RequestKey("is-read-only", bool)


def mark_read_only(request: web.Request) -> None:
    """Say that a request is no write, whatever its method."""
    request[_IS_READ_ONLY] = True


async def record_refusal(request: web.Request, error: StageproxyError) -> None:
    """Add the refusal of a write to the audit trail."""
    bearer = request.get(BEARER)
    if bearer is None or request.method not in _WRITES or request.get(_IS_READ_ONLY):
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
