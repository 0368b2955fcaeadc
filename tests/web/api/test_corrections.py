"""Corrections of partially published stages: of files that certainly are not published."""

from typing import Any

import pytest

from tests.support.builders.distributions import Distribution, a_wheel, an_sdist
from tests.support.clients.http import Answer
from tests.support.clients.pep694 import Pep694Client
from tests.support.index.fake_index import JUST_OUT
from tests.support.promotion.promotion_client import (
    PromotionClient,
    an_entry,
    manifest_digest_of,
)
from tests.support.servers.service import RunningService, prefix_of

WHEEL = a_wheel(version="2.0")
LINUX = a_wheel(version="2.0", tag="cp311-cp311-manylinux_2_17_x86_64")
SDIST = an_sdist(version="2.0")
FIXED = an_sdist(version="2.0", extra={"fixed": b"it"})
OTHER_WHEEL = a_wheel(version="2.0", extra={"fixed": b"it"})


async def ended_with(promotion_client: PromotionClient, **progress: str) -> Any:
    """Return a stage of a wheel and an sdist after a client's promotion, by their progress."""
    service = promotion_client.service
    stage = await service.staged(WHEEL, SDIST)
    promotion = (await promotion_client.start(stage, "client")).document
    entries = [
        an_entry(one.filename, progress[kind])
        for kind, one in (("wheel", WHEEL), ("sdist", SDIST))
        if kind in progress
    ]
    if progress["wheel"] == "confirmed":
        now = service.clock.now()
        service.index.add("demo", WHEEL, extra_file_keys=JUST_OUT, uploaded_at=now)
    answer = await promotion_client.report(promotion, *entries, ending="error", reason="No.")
    assert answer.document["status"] == "error"
    return stage


@pytest.fixture
async def partial(promotion_client: PromotionClient) -> Any:
    """Return a stage whose wheel is published and whose sdist was refused."""
    return await ended_with(promotion_client, wheel="confirmed", sdist="refused")


async def withdraw(service: RunningService, stage: Any, file: Distribution) -> Answer:
    """Return the answer to the withdrawal of a file."""
    return await service.api("DELETE", f"stages/{stage['id']}/files/{file.filename}")


async def test_refused_sdist_is_replaced(
    service: RunningService, promotion_client: PromotionClient, partial: Any
) -> None:
    """A refused file can be replaced, and the promotion continues with the new one."""
    replaced = await service.upload(FIXED)

    shown = await promotion_client.publish(partial)

    accepted = service.index.uploads.history.accepted
    assert (replaced.status, shown["status"], accepted) == (200, "published", [SDIST.filename])
    assert shown["manifest-digest"] == manifest_digest_of(WHEEL, FIXED)
    sent = [one.sha256 for one in service.index.uploads.history.attempts]
    assert sent == [FIXED.sha256]


async def test_replaced_file_has_a_new_entry(
    service: RunningService, promotion_client: PromotionClient, partial: Any
) -> None:
    """The journal keeps the entries of published files, and forgets that of a replaced one."""
    await service.upload(FIXED)

    shown = (await promotion_client.start(partial, "client")).document["files"]

    assert (shown[SDIST.filename]["progress"], shown[SDIST.filename]["attempts"]) == ("pending", 0)
    assert shown[WHEEL.filename]["attempts"] == 1


async def test_new_approval(
    service: RunningService, promotion_client: PromotionClient, partial: Any
) -> None:
    """What was approved before the correction is not published after it."""
    await service.upload(FIXED)
    digest = manifest_digest_of(WHEEL, SDIST)

    answer = await promotion_client.ask(
        "POST", partial, "/promotion", **{"manifest-digest": digest}
    )

    assert answer.status == 409
    assert service.index.uploads.history.attempts == []


async def test_withdrawn_sdist(
    service: RunningService, promotion_client: PromotionClient, partial: Any
) -> None:
    """Without the refused file, the stage is published at once: everything else is public."""
    withdrawn = await withdraw(service, partial, SDIST)

    shown = await promotion_client.publish(partial)

    receipt = (await promotion_client.ask("GET", partial, "/receipt")).document
    assert (withdrawn.status, shown["status"]) == (200, "published")
    assert [*receipt["files"]] == [WHEEL.filename]
    assert service.index.uploads.history.attempts == []


async def test_added_wheel(
    service: RunningService, promotion_client: PromotionClient, partial: Any
) -> None:
    """Before the sdist was sent, a wheel can be added; the sdist is still the last file."""
    added = await service.upload(LINUX)

    shown = await promotion_client.publish(partial)

    assert (added.status, shown["status"]) == (200, "published")
    assert service.index.uploads.history.accepted == [LINUX.filename, SDIST.filename]


async def test_published_file_is_final(
    service: RunningService, promotion_client: PromotionClient, partial: Any
) -> None:
    """A published file can neither be replaced nor withdrawn, whatever upstream says of it."""
    service.index.remove("demo")
    pep694 = Pep694Client(service)
    session = (await pep694.ask("GET", f"/upload/2.0/sessions/{partial['id']}")).document

    answers = [
        await service.upload(OTHER_WHEEL),
        await withdraw(service, partial, WHEEL),
        await pep694.announce(session, OTHER_WHEEL),
    ]

    assert [one.status for one in answers] == [409] * 3
    assert all(f"{WHEEL.filename} is published, so it can be" in one.text for one in answers)
    assert (await promotion_client.show(partial))["status"] == "error"


async def test_same_file_again(service: RunningService, partial: Any) -> None:
    """A published file may be uploaded again unchanged, as uploaders do with a whole `dist`."""
    service.index.remove("demo")

    again = await service.upload(WHEEL)

    assert again.status == 200
    assert (await service.api("GET", f"stages/{partial['id']}")).document["status"] == "error"


@pytest.mark.parametrize("progress", ["sending", "sent", "unknown"])
async def test_file_in_doubt_is_final(
    service: RunningService, promotion_client: PromotionClient, progress: str
) -> None:
    """A file that may be published can neither be replaced nor withdrawn."""
    stage = await ended_with(promotion_client, wheel=progress)

    answers = [await service.upload(OTHER_WHEEL), await withdraw(service, stage, WHEEL)]

    assert [one.status for one in answers] == [409] * 2
    assert all("can be neither replaced nor withdrawn" in one.text for one in answers)


async def test_nothing_follows_the_sdist(
    service: RunningService, promotion_client: PromotionClient
) -> None:
    """Once the sdist may be published, no wheel is added."""
    await ended_with(promotion_client, wheel="confirmed", sdist="unknown")

    answer = await service.upload(LINUX)

    assert (answer.status, "takes no more files" in answer.text) == (409, True)


async def test_given_up(
    service: RunningService, promotion_client: PromotionClient, partial: Any
) -> None:
    """A given-up stage answers 410 with what is public; by PEP 694 it is a canceled session."""
    given_up = await promotion_client.ask("POST", partial, "/promotion/give-up")

    previews = [
        await service.get(prefix_of(partial) + path) for path in ("simple/demo/", "", "legacy/")
    ]
    session = await Pep694Client(service).ask("GET", f"/upload/2.0/sessions/{partial['id']}")
    again = await promotion_client.ask("POST", partial, "/promotion/give-up")
    said = f"Public for ever: {WHEEL.filename}. Not published: {SDIST.filename}."
    assert (given_up.status, said in given_up.document["reason"]) == (200, True)
    assert [one.status for one in (*previews, again)] == [410] * 4
    assert all(said in one.text for one in (*previews, again))
    assert (session.document["status"], said in session.document["notices"][0]) == (
        "canceled",
        True,
    )


async def test_replaced_by_pep_694(
    service: RunningService, promotion_client: PromotionClient, partial: Any
) -> None:
    """PEP 694 replaces and deletes files that certainly are not published."""
    pep694 = Pep694Client(service)
    session = (await pep694.ask("GET", f"/upload/2.0/sessions/{partial['id']}")).document

    completed = await pep694.upload(session, FIXED)
    deleted = await pep694.ask("DELETE", completed.headers["Location"])

    assert (completed.status, deleted.status) == (201, 204)
    assert (await promotion_client.publish(partial))["status"] == "published"
