"""The document of a stage as of now: its progress and its findings, read for each answer."""

from typing import Any

from aiohttp import web

from stageproxy.core.rights import ApiToken
from stageproxy.core.stage.stage import Stage
from stageproxy.web.documents.session_json import Api, Facts
from stageproxy.web.keys import ACCESS, DOCUMENTS, PROMOTION_REPORTS, SESSION_JSON, STAGE_FINDINGS


async def stage_document(
    request: web.Request, stage: Stage, token: ApiToken | None, api: Api, **meta: str
) -> dict[str, Any]:
    """Return a stage as JSON, with the links that *token* permits. *meta*: more of its `meta`."""
    findings = await request.app[STAGE_FINDINGS].of(stage)
    facts = Facts(
        journal=await request.app[PROMOTION_REPORTS].journal_of(stage),
        names=await request.app[ACCESS].names(),
        findings=findings,
        outage=request.app[DOCUMENTS].outage_notice(stage),
    )
    stage = await request.app[DOCUMENTS].md5s.complete(stage)
    return request.app[SESSION_JSON].of(stage, token, api, facts, **meta)
