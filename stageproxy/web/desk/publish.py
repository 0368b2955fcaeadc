"""Publishing from the desk: a page with what is approved, and the form that approves it."""

from collections.abc import Mapping
from typing import Any

from aiohttp import web

from stageproxy.core.errors import InvalidRequestError
from stageproxy.core.promotion.examination import Examination, PromotionRequest
from stageproxy.core.promotion.looks import LookKind, change_sentence
from stageproxy.core.promotion.promotion import Publisher
from stageproxy.core.review.findings import ReviewFinding, Section
from stageproxy.core.review.review import ReviewState
from stageproxy.core.rights import actor_label
from stageproxy.core.rules.findings import HEADINGS, Level, in_order, texts_by_level
from stageproxy.core.stage.manifest import manifest_digest
from stageproxy.core.stage.order import in_promotion_order
from stageproxy.services.promotion.looks import History
from stageproxy.services.sessions import SignedIn
from stageproxy.web.answers.departures import while_connected
from stageproxy.web.desk.answers import (
    Form,
    change_of_signed_in,
    desk_page,
    for_signed_in,
    see_other,
)
from stageproxy.web.keys import LOOKS, PROMOTIONS, REVIEWS

_COMPARING = (
    "The review is still comparing this release with the last one, so that more may be found. "
    "Reload this page to see it."
)
_REVIEW_NOTICES: Mapping[ReviewState, str] = {
    ReviewState.WAITING: _COMPARING,
    ReviewState.RUNNING: _COMPARING,
    ReviewState.FAILED: (
        "The review could not compare the contents of this release with the last one. Look at them "
        "yourself before you publish."
    ),
}
_LOUD = frozenset({Level.REFUSE, Level.WARN})
_CONTENTS = frozenset({Section.SUPPLY_CHAIN, Section.PARITY})
_LONGEST_NUMBER = 18


@for_signed_in
async def ask_publish(request: web.Request, signed_in: SignedIn) -> web.StreamResponse:
    """Return the page that shows what would be published, and asks for it."""
    promotions, looks = request.app[PROMOTIONS], request.app[LOOKS]
    token = signed_in.token
    async with while_connected(request):
        examination = await promotions.examine(token, request.match_info["id"], Publisher.SERVER)
    stage = examination.stage
    missing = await promotions.missing_credential(stage)
    review = await request.app[REVIEWS].of(stage)
    history = await looks.history(token, stage)
    await looks.record(token, stage, LookKind.QUESTION)
    return desk_page(
        request,
        "publish.html",
        signed_in,
        missing=missing,
        review_notice=_REVIEW_NOTICES.get(review.progress.state, ""),
        loud=[one for one in review.findings if _is_loud(one)],
        target=promotions.get_publish_target().urls,
        **_shown(examination, history),
    )


@change_of_signed_in
async def desk_publish(request: web.Request, signed_in: SignedIn, form: Form) -> web.StreamResponse:
    """Start the promotion that was approved, as `POST /api/stages/{id}/promotion` does."""
    stage_id = request.match_info["id"]
    order = PromotionRequest(
        manifest_digest=form.get("manifest-digest", ""),
        acknowledged=form.get("acknowledged", ""),
        revision=_revision_in(form),
    )
    await request.app[PROMOTIONS].start(signed_in.token, stage_id, order)
    return see_other(request, f"/desk/stages/{stage_id}?done=publish")


def _is_loud(finding: ReviewFinding) -> bool:
    """Return whether the review found something to decide about that the verdict does not have.

    Contents that could not be read are such a thing: they may be made so that nobody reads them.
    """
    is_unread = finding.level is Level.UNKNOWN and finding.section in _CONTENTS
    return is_unread or (finding.level in _LOUD and finding.section is not Section.VERDICT)


def _shown(examination: Examination, history: History) -> dict[str, Any]:
    """Return what the page shows of an examination, and what has changed."""
    stage, names = examination.stage, history.names
    since = history.since_look
    return {
        "stage": stage,
        "artifacts": in_promotion_order(stage.artifacts),
        "published": examination.published,
        "uploaders": {
            one.uploaded_by: actor_label(one.uploaded_by, names) for one in stage.artifacts
        },
        "digest": manifest_digest(stage.artifacts),
        "since": since.since,
        "changes": [(one.filename, change_sentence(one, names)) for one in since.changes],
        "other_forms": [(one.filename, change_sentence(one, names)) for one in history.forms],
        "findings": texts_by_level(in_order(examination.findings)),
        "headings": HEADINGS,
        "is_refused": bool(examination.at_level(Level.REFUSE)),
        "warnings": examination.warnings,
        "warnings_digest": examination.warnings_digest,
        "notices": examination.notices,
    }


def _revision_in(form: Form) -> int:
    """Return the revision that was shown. It is needed: a digest does not cover the forms."""
    text = form.get("revision", "")
    if not text.isascii() or not text.isdecimal() or len(text) > _LONGEST_NUMBER:
        raise InvalidRequestError("The form names no revision of the stage. Open its page again.")
    return int(text)
