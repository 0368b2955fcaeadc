"""An API token that is revoked or expires while a request runs changes nothing any more."""

import importlib
import inspect
import pkgutil
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import nullcontext
from dataclasses import dataclass, field, is_dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from packaging.utils import canonicalize_name

import stageproxy.services
from stageproxy.core.errors import ForbiddenError
from stageproxy.core.identity.providers import Provider
from stageproxy.core.promotion.examination import PromotionRequest
from stageproxy.core.promotion.journal import Entry, Progress
from stageproxy.core.review.evidence import Evidence
from stageproxy.core.rights import ApiToken, TokenKind, parse_token
from stageproxy.core.stage.announcements import Announcement
from stageproxy.services.promotion.reports import Report
from stageproxy.services.publishers import PublisherRequest
from stageproxy.services.tokens import TokenRequest
from stageproxy.services.upload.examine import IncomingUpload
from stageproxy.web import keys
from tests.support.builders.distributions import Distribution, a_wheel, an_sdist, upload_form
from tests.support.builders.forms import FORM, body_of, twine_form
from tests.support.builders.trails import trail_of
from tests.support.clients.pep694 import Pep694Client
from tests.support.index.fake_index import FakeIndex
from tests.support.ports.clock import NOON
from tests.support.ports.revoking_catalogue import RevokingCatalogue, over
from tests.support.promotion.promotion_client import (
    PromotionClient,
    an_entry,
    promotion_settings,
)
from tests.support.servers.service import RunningService, basic, running_service

WHEEL = a_wheel(version="2.0")
SDIST = an_sdist(version="2.0")
DAY = timedelta(days=1)
REVOKED = "This API token is revoked or has expired. Ask for a new one."
DEMO = canonicalize_name("demo")


@dataclass(slots=True)
class Scene:
    """A running service with a stage of demo 2.0, and a token that is revoked in the middle."""

    service: RunningService
    stage: Any
    secret: str = field(repr=False)
    token: ApiToken
    passing: int = 0
    catalogue: RevokingCatalogue = field(init=False)

    def __post_init__(self) -> None:
        """Start with a token that is revoked before the first write."""
        self.catalogue = RevokingCatalogue(self.service.parts.database, self.token)

    def of(self, key: Any, *, passing: int = 0) -> Any:
        """Return a service of the application that works on the revoking catalogue."""
        self.catalogue.passing = passing
        return over(self.service.parts.app[key], self.catalogue)

    @property
    def id(self) -> str:
        """The id of the stage."""
        return str(self.stage["id"])

    async def pending(self) -> str:
        """Return the id of a file upload whose bytes were sent."""
        client = Pep694Client(self.service, self.secret)
        session = (await client.ask("GET", f"/upload/2.0/sessions/{self.id}")).document
        upload = await client.sent(session, SDIST)
        return str(upload["links"]["file-upload-session"].rpartition("/")[2])


Call = Callable[[Scene], Awaitable[object]]


async def open_stage(scene: Scene) -> None:
    """Open another stage."""
    await scene.of(keys.STAGES).open(scene.token, DEMO, "3.0", None)


async def extend_stage(scene: Scene) -> None:
    """Extend the stage."""
    await scene.of(keys.STAGES).extend(scene.token, scene.id, DAY)


async def cancel_stage(scene: Scene) -> None:
    """Cancel the stage."""
    await scene.of(keys.STAGES).cancel(scene.token, scene.id)


async def rotate_stage(scene: Scene) -> None:
    """Replace the stage URL."""
    await scene.of(keys.STAGES).rotate(scene.token, scene.id)


async def withdraw_file(scene: Scene) -> None:
    """Withdraw the file of the stage."""
    await scene.of(keys.STAGES).remove(scene.token, scene.id, WHEEL.filename)


async def upload_file(scene: Scene) -> None:
    """Upload another file."""
    await _accept(scene, SDIST)


async def replace_file(scene: Scene) -> None:
    """Upload the file of the stage with other contents."""
    await _accept(scene, a_wheel(version="2.0", summary="Another"))


async def _accept(scene: Scene, distribution: Distribution) -> None:
    uploads = scene.of(keys.UPLOADS)
    async with uploads.receive(md5=False) as file:
        await file.write(distribution.content)
        form = tuple(upload_form(distribution))
        incoming = IncomingUpload(form, distribution.filename, "application/octet-stream", file)
        await uploads.accept(scene.token, incoming, into=None)


async def announce_file(scene: Scene) -> None:
    """Announce a file by PEP 694."""
    announced = Announcement(SDIST.filename, len(SDIST.content), {"sha256": SDIST.sha256})
    await scene.of(keys.FILE_UPLOADS).create(scene.token, scene.id, announced)


async def send_bytes(scene: Scene) -> None:
    """Send the bytes of an announced file again."""
    upload = await scene.pending()
    async with scene.service.parts.app[keys.UPLOADS].receive(md5=False) as file:
        await file.write(SDIST.content)
        await scene.of(keys.FILE_UPLOADS).receive(scene.token, scene.id, upload, file)


async def attest_file(scene: Scene) -> None:
    """Send attestations of an announced file."""
    upload = await scene.pending()
    await scene.of(keys.FILE_UPLOADS).attest(scene.token, scene.id, upload, "[]")


async def extend_upload(scene: Scene) -> None:
    """Extend a file upload."""
    upload = await scene.pending()
    await scene.of(keys.FILE_UPLOADS).extend(scene.token, scene.id, upload, DAY)


async def delete_upload(scene: Scene) -> None:
    """Delete a file upload."""
    upload = await scene.pending()
    await scene.of(keys.FILE_UPLOADS).delete(scene.token, scene.id, upload)


async def complete_upload(scene: Scene) -> None:
    """Complete a file upload."""
    upload = await scene.pending()
    await scene.of(keys.COMPLETION).complete(scene.token, scene.id, upload)


async def complete_a_checked_upload(scene: Scene) -> None:
    """Complete a file upload, and lose the right while its file is examined."""
    upload = await scene.pending()
    await scene.of(keys.COMPLETION, passing=1).complete(scene.token, scene.id, upload)


async def add_evidence(scene: Scene) -> None:
    """Report a try of the stage."""
    digest = scene.stage["manifest-digest"]
    tried = ("3.13.5", "cp", "manylinux x86_64", "pip 26.3", WHEEL.filename, "pytest")
    evidence = Evidence("e1", digest, *tried, True, 0, 1.0, "", NOON, "")  # noqa: FBT003
    await scene.of(keys.EVIDENCE).add(scene.token, scene.id, evidence)


async def make_token(scene: Scene) -> None:
    """Make an API token."""
    request = TokenRequest(TokenKind.ADMIN, "*", None, None)
    await scene.of(keys.TOKENS).make(scene.token, request)


async def revoke_token(scene: Scene) -> None:
    """Revoke the token of the scene itself."""
    await scene.of(keys.TOKENS).revoke(scene.token, scene.token.id)


async def start_promotion(scene: Scene) -> None:
    """Start to publish. The write before that ends promotions whose publishers are silent."""
    plan = (await PromotionClient(scene.service).plan(scene.stage)).document
    request = PromotionRequest(plan["manifest-digest"], plan["warnings-digest"])
    await scene.of(keys.PROMOTIONS, passing=1).start(scene.token, scene.id, request)


async def stop_promotion(scene: Scene) -> None:
    """Stop a promotion."""
    await PromotionClient(scene.service).start(scene.stage, "client")
    await scene.of(keys.WAYS_OUT).stop(scene.token, scene.id)


async def give_up_stage(scene: Scene) -> None:
    """Give up what is not published."""
    client = PromotionClient(scene.service)
    started = (await client.start(scene.stage, "client")).document
    await client.report(started, an_entry(WHEEL.filename, "sending"))
    await client.report(started, ending="error", reason="Lost.")
    await scene.of(keys.WAYS_OUT).give_up(scene.token, scene.id)


GOOGLE = PublisherRequest("demo", Provider.GOOGLE, "", {"email": "me@demo.example"})


async def add_publisher(scene: Scene) -> None:
    """Trust a CI job."""
    await scene.of(keys.PUBLISHERS).add(scene.token, GOOGLE)


async def remove_publisher(scene: Scene) -> None:
    """Trust a CI job no more."""
    order = {"provider": "google", "fields": {"email": "me@demo.example"}}
    added = await scene.service.api("POST", "projects/demo/publishers", **order)
    await scene.of(keys.PUBLISHERS).remove(scene.token, "demo", added.document["id"])


CALLS: dict[str, tuple[Call, ...]] = {
    "Completion.complete": (complete_upload, complete_a_checked_upload),
    "EvidenceReports.add": (add_evidence,),
    "FileUploads.attest": (attest_file,),
    "FileUploads.create": (announce_file,),
    "FileUploads.delete": (delete_upload,),
    "FileUploads.extend": (extend_upload,),
    "FileUploads.receive": (send_bytes,),
    "Promotions.start": (start_promotion,),
    "Publishers.add": (add_publisher,),
    "Publishers.remove": (remove_publisher,),
    "Stages.cancel": (cancel_stage,),
    "Stages.extend": (extend_stage,),
    "Stages.open": (open_stage,),
    "Stages.remove": (withdraw_file,),
    "Stages.rotate": (rotate_stage,),
    "Tokens.make": (make_token,),
    "Tokens.revoke": (revoke_token,),
    "Uploads.accept": (upload_file, replace_file),
    "WaysOut.give_up": (give_up_stage,),
    "WaysOut.stop": (stop_promotion,),
}
"""The calls of services that change something for the holder of an API token."""

ELSEWHERE = {
    "AuditTrail.record_refusal": "what was refused is recorded whoever asked",
    "Expiry.sweep_for": "does what the server does every hour anyway",
    "FileUploads.change": "called by those above",
    "Looks.record": "what a token was shown is recorded, and changes nothing",
    "Sessions.start": "needs no right: see `test_revoked_while_signing_in`",
    "Tokens.store": "called by `make`, and when the server needs an admin token",
    "Tokens.store_first": "called by the server when it starts",
    "PromotionReports.accept": "what was sent already is recorded: see the test below",
}
"""The other calls that write and have a token, and why they are not above."""

READING = {
    "AuditTrail.show",
    "AuditTrail.show_without_stage",
    "AuditTrail.verify",
    "EvidenceReports.list",
    "Examiner.examine",
    "Examiner.form_findings",
    "Examiner.predict",
    "FileUploads.get",
    "Limits.of_project",
    "Limits.of_token",
    "Looks.history",
    "Previews.open_by_id",
    "Previews.open_stage",
    "PromotionReports.form",
    "PromotionReports.receipt",
    "PromotionReports.show",
    "Promotions.examine",
    "Publishers.list",
    "Stages.get",
    "Stages.get_latest",
    "Stages.list",
    "Tokens.list",
    "Uploads.allowance",
}
"""The calls that have a token and only read."""


@pytest.fixture
async def scene(tmp_path: Path, index: FakeIndex) -> AsyncIterator[Scene]:
    """Return the scene with an admin token of its own, which permits everything."""
    settings = promotion_settings(index)
    async with running_service(tmp_path / "data", index, promotion=settings) as service:
        stage = await service.staged(WHEEL)
        secret = await service.token("admin", "*")
        token = await token_of(service, secret)
        yield Scene(service, stage, secret, token)


async def token_of(service: RunningService, secret: str) -> ApiToken:
    """Return the row of an API token."""
    parsed = parse_token(secret)
    assert parsed is not None
    found = await service.parts.database.read(lambda rows: rows.tokens.find(parsed.digest))
    assert found is not None
    return found


@pytest.mark.parametrize(
    "call",
    [pytest.param(one, id=one.__name__) for calls in CALLS.values() for one in calls],
)
async def test_revoked_before_the_write(scene: Scene, call: Call) -> None:
    """A token that is revoked after its request was authorized changes nothing any more."""
    with pytest.raises(ForbiddenError, match=REVOKED):
        await call(scene)

    records = (await trail_of(scene.service))[scene.catalogue.revoked_at :]
    assert scene.catalogue.revoked_at >= 0
    assert [one.action for one in records if one.actor == scene.token.id] == []


def test_every_call_is_listed() -> None:
    """A new call of a service that takes a token is a decision: it is listed here."""
    assert {*CALLS, *ELSEWHERE, *READING} == set(_calls_with_a_token())


def _calls_with_a_token() -> Iterator[str]:
    package = stageproxy.services
    for found in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
        module = importlib.import_module(found.name)
        for name, service in vars(module).items():
            if is_dataclass(service) and service.__module__ == found.name:
                yield from (f"{name}.{call}" for call in _calls_of(service))


def _calls_of(service: object) -> Iterator[str]:
    for name, call in inspect.getmembers(service, inspect.iscoroutinefunction):
        if not name.startswith("_") and "token" in inspect.signature(call).parameters:
            yield name


async def test_checked_upload_is_put_back(scene: Scene) -> None:
    """A file whose sender lost the right meanwhile can be completed with another token."""
    upload = await scene.pending()

    with pytest.raises(ForbiddenError):
        await scene.of(keys.COMPLETION, passing=1).complete(scene.token, scene.id, upload)

    url = f"/upload/2.0/sessions/{scene.id}/files/{upload}"
    again = await Pep694Client(scene.service).ask("POST", f"{url}/complete", {})
    assert (again.status, again.document["status"]) == (201, "completed")


@pytest.mark.parametrize(
    ("progress", "is_refused"),
    [
        pytest.param(Progress.SENT, False, id="what was sent already is recorded"),
        pytest.param(Progress.SENDING, True, id="no other file can begin to be sent"),
    ],
)
async def test_revoked_publisher(scene: Scene, progress: Progress, *, is_refused: bool) -> None:
    """What a client has sent is recorded even if its token was revoked; it begins nothing new."""
    client = PromotionClient(scene.service)
    started = (await client.start(scene.stage, "client")).document
    if progress is Progress.SENT:
        await client.report(started, an_entry(WHEEL.filename, "sending"))
    entry = Entry(WHEEL.filename, progress, NOON, 1)
    expected = pytest.raises(ForbiddenError) if is_refused else nullcontext()

    with expected:
        report = Report(started["fence"], [entry])
        await scene.of(keys.PROMOTION_REPORTS).accept(scene.token, scene.id, report)

    (file,) = (await client.show(scene.stage))["files"].values()
    assert file["progress"] == ("pending" if is_refused else progress)


async def _staged_meanwhile(
    service: RunningService, secret: str, meanwhile: Callable[[], Awaitable[object]]
) -> tuple[int, str]:
    """Return the answer to an upload during which something happens once it is authorized."""

    async def body() -> AsyncIterator[bytes]:
        await meanwhile()
        yield body_of(twine_form(WHEEL))

    headers = {"Content-Type": FORM, "Authorization": basic(secret)}
    # The server asks for the body once it has checked the credential.
    posting = service.session.post(
        f"{service.url}/legacy/", data=body(), headers=headers, expect100=True
    )
    async with posting as answer:
        return answer.status, str(answer.reason)


async def test_token_revoked_during_an_upload(service: RunningService) -> None:
    """A token that is revoked while a file arrives does not stage it, by a real request."""
    secret = await service.token()
    token = await token_of(service, secret)

    status, reason = await _staged_meanwhile(
        service, secret, lambda: service.api("DELETE", f"tokens/{token.id}")
    )

    assert (status, reason) == (403, REVOKED)
    assert (await service.api("GET", "stages")).document["stages"] == []


async def test_token_expires_during_an_upload(service: RunningService) -> None:
    """A token that expires while a file arrives does not stage it either."""
    secret = await service.token(expires="1h")

    async def an_hour_passes() -> None:
        service.clock.advance(hours=1)

    status, reason = await _staged_meanwhile(service, secret, an_hour_passes)

    assert (status, reason) == (403, REVOKED)
    assert (await service.api("GET", "stages")).document["stages"] == []
