"""Promotions in the API: plan, start, progress, reports and the receipt."""

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
from stageproxy.web.upload.session_json import json_response, retry_of

_LONGEST_REPORT = 2**20
_MOST_ENTRIES = 1000
_MOST_ATTEMPTS = 10**6

Digest = Annotated[str, StringConstraints(pattern="^[0-9a-f]{64}$", to_lower=True)]
Acknowledgement = Annotated[str, StringConstraints(pattern="^([0-9a-f]{64})?$", to_lower=True)]
Text = Annotated[str, StringConstraints(max_length=4000)]
FileUrl = Annotated[str, StringConstraints(pattern="^(https?://[!-~]+)?$", max_length=4000)]
"""The URL of a file as reported by a client. Readers are redirected to verified URLs only."""


class PlanPromotion(Body):
    """How the stage would be published: by the server, or by the client (`here`).

    `credential-follows`: the request to publish will bring a credential. Otherwise a server
    without a credential is an error.
    """

    way: Publisher = Publisher.SERVER
    credential_follows: bool = Field(default=False, alias="credential-follows")


class StartPromotion(Body):
    """What to publish: exactly the files of the manifest digest, with these warnings acknowledged.

    `token`, an API token of the index or a password, is stored in memory only.
    """

    manifest_digest: Digest = Field(alias="manifest-digest")
    acknowledged: Acknowledgement = ""
    way: Publisher = Publisher.SERVER
    username: str = TOKEN_USER
    token: SecretStr | None = None

    @property
    def credential(self) -> Credential | None:
        """The credential in the request, if any."""
        return Credential(self.username, self.token.get_secret_value()) if self.token else None


class EntryBody(Body):
    """The progress of an artifact."""

    filename: Text
    progress: Progress
    changed_at: AwareDatetime = Field(alias="changed-at")
    attempts: Annotated[int, Field(ge=0, le=_MOST_ATTEMPTS)]
    in_doubt: bool = Field(alias="in-doubt")
    said: Text = ""
    url: FileUrl = ""

    @model_validator(mode="after")
    def _confirmed_has_url(self) -> Self:
        if self.progress is Progress.CONFIRMED and not self.url:
            msg = "a confirmed file needs a url"
            raise ValueError(msg)
        return self

    def entry(self) -> Entry:
        """Return the entry of the journal."""
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
    """A report of a publishing client. Without entries it only renews the lease."""

    fence: int
    entries: Annotated[list[EntryBody], Field(max_length=_MOST_ENTRIES)] = Field(
        default_factory=list
    )
    ending: Ending | None = None
    reason: Text = ""


async def plan_promotion(request: web.Request) -> web.Response:
    """Examine a stage as before publishing it, and publish nothing."""
    mark_read_only(request)
    token = await authenticate(request)
    body = await read_body(request, PlanPromotion)
    promotions = request.app[PROMOTIONS]
    needs = body.way is Publisher.SERVER and not body.credential_follows
    examination = await promotions.examine(token, _id(request), body.way, needs_credential=needs)
    return json_response(plan_json(examination, promotions.get_publish_target().target))


async def start_promotion(request: web.Request) -> web.Response:
    """Freeze a stage and start to publish it: 202, or the reasons why not."""
    token = await authenticate(request)
    body = await read_body(request, StartPromotion)
    promotion_request = PromotionRequest(
        body.manifest_digest, body.acknowledged, body.way, body.credential
    )
    view = await request.app[PROMOTIONS].start(token, _id(request), promotion_request)
    return _promotion(view, HTTPStatus.ACCEPTED)


async def show_promotion(request: web.Request) -> web.Response:
    """Return the progress of a promotion."""
    token = await authenticate(request)
    return _promotion(await request.app[PROMOTION_REPORTS].show(token, _id(request)))


async def report_promotion(request: web.Request) -> web.Response:
    """Store the report of a client that publishes a stage."""
    token = await authenticate(request)
    body = await read_body(request, ReportPromotion, _LONGEST_REPORT)
    entries = [one.entry() for one in body.entries]
    report = Report(body.fence, entries, body.ending, body.reason)
    return _promotion(await request.app[PROMOTION_REPORTS].take(token, _id(request), report))


async def show_receipt(request: web.Request) -> web.Response:
    """Return the receipt of a published stage: which files, when, by whom, and where."""
    token = await authenticate(request)
    return json_response(await request.app[PROMOTION_REPORTS].receipt(token, _id(request)))


async def show_form(request: web.Request) -> web.Response:
    """Return the form that a file was uploaded with, for clients that publish it."""
    token = await authenticate(request)
    filename = request.match_info["filename"]
    form = await request.app[PROMOTION_REPORTS].form(token, _id(request), filename)
    return json_response({"filename": filename, "fields": [list(one) for one in form]})


def _promotion(view: PromotionView, status: HTTPStatus = HTTPStatus.OK) -> web.Response:
    return json_response(promotion_json(view), status, retry_of(view.stage))


def _id(request: web.Request) -> str:
    return request.match_info["id"]
