"""The audit trail in the API: the events of a stage, and verification of the trail."""

import re
from collections.abc import Sequence
from typing import Any

from aiohttp import web

from stageproxy.core.audit import AuditRecord, ChainCheck
from stageproxy.core.errors import InvalidRequestError
from stageproxy.core.stage.listing import rfc3339
from stageproxy.web.access.auth import authenticate
from stageproxy.web.documents.session_json import json_response, with_names
from stageproxy.web.keys import ACCESS, AUDIT

_DIGEST = re.compile(r"[0-9a-f]{64}")


async def show_audit(request: web.Request) -> web.Response:
    """Return what happened to a stage and who did it, oldest first.

    The audit trail is permanent: it outlives the stage.
    """
    token = await authenticate(request)
    return await _events(request, await request.app[AUDIT].show(token, request.match_info["id"]))


async def show_audit_without_stage(request: web.Request) -> web.Response:
    """Return what happened to API tokens, and the refusals that name no stage, oldest first."""
    token = await authenticate(request)
    return await _events(request, await request.app[AUDIT].show_without_stage(token))


async def verify_audit(request: web.Request) -> web.Response:
    """Verify the whole audit trail, and return its first changed or missing record."""
    token = await authenticate(request)
    check = await request.app[AUDIT].verify(token, _head(request))
    return json_response(_check_json(check))


async def _events(request: web.Request, records: Sequence[AuditRecord]) -> web.Response:
    names = await request.app[ACCESS].names()
    events = [with_names(_record_json(one), names, "actor") for one in records]
    return json_response({"events": events})


def _head(request: web.Request) -> str | None:
    head = request.query.get("head", "").lower()
    if head and not _DIGEST.fullmatch(head):
        raise InvalidRequestError("The head must be a digest of 64 hexadecimal digits.")
    return head or None


def _record_json(record: AuditRecord) -> dict[str, Any]:
    event = record.event
    return {
        "number": record.number,
        "at": rfc3339(event.at),
        "actor": event.actor,
        "action": event.action,
        "project": event.project,
        "version": event.version,
        "details": event.details,
        "digest": record.digest,
    }


def _check_json(check: ChainCheck) -> dict[str, Any]:
    return {
        "ok": check.broken is None,
        "records": check.end.number,
        "head": check.end.digest,
        "broken-at": check.broken.number if check.broken else None,
        "reason": check.broken.sentence if check.broken else None,
    }
