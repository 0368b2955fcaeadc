"""Changes of a stage, with what each of them changes for its readers."""

from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any

from tests.support.builders.distributions import a_wheel
from tests.support.clients.preview_reader import DOCUMENTS, OWN, Readings, differing
from tests.support.index.fake_index import JUST_OUT
from tests.support.promotion.promotion_client import PromotionClient, an_entry
from tests.support.servers.service import RunningService
from tests.web.preview.prepared import SDIST, WHEEL

ANOTHER = a_wheel(version="2.0", summary="Another", requires_python=">=3.8")
MORE = a_wheel(version="2.0", tag="py2-none-any")
FILES = frozenset({"wheel", "metadata"})
STAGE = frozenset({"stage", "stage page"})
LISTS = frozenset({"page", "page as HTML", "only", "project", "release"})
EVERYTHING = frozenset(DOCUMENTS)


Making = Callable[[RunningService, Any], Awaitable[object]]


async def upload(service: RunningService, _stage: Any) -> None:
    """Stage one more wheel."""
    assert (await service.upload(MORE)).status == 200


async def replace(service: RunningService, _stage: Any) -> None:
    """Replace the wheel."""
    assert (await service.upload(ANOTHER)).status == 200


async def withdraw(service: RunningService, stage: Any) -> None:
    """Withdraw the wheel."""
    path = f"stages/{stage['id']}/files/{WHEEL.filename}"
    assert (await service.api("DELETE", path)).status == 200


async def cancel(service: RunningService, stage: Any) -> None:
    """Cancel the stage."""
    assert (await service.api("DELETE", f"stages/{stage['id']}")).status == 200


async def rotate(service: RunningService, stage: Any) -> None:
    """Give the stage another URL."""
    assert (await service.api("POST", f"stages/{stage['id']}/rotate")).status == 200


async def extend(service: RunningService, stage: Any) -> None:
    """Extend the stage by three days."""
    path = f"stages/{stage['id']}/extend"
    assert (await service.api("POST", path, **{"extend-for": "3d"})).status == 200


async def expire(service: RunningService, _stage: Any) -> None:
    """Let the stage expire. Nothing is written for that."""
    service.clock.advance(days=7)


async def sweep(service: RunningService, _stage: Any) -> None:
    """Let the stage expire, and end it for good."""
    service.clock.advance(days=7, hours=3)
    await service.parts.expiry.sweep()


async def start_promotion(service: RunningService, stage: Any) -> None:
    """Let a client begin to publish the stage."""
    assert (await PromotionClient(service).start(stage, "client")).status == 202


async def publish(service: RunningService, stage: Any) -> None:
    """Let a client publish the stage; upstream lists the files."""
    assert (await PromotionClient(service).publish_as_client(stage, WHEEL, SDIST))["status"] == (
        "published"
    )


async def publish_by_server(service: RunningService, stage: Any) -> None:
    """Let the server publish the stage."""
    assert (await PromotionClient(service).publish(stage))["status"] == "published"


async def fail_promotion(service: RunningService, stage: Any) -> None:
    """Let a client's promotion fail after the wheel was sent, which may be published."""
    await start_promotion(service, stage)
    client = PromotionClient(service)
    entries = [an_entry(WHEEL.filename, "unknown")]
    promotion = await client.show(stage)
    answer = await client.report(promotion, *entries, ending="error", reason="No.")
    assert answer.document["status"] == "error"


async def stop_promotion(service: RunningService, stage: Any) -> None:
    """Begin to publish the stage, and stop before anything is sent."""
    await start_promotion(service, stage)
    client = PromotionClient(service)
    assert (await client.ask("POST", stage, "/promotion/stop")).status == 200
    await client.abort(stage)


async def give_up(service: RunningService, stage: Any) -> None:
    """Publish the wheel, fail with the sdist, and give up."""
    client = PromotionClient(service)
    promotion = (await client.start(stage, "client")).document
    service.index.add("demo", WHEEL, extra_file_keys=JUST_OUT, uploaded_at=service.clock.now())
    entries = [an_entry(WHEEL.filename), an_entry(SDIST.filename, "refused")]
    await client.report(promotion, *entries, ending="error", reason="No.")
    assert (await client.ask("POST", stage, "/promotion/give-up")).status == 200


@dataclass(frozen=True, slots=True)
class Change:
    """A change: how it is made, what it changes, and what has which status afterwards.

    *same_as_new*: what must be as a server shows it that has never asked upstream before.
    """

    make: Making
    changed: Collection[str]
    statuses: Mapping[str, int]
    same_as_new: Collection[str] = EVERYTHING


GONE = dict.fromkeys(DOCUMENTS, 410)
REDIRECTED = dict.fromkeys(FILES, 307)
CHANGES = {
    "an upload": Change(upload, LISTS | STAGE, {}),
    "a replacement": Change(replace, LISTS | STAGE | FILES, dict.fromkeys(FILES, 410)),
    "a withdrawal": Change(withdraw, LISTS | STAGE | FILES, dict.fromkeys(FILES, 410)),
    "a cancellation": Change(cancel, EVERYTHING, GONE),
    "a rotation": Change(rotate, EVERYTHING, GONE),
    "an extension": Change(extend, STAGE, {}),
    "the start of a promotion": Change(start_promotion, STAGE, {}),
    "a promotion by a client": Change(publish, STAGE | FILES, REDIRECTED, OWN),
    "a promotion by the server": Change(publish_by_server, STAGE | FILES, REDIRECTED, OWN),
    "a failed promotion": Change(fail_promotion, STAGE, {}),
    "a stopped promotion": Change(stop_promotion, STAGE, {}),
    "a stage given up": Change(give_up, EVERYTHING, GONE),
}
IN_TIME = {
    "an expiry": Change(expire, EVERYTHING, GONE),
    "an expiry that was swept": Change(sweep, EVERYTHING, GONE),
}


def check(change: Change, before: Readings, after: Readings) -> None:
    """Fail unless the answers differ where they should, and have the expected statuses."""
    read = {document for document, _ in before}
    changed = {document for document, _ in differing(before, after)}
    statuses = {one: after[one, "plain"].status for one in read.intersection(change.statuses)}
    assert read.intersection(change.changed) - changed == set()
    assert statuses.items() <= change.statuses.items()
