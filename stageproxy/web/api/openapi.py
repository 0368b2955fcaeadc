"""GET /api/openapi.json, and the operation of each route. A new route needs a line here."""

from http import HTTPStatus

from aiohttp import web

from stageproxy.core.errors import Kind
from stageproxy.web.answers.conditional import conditional
from stageproxy.web.answers.headers import PRIVATE
from stageproxy.web.api import limits, promotion, publishers, stages, tokens, ways_out
from stageproxy.web.api.audit import show_audit, show_audit_without_stage, verify_audit
from stageproxy.web.api.check import CheckFile, check_file
from stageproxy.web.api.evidence import NewEvidence, add_evidence, list_evidence
from stageproxy.web.api.openapi_document import Operation, Operations
from stageproxy.web.api.probe import receive_probe, show_probes
from stageproxy.web.api.publishers import AddPublisher
from stageproxy.web.api.review import show_review
from stageproxy.web.api.sweep import OrderSweep, sweep
from stageproxy.web.documents.token_orders import MakeToken
from stageproxy.web.keys import OPENAPI


async def show_openapi(request: web.Request) -> web.StreamResponse:
    """Return this document."""
    document = request.app[OPENAPI]
    headers = {
        "Content-Type": document.content_type,
        "Cache-Control": PRIVATE,
        "Vary": "Accept-Encoding",
    }
    return await conditional(request, document, headers)


_UPSTREAM = (Kind.UPSTREAM_UNAVAILABLE,)
_CHANGE = (Kind.NOT_FOUND, Kind.GONE, Kind.CONFLICT)

OPERATIONS: Operations = {
    show_openapi: Operation("Description", is_public=True),
    check_file: Operation("Verdict", body=CheckFile),
    stages.open_stage: Operation(
        "Stage",
        (Kind.CONFLICT, Kind.TOO_MANY),
        body=stages.OpenStage,
        status=HTTPStatus.CREATED,
        has_location=True,
    ),
    stages.list_stages: Operation(
        "Stages",
        query={
            "project": "Only the stages of this project.",
            "limit": "How many stages at most, 1 to 1000; by default 200.",
            "after": "`next` of the page before this one.",
        },
    ),
    stages.show_stage: Operation(
        "Stage", (Kind.NOT_FOUND,), query={"look": "`true` if a person reads the stage now."}
    ),
    stages.cancel_stage: Operation(
        "Stage",
        _CHANGE,
        query={"only-if-empty": "With `true`, a stage with files is a conflict: 409."},
    ),
    show_review: Operation("Review", (Kind.NOT_FOUND, Kind.GONE)),
    stages.extend_stage: Operation("Stage", _CHANGE, body=stages.ExtendStage),
    stages.rotate_stage: Operation("Stage", (Kind.NOT_FOUND, Kind.GONE)),
    stages.remove_file: Operation("Stage", _CHANGE),
    list_evidence: Operation("EvidenceOfStage", (Kind.NOT_FOUND,)),
    add_evidence: Operation(
        "ReportedEvidence",
        (*_CHANGE, Kind.TOO_MANY),
        body=NewEvidence,
        status=HTTPStatus.CREATED,
    ),
    promotion.plan_promotion: Operation(
        "PromotionPlan", (*_CHANGE, *_UPSTREAM), body=promotion.PlanPromotion
    ),
    promotion.start_promotion: Operation(
        "Promotion",
        (*_CHANGE, *_UPSTREAM),
        body=promotion.StartPromotion,
        status=HTTPStatus.ACCEPTED,
    ),
    promotion.show_promotion: Operation("Promotion", (Kind.NOT_FOUND,)),
    promotion.report_promotion: Operation(
        "Promotion",
        (Kind.NOT_FOUND, Kind.CONFLICT, *_UPSTREAM),
        body=promotion.ReportPromotion,
    ),
    ways_out.stop_promotion: Operation("Promotion", _CHANGE),
    ways_out.give_up_stage: Operation("Promotion", _CHANGE),
    promotion.show_receipt: Operation("Receipt", (Kind.NOT_FOUND, Kind.CONFLICT)),
    promotion.show_form: Operation("Form", (Kind.NOT_FOUND,)),
    show_audit: Operation("AuditTrail", (Kind.NOT_FOUND,)),
    show_audit_without_stage: Operation("AuditTrail"),
    verify_audit: Operation(
        "AuditCheck", query={"head": "An earlier head of the trail, from the server's log."}
    ),
    show_probes: Operation("Probe"),
    receive_probe: Operation("Probe"),
    sweep: Operation("Sweep", body=OrderSweep),
    limits.show_limits: Operation("Limits"),
    limits.show_project_limits: Operation("Limits"),
    publishers.add_publisher: Operation(
        "TrustedPublisher", (Kind.CONFLICT,), body=AddPublisher, status=HTTPStatus.CREATED
    ),
    publishers.list_publishers: Operation("TrustedPublishers"),
    publishers.remove_publisher: Operation("TrustedPublisher", (Kind.NOT_FOUND,)),
    tokens.make_token: Operation(
        "NewApiToken", (Kind.CONFLICT,), body=MakeToken, status=HTTPStatus.CREATED
    ),
    tokens.list_tokens: Operation("ApiTokens"),
    tokens.revoke_token: Operation("ApiToken", (Kind.NOT_FOUND,)),
}
"""The operations of all routes below /api/, by handler."""
