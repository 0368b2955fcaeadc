"""/api/stages/{id}/promotion: the plan, the promotion, reports about it, and the receipt."""

from datetime import datetime
from http import HTTPStatus
from typing import Annotated, Literal, Self

from aiohttp import web
from pydantic import (
    AwareDatetime,
    Field,
    SecretStr,
    StringConstraints,
    ValidationInfo,
    field_validator,
    model_validator,
)

from stageproxy.core.promotion.examination import PromotionRequest
from stageproxy.core.promotion.journal import Entry, Progress
from stageproxy.core.promotion.looks import LookKind
from stageproxy.core.promotion.promotion import Publisher
from stageproxy.core.rights import TOKEN_USER, Credential
from stageproxy.services.promotion.reports import Ending, Report
from stageproxy.services.promotion.transactions import PromotionView
from stageproxy.web.access.auth import authenticate, authenticate_uncounted
from stageproxy.web.access.refusals import mark_read_only
from stageproxy.web.answers.departures import while_connected
from stageproxy.web.api.promotion_json import plan_json, promotion_json
from stageproxy.web.bodies import Body, Digest, read_body
from stageproxy.web.documents.session_json import json_response, retry_header, with_names
from stageproxy.web.keys import ACCESS, LOOKS, PROMOTION_REPORTS, PROMOTIONS

_LONGEST_REPORT = 2**20
_MOST_ENTRIES = 1000
_MOST_ATTEMPTS = 10**6

Acknowledgement = Annotated[str, StringConstraints(pattern="^([0-9a-f]{64})?$", to_lower=True)]
Text = Annotated[str, StringConstraints(max_length=4000)]
FileUrl = Annotated[str, StringConstraints(pattern="^(https?://[!-~]+)?$", max_length=4000)]
"""The URL of a file, as a client reports it. Readers are redirected to what the index lists."""


class PublisherBody(Body):
    """A body that names who publishes; `way` is what that was called."""

    publisher: Publisher | None = Field(
        default=None, description="Who publishes: `server`, which is the default, or `client`."
    )
    way: Literal["server", "here"] | None = Field(
        default=None,
        description="The former name of `publisher`, and `here` that of `client`.",
        json_schema_extra={"deprecated": True},
    )

    @field_validator("way")
    @classmethod
    def _agrees(cls, way: str | None, info: ValidationInfo) -> str | None:
        publisher: Publisher | None = info.data.get("publisher")
        if way and publisher and publisher.way != way:
            msg = f"publisher is {publisher}, but way is {way}"
            raise ValueError(msg)
        return way

    @property
    def published_by(self) -> Publisher:
        """Who publishes."""
        former = Publisher.of_way(self.way) if self.way else None
        return self.publisher or former or Publisher.SERVER


class PlanPromotion(PublisherBody):
    """Examine a stage as before it is published, by the server or by a client.

    `credential-follows`: the order to publish will bring a credential. Without
    it, a notice says if the server has none. `look`: whether somebody reads this
    plan now. The next plan for the same token shows what has changed since; a plan
    that comes with a question is read for good once the answer is to publish.
    """

    credential_follows: bool = Field(default=False, alias="credential-follows")
    look: bool = True

    @property
    def look_kind(self) -> LookKind:
        """What the plan is shown for."""
        return LookKind.DRY_RUN if self.look else LookKind.QUESTION


class StartPromotion(PublisherBody):
    """Publish the files of a stage that were reviewed, with the warnings that are acknowledged.

    `revision`: that of the plan, so that a file with the same bytes but another form
    is not published unseen. The token, which may be a user's password, is held in
    memory only.
    """

    manifest_digest: Digest = Field(alias="manifest-digest")
    revision: Annotated[int, Field(ge=0, strict=True)] | None = None
    acknowledged: Acknowledgement = ""
    username: str = TOKEN_USER
    token: SecretStr | None = None

    @property
    def credential(self) -> Credential | None:
        """The credential in the request, if there is one."""
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
    def _has_url(self) -> Self:
        if self.progress is Progress.CONFIRMED and not self.url:
            msg = "a confirmed file needs a url"
            raise ValueError(msg)
        return self

    def entry(self) -> Entry:
        """Return the entry as a value."""
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
    """The report of a client that publishes. One without entries renews the lease."""

    fence: int
    entries: Annotated[list[EntryBody], Field(max_length=_MOST_ENTRIES)] = Field(
        default_factory=list
    )
    ending: Ending | None = None
    reason: Text = ""


async def plan_promotion(request: web.Request) -> web.Response:
    """Examine a stage as before it is published, and publish nothing."""
    mark_read_only(request)
    token = await authenticate(request)
    body = await read_body(request, PlanPromotion)
    promotions = request.app[PROMOTIONS]
    publisher = body.published_by
    needs = publisher is Publisher.SERVER and not body.credential_follows
    async with while_connected(request):
        examination = await promotions.examine(
            token, _id(request), publisher, needs_credential=needs
        )
    urls = promotions.get_publish_target().urls
    looks = request.app[LOOKS]
    history = await looks.history(token, examination.stage)
    await looks.record(token, examination.stage, body.look_kind)
    return json_response(plan_json(examination, urls, publisher, history))


async def start_promotion(request: web.Request) -> web.Response:
    """Freeze a stage and start to publish it."""
    token = await authenticate(request)
    body = await read_body(request, StartPromotion)
    order = PromotionRequest(
        body.manifest_digest,
        body.acknowledged,
        body.published_by,
        body.credential,
        body.revision,
    )
    view = await request.app[PROMOTIONS].start(token, _id(request), order)
    return await promotion_response(request, view, HTTPStatus.ACCEPTED)


async def show_promotion(request: web.Request) -> web.Response:
    """Return the promotion of a stage, and the progress of each file."""
    token = await authenticate(request)
    view = await request.app[PROMOTION_REPORTS].show(token, _id(request))
    return await promotion_response(request, view)


async def report_promotion(request: web.Request) -> web.Response:
    """Record the report of a client that publishes."""
    token = await authenticate_uncounted(request)
    body = await read_body(request, ReportPromotion, _LONGEST_REPORT)
    entries = [one.entry() for one in body.entries]
    report = Report(body.fence, entries, body.ending, body.reason)
    view = await request.app[PROMOTION_REPORTS].accept(token, _id(request), report)
    return await promotion_response(request, view)


async def show_receipt(request: web.Request) -> web.Response:
    """Return the receipt of a published stage: what was published, when, by whom, and where."""
    token = await authenticate(request)
    receipt = await request.app[PROMOTION_REPORTS].receipt(token, _id(request))
    return json_response(with_names(receipt, await request.app[ACCESS].names(), "approved-by"))


async def show_form(request: web.Request) -> web.Response:
    """Return the form that a file was uploaded with, for a client that publishes it."""
    token = await authenticate(request)
    filename = request.match_info["filename"]
    form = await request.app[PROMOTION_REPORTS].form(token, _id(request), filename)
    return json_response({"filename": filename, "fields": [list(pair) for pair in form]})


async def promotion_response(
    request: web.Request, view: PromotionView, status: HTTPStatus = HTTPStatus.OK
) -> web.Response:
    """Return the response with a promotion."""
    names = await request.app[ACCESS].names()
    document = with_names(promotion_json(view), names, "approved-by", "stop-requested-by")
    return json_response(document, status, retry_header(view.stage))


def _id(request: web.Request) -> str:
    return request.match_info["id"]
