"""Here is /api/stages/{id}/promotion: planned, begun, shown, told of, and the receipt."""

from datetime import datetime
from http import HTTPStatus
from typing import Annotated, Self

from aiohttp import web
from pydantic import AwareDatetime, Field, SecretStr, StringConstraints, model_validator

from stageproxy.core.promotion.journal import Entry, Progress
from stageproxy.core.promotion.promotion import Publisher
from stageproxy.core.promotion.request import PromotionRequest
from stageproxy.core.rights import TOKEN_USER, Credential
from stageproxy.services.promotion.reports import Ending, PromotionView, Report
from stageproxy.web.api.promotion_json import plan_json, promotion_json
from stageproxy.web.auth import authenticate
from stageproxy.web.bodies import Body, read_body
from stageproxy.web.keys import PROMOTION_REPORTS, PROMOTIONS
from stageproxy.web.refusals import mark_read_only
from stageproxy.web.session_json import json_response, retry_header

_LONGEST_REPORT = 2**20
_MOST_ENTRIES = 1000
_MOST_ATTEMPTS = 10**6

Digest = Annotated[str, StringConstraints(pattern="^[0-9a-f]{64}$", to_lower=True)]
Acknowledgement = Annotated[str, StringConstraints(pattern="^([0-9a-f]{64})?$", to_lower=True)]
Text = Annotated[str, StringConstraints(max_length=4000)]
FileUrl = Annotated[str, StringConstraints(pattern="^(https?://[!-~]+)?$", max_length=4000)]
"""Where a file is, as somebody says. What readers are led to, the server has seen itself."""


class PlanPromotion(Body):
    """Look at a stage as for publishing it: by the server, or from where somebody is (`here`).

    Whether a credential will come with the order: else it is told if the server has none.
    """

    way: Publisher = Publisher.SERVER
    credential_follows: bool = Field(default=False, alias="credential-follows")


class StartPromotion(Body):
    """Publish a stage: the very files that were looked at, knowing of these warnings.

    A token to publish with, or a user's password, is kept in memory only.
    """

    manifest_digest: Digest = Field(alias="manifest-digest")
    acknowledged: Acknowledgement = ""
    way: Publisher = Publisher.SERVER
    username: str = TOKEN_USER
    token: SecretStr | None = None

    @property
    def credential(self) -> Credential | None:
        """The credential that came along."""
        return Credential(self.username, self.token.get_secret_value()) if self.token else None


class EntryBody(Body):
    """How far an artifact is."""

    filename: Text
    progress: Progress
    changed_at: AwareDatetime = Field(alias="changed-at")
    attempts: Annotated[int, Field(ge=0, le=_MOST_ATTEMPTS)]
    in_doubt: bool = Field(alias="in-doubt")
    said: Text = ""
    url: FileUrl = ""

    @model_validator(mode="after")
    def _is_somewhere(self) -> Self:
        if self.progress is Progress.CONFIRMED and not self.url:
            msg = "what is confirmed is somewhere: url is missing"
            raise ValueError(msg)
        return self

    def entry(self) -> Entry:
        """Return it as a value."""
        changed_at: datetime = self.changed_at
        return Entry(
            self.filename,
            self.progress,
            changed_at,
            self.attempts,
            self.in_doubt,
            self.said,
            self.url,
        )


class ReportPromotion(Body):
    """What whoever publishes elsewhere has to tell; nothing at all is a sign of life."""

    fence: int
    entries: Annotated[list[EntryBody], Field(max_length=_MOST_ENTRIES)] = Field(
        default_factory=list
    )
    ending: Ending | None = None
    reason: Text = ""


async def plan_promotion(request: web.Request) -> web.Response:
    """Look at everything as before a stage is published, and publish nothing."""
    mark_read_only(request)
    token = await authenticate(request)
    body = await read_body(request, PlanPromotion)
    promotions = request.app[PROMOTIONS]
    needs = body.way is Publisher.SERVER and not body.credential_follows
    examination = await promotions.examine(token, _id(request), body.way, needs_credential=needs)
    return json_response(plan_json(examination, promotions.get_publish_target().urls))


async def start_promotion(request: web.Request) -> web.Response:
    """Freeze a stage and begin to publish it: 202, or what speaks against it."""
    token = await authenticate(request)
    body = await read_body(request, StartPromotion)
    order = PromotionRequest(body.manifest_digest, body.acknowledged, body.way, body.credential)
    view = await request.app[PROMOTIONS].start(token, _id(request), order)
    return _promotion(view, HTTPStatus.ACCEPTED)


async def show_promotion(request: web.Request) -> web.Response:
    """Return how far the promotion of a stage is."""
    token = await authenticate(request)
    return _promotion(await request.app[PROMOTION_REPORTS].show(token, _id(request)))


async def report_promotion(request: web.Request) -> web.Response:
    """Take down what whoever publishes elsewhere has done."""
    token = await authenticate(request)
    body = await read_body(request, ReportPromotion, _LONGEST_REPORT)
    entries = [one.entry() for one in body.entries]
    report = Report(body.fence, entries, body.ending, body.reason)
    return _promotion(await request.app[PROMOTION_REPORTS].take(token, _id(request), report))


async def show_receipt(request: web.Request) -> web.Response:
    """Return what a published stage can show for itself: what, when, by whom, and where it is."""
    token = await authenticate(request)
    return json_response(await request.app[PROMOTION_REPORTS].receipt(token, _id(request)))


async def show_form(request: web.Request) -> web.Response:
    """Return the form that a file came with, for who publishes it elsewhere."""
    token = await authenticate(request)
    filename = request.match_info["filename"]
    form = await request.app[PROMOTION_REPORTS].form(token, _id(request), filename)
    return json_response({"filename": filename, "fields": [list(one) for one in form]})


def _promotion(view: PromotionView, status: HTTPStatus = HTTPStatus.OK) -> web.Response:
    return json_response(promotion_json(view), status, retry_header(view.stage))


def _id(request: web.Request) -> str:
    return request.match_info["id"]
