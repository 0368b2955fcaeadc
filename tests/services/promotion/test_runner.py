"""What a promotion does, over an index in memory."""

import asyncio
import logging
from dataclasses import replace
from datetime import timedelta

import pytest

from stageproxy.core.errors import FailedBucketError
from stageproxy.core.promotion.journal import Entry, Progress, anything_may_be_published
from stageproxy.core.promotion.promotion import LostLeaseError
from stageproxy.core.promotion.replies import Accepted
from stageproxy.core.stage.stage import Artifact
from tests.support.builders.stages import an_artifact
from tests.support.ports.clock import NOON
from tests.support.ports.fake_publish_target import BUSY, FILES, UploadFault
from tests.support.promotion.fake_promotion import PACE, PATIENCE, POLL, SECRET, FakePromotion

SDIST = "demo-2.0.tar.gz"
FIRST, *OTHERS = WHEELS = [f"demo-2.0-cp3{minor}-none-any.whl" for minor in range(10, 15)]
OUT = ["published"]
PAUSED = [POLL, 2 * POLL, 4 * POLL, 8 * POLL]


def artifacts(*filenames: str) -> list[Artifact]:
    """Return artifacts of one release: all wheels and the sdist, or the given ones."""
    return [an_artifact(one) for one in filenames or (SDIST, *WHEELS)]


@pytest.fixture
def promotion() -> FakePromotion:
    """Return a promotion of five wheels and an sdist."""
    return FakePromotion(artifacts())


async def test_one_wheel_then_the_others_then_the_sdist(promotion: FakePromotion) -> None:
    """The first wheel is sent alone, the sdist after all wheels are listed, each file once."""
    assert await promotion.run() == OUT

    fake_target = promotion.fake_target
    names = [name for name, _ in fake_target.acceptances]
    assert (names[0], sorted(names[1:-1]), names[-1]) == (FIRST, OTHERS, SDIST)
    assert fake_target.acceptances[-1][1] >= set(WHEELS)
    assert fake_target.concurrent[0] == {FIRST}
    assert fake_target.concurrent[-1] == {SDIST}
    assert set(fake_target.sent.values()) == {1}


async def test_file_that_cannot_be_read(promotion: FakePromotion) -> None:
    """A file that cannot be read cuts off none that is being sent, and no other one is begun.

    Once the others were in doubt then, for the index might have had them.
    """
    promotion.pace = replace(PACE, parallel=2)
    promotion.upload_requests.unreadable = {OTHERS[1]}

    with pytest.raises(FailedBucketError):
        await promotion.run()

    progress = {name: one.progress for name, one in promotion.journal.items()}
    assert progress[OTHERS[0]] is Progress.SENT
    assert {progress[name] for name in OTHERS[1:]} == {Progress.PENDING}


async def test_each_step_is_recorded(promotion: FakePromotion) -> None:
    """The journal has each artifact as sending, sent and confirmed, in that order."""
    promotion.artifacts = artifacts(FIRST)
    promotion.fake_target.lag = POLL

    await promotion.run()

    pending = Entry(FIRST, Progress.PENDING, NOON)
    sending = pending.sending(NOON)
    sent = replace(sending, progress=Progress.SENT, sentence="OK")
    url = f"{FILES}/{FIRST}"
    assert promotion.journal_store.recorded == [sending, sent, sent.confirmed(url, NOON + POLL)]


async def test_journal_knows_first(promotion: FakePromotion) -> None:
    """Before a byte is sent, the journal has the file as being sent."""
    known: list[Progress] = []
    promotion.fake_target.on_upload = lambda name: known.append(promotion.journal[name].progress)

    await promotion.run()

    assert known == [Progress.SENDING] * 6


async def test_parallel_uploads_are_limited(promotion: FakePromotion) -> None:
    """No more files are sent at the same time than the settings allow."""
    promotion.pace = replace(PACE, parallel=2)

    await promotion.run()

    assert max(map(len, promotion.fake_target.concurrent)) == 2


async def test_published_file_is_not_sent(promotion: FakePromotion) -> None:
    """Files that the index lists with the staged hash are confirmed and not sent."""
    promotion.fake_target.add(FIRST, an_artifact(FIRST).sha256)

    assert await promotion.run() == OUT

    assert sorted(promotion.fake_target.sent) == [*OTHERS, SDIST]


async def test_other_bytes_stop_everything(promotion: FakePromotion) -> None:
    """Other bytes under a staged filename stop a promotion before anything is sent, by name."""
    promotion.fake_target.add(OTHERS[2], "0" * 64)

    (ending,) = await promotion.run()

    assert ending.startswith(f"{OTHERS[2]} is already on the index with other bytes: sha256 0000")
    assert promotion.fake_target.sent == {}


async def test_other_bytes_end_a_doubt(promotion: FakePromotion) -> None:
    """If the index has other bytes under a name in doubt, the staged file is not published.

    A missing answer followed by a foreign file froze a stage forever once.
    """
    doubted = promotion.journal[FIRST].sending(NOON).resumed(NOON)
    promotion.journal_store.stored = {**promotion.journal, FIRST: doubted}
    promotion.fake_target.add(FIRST, "0" * 64)

    await promotion.run()

    assert (promotion.journal[FIRST].progress, anything_may_be_published(promotion.journal)) == (
        Progress.REFUSED,
        False,
    )


async def test_other_bytes_after_an_acceptance(promotion: FakePromotion) -> None:
    """A file that the index accepted may be public, even if other bytes are listed under its name.

    The stage then stays frozen: nobody can say that nothing was published.
    """
    accepted = promotion.journal[FIRST].sending(NOON).answered(Accepted("OK"), NOON)
    promotion.journal_store.stored = {**promotion.journal, FIRST: accepted}
    promotion.fake_target.add(FIRST, "0" * 64)

    [ending] = await promotion.run()

    assert ending.startswith(f"{FIRST} was accepted by the index, which lists it with other bytes")
    assert promotion.journal[FIRST].progress is Progress.SENT
    assert anything_may_be_published(promotion.journal)


async def test_pages_without_hashes(promotion: FakePromotion) -> None:
    """On pages without hashes, a file is confirmed by its bytes."""
    promotion.fake_target.has_hashes = False

    assert await promotion.run() == OUT

    assert set(promotion.fake_target.sent.values()) == {1}


async def test_signed_links(promotion: FakePromotion) -> None:
    """A file is compared once, whatever its link is on the next page.

    It was compared without end once.
    """
    promotion.fake_target.has_hashes = False
    promotion.fake_target.has_signed_links = True

    assert await promotion.run() == OUT

    assert promotion.fake_target.downloads == 6


async def test_short_failure_of_the_credential(promotion: FakePromotion) -> None:
    """A credential that fails for a moment is waited for. It left half a release once."""
    promotion.credentials.failing = {2, 3, 4, 5}

    assert await promotion.run() == OUT

    assert set(promotion.fake_target.sent.values()) == {1}
    assert {one.attempts for one in promotion.journal.values()} == {1}


async def test_long_failure_of_the_credential(promotion: FakePromotion) -> None:
    """A credential that keeps failing ends the promotion, with nothing in doubt."""
    promotion.credentials.failing = range(100)

    (ending,) = await promotion.run()

    assert ending.endswith("5 times in a row: The mint cannot be reached.")
    assert {one.progress for one in promotion.journal.values()} == {Progress.PENDING}


async def test_other_bytes_on_pages_without_hashes(promotion: FakePromotion) -> None:
    """On pages without hashes, other bytes stop the promotion too."""
    promotion.fake_target.has_hashes = False
    promotion.fake_target.add(SDIST, "0" * 64)

    (ending,) = await promotion.run()

    assert ending.startswith(f"{SDIST} is already on the index with other bytes")
    assert promotion.fake_target.sent == {}


async def test_file_that_cannot_be_compared(promotion: FakePromotion) -> None:
    """A file that cannot be downloaded is tried again, then ends the promotion."""
    promotion.fake_target.has_hashes = False
    promotion.fake_target.add(FIRST, an_artifact(FIRST).sha256)
    promotion.fake_target.failing_downloads = PACE.attempts

    assert await promotion.run() == [
        (
            f"Cannot compare {FIRST} with the file on the index: "
            "A file of the index cannot be downloaded."
        )
    ]

    assert promotion.pauses == [2 * POLL, 4 * POLL, 8 * POLL, timedelta(minutes=2)]


async def test_slow_index_is_waited_for(promotion: FakePromotion) -> None:
    """An accepted file that is not listed yet is not sent again; the page is read again."""
    promotion.fake_target.lag = 5 * POLL

    assert await promotion.run() == OUT

    assert set(promotion.fake_target.sent.values()) == {1}
    assert promotion.pauses == [POLL] * 10


async def test_index_that_never_lists_a_file(promotion: FakePromotion) -> None:
    """An index that never lists an accepted file ends the promotion before the sdist."""
    promotion.fake_target.lag = 2 * PATIENCE

    (ending,) = await promotion.run()

    assert ending.startswith(f"{FIRST} was accepted, but the index does not list it yet.")
    assert SDIST not in promotion.fake_target.sent


async def test_refusal_stops_it(promotion: FakePromotion) -> None:
    """After a refusal no other file is sent; the reason is the sentence of the index."""
    promotion.pace = replace(PACE, parallel=1)
    promotion.fake_target.faults = {(OTHERS[0], 1): UploadFault.REFUSED}

    assert await promotion.run() == [f"{OTHERS[0]} was refused: The index has its reasons."]

    assert promotion.fake_target.sent == {FIRST: 1, OTHERS[0]: 1}


async def test_failure_stops_the_rest_of_a_wave(promotion: FakePromotion) -> None:
    """After a missing answer no other file is sent until the index was read again."""
    promotion.pace = replace(PACE, parallel=1)
    promotion.fake_target.faults = {(OTHERS[1], attempt): UploadFault.LOST for attempt in (1, 2)}

    assert await promotion.run() == OUT

    sent = [next(iter(one)) for one in promotion.fake_target.concurrent]
    failing = OTHERS[1]
    assert sent == [FIRST, OTHERS[0], failing, failing, failing, *OTHERS[2:], SDIST]


async def test_only_sent_files_count_as_failed(promotion: FakePromotion) -> None:
    """Files in doubt that were not sent do not count as failed. They did once."""
    promotion.pace = replace(PACE, parallel=1)
    promotion.fake_target.add(FIRST, an_artifact(FIRST).sha256)
    lost = [UploadFault.LOST] * (PACE.attempts - 1)
    promotion.fake_target.faults = {(OTHERS[0], number): one for number, one in enumerate(lost, 1)}
    promotion.fake_target.faults[OTHERS[1], 1] = UploadFault.LOST
    doubted = {name: one.sending(NOON).resumed(NOON) for name, one in promotion.journal.items()}
    promotion.journal_store.stored = doubted

    assert await promotion.run() == OUT


async def test_pauses_double(promotion: FakePromotion) -> None:
    """Each failure in a row doubles the pause."""
    promotion.fake_target.faults = {(FIRST, attempt): UploadFault.LOST for attempt in range(1, 5)}

    assert await promotion.run() == OUT

    assert promotion.pauses == PAUSED


async def test_longest_pause(promotion: FakePromotion) -> None:
    """No pause is longer than two minutes."""
    promotion.pace = replace(PACE, attempts=30)
    promotion.fake_target.faults = {(FIRST, attempt): UploadFault.LOST for attempt in range(1, 30)}

    await promotion.run()

    assert max(promotion.pauses) == timedelta(minutes=2)


async def test_retry_after(promotion: FakePromotion) -> None:
    """An index that sends Retry-After is not asked before that."""
    promotion.fake_target.faults = {(FIRST, 1): UploadFault.BUSY}

    assert await promotion.run() == OUT

    assert promotion.pauses == [BUSY]


async def test_too_many_failures(promotion: FakePromotion) -> None:
    """An index that never answers ends the promotion; file, attempts and reason are named."""
    promotion.fake_target.faults = {(FIRST, attempt): UploadFault.LOST for attempt in range(1, 10)}

    assert await promotion.run() == [
        f"{FIRST}: no answer from the index 5 times in a row: The connection broke off."
    ]

    assert promotion.fake_target.sent == {FIRST: PACE.attempts}


async def test_accepted_file_without_an_answer(promotion: FakePromotion) -> None:
    """A file whose answer was lost is searched on the index, and not sent again if listed."""
    promotion.fake_target.faults = {(name, 1): UploadFault.UNANSWERED for name in [*WHEELS, SDIST]}

    assert await promotion.run() == OUT

    assert set(promotion.fake_target.sent.values()) == {1}


async def test_refused_file_in_doubt(promotion: FakePromotion) -> None:
    """A refusal of a file in doubt is no answer: the index is read for a while.

    Other indexes than PyPI refuse the same file the second time.
    """
    promotion.fake_target.lag = 3 * POLL
    promotion.fake_target.faults = {
        (FIRST, 1): UploadFault.UNANSWERED,
        (FIRST, 2): UploadFault.REFUSED,
    }

    assert await promotion.run() == OUT

    assert promotion.fake_target.repeated == {}


@pytest.mark.parametrize("reads", [1, PACE.attempts + 1])
async def test_short_failure_of_the_index(promotion: FakePromotion, reads: int) -> None:
    """An index whose page fails is read again, and nothing is sent meanwhile.

    It was read ten times at most, however patient the settings were.
    """
    promotion.fake_target.failing_reads = reads

    assert await promotion.run() == OUT

    assert len(promotion.pauses) == reads


async def test_what_is_waited_for(promotion: FakePromotion) -> None:
    """While the index cannot be read, the promotion says so, why, and until when it waits."""
    promotion.fake_target.failing_reads = 2

    await promotion.run()

    waits_for = "Waiting for the index until 12:10:00 UTC at most: The index cannot be reached."
    assert promotion.waits == [waits_for, waits_for, ""]


@pytest.mark.parametrize("seconds", [5, 300])
async def test_page_that_becomes_unreadable(promotion: FakePromotion, seconds: int) -> None:
    """A page that becomes unreadable in the middle is waited for as long as the settings say."""
    patience = timedelta(seconds=seconds)
    promotion.pace = replace(PACE, patience=patience)
    promotion.fake_target.on_upload = promotion.fake_target.break_page

    (ending,) = await promotion.run()

    assert ending.startswith("Could not check which files are published: The index's page of demo ")
    assert sum(promotion.pauses, timedelta()) == patience
    assert list(promotion.fake_target.sent) == [(FIRST)]


async def test_long_failure_of_the_index(promotion: FakePromotion) -> None:
    """An index whose page keeps failing ends the promotion, and nothing is sent."""
    promotion.fake_target.failing_reads = 1000

    assert await promotion.run() == [
        "Could not check which files are published: The index cannot be reached."
    ]

    assert promotion.fake_target.sent == {}


async def test_damaged_file(promotion: FakePromotion) -> None:
    """A damaged file ends the promotion by name; none of it counts as sent."""
    promotion.fake_target.faults = {(FIRST, 1): UploadFault.DAMAGED}

    (ending,) = await promotion.run()

    assert ending.startswith(f"The stored copy of {FIRST} differs from the uploaded file")
    assert not any(one.may_be_published for one in promotion.journal.values())


async def test_unavailable_file(promotion: FakePromotion) -> None:
    """If a form or a file cannot be read, nothing is sent and the journal has the reason."""
    promotion.upload_requests.unavailable = [FIRST]

    assert await promotion.run() == [f"{FIRST} cannot be had."]

    assert promotion.fake_target.sent == {}
    assert not any(one.may_be_published for one in promotion.journal.values())


async def test_credential_is_requested_each_time(promotion: FakePromotion) -> None:
    """A short-lived credential is minted for each file."""
    await promotion.run()

    assert promotion.fake_target.used == [SECRET] * 6
    assert promotion.credentials.minted == 6


@pytest.mark.parametrize("last", [*WHEELS, SDIST])
async def test_lost_lease_stops_at_once(promotion: FakePromotion, last: str) -> None:
    """After another holder took over, nothing is sent and no failure is recorded."""
    promotion.pace = replace(PACE, parallel=1)

    def lose(name: str) -> None:
        promotion.journal_store.lost_at = 0 if name == last else None

    promotion.fake_target.on_upload = lose
    with pytest.raises(LostLeaseError):
        await promotion.run()

    names = [*WHEELS, SDIST]
    assert list(promotion.fake_target.sent) == names[: names.index(last) + 1]
    assert promotion.journal_store.endings == []


async def test_nothing_is_sent_without_the_lease(promotion: FakePromotion) -> None:
    """Without the lease nothing is sent at all."""
    promotion.journal_store.lost_at = 0

    with pytest.raises(LostLeaseError):
        await promotion.run()

    assert promotion.fake_target.sent == {}


async def test_lease_is_renewed_during_an_upload(promotion: FakePromotion) -> None:
    """While a large file is sent, the lease is renewed; without it the upload stops."""
    promotion.pace = replace(PACE, renew=timedelta(milliseconds=1))
    promotion.fake_target.slow = True
    promotion.fake_target.on_upload = lambda _: setattr(promotion.journal_store, "lost_at", 0)

    with pytest.raises(LostLeaseError):
        await asyncio.wait_for(promotion.run(), 2)

    assert promotion.fake_target.accepted == {}


async def test_lease_is_renewed_during_a_pause(promotion: FakePromotion) -> None:
    """A pause longer than the lease does not lose it. It did once."""
    promotion.pace = replace(PACE, renew=timedelta(milliseconds=1))
    promotion.fake_target.faults = {(FIRST, 1): UploadFault.BUSY}
    promotion.pause_seconds = 0.05

    assert await promotion.run() == OUT

    reads = 6
    assert promotion.journal_store.renewals > reads + 5


async def test_progress_is_reported(promotion: FakePromotion) -> None:
    """The number of bytes sent of each file is reported."""
    await promotion.run()

    assert sorted(promotion.reports) == sorted(
        (one.filename, one.size) for one in promotion.artifacts
    )


async def test_credential_is_never_printed(
    promotion: FakePromotion, caplog: pytest.LogCaptureFixture
) -> None:
    """Neither the log nor the journal has the credential."""
    caplog.set_level(logging.DEBUG)
    promotion.fake_target.faults = {
        (FIRST, 1): UploadFault.BUSY,
        (OTHERS[0], 1): UploadFault.REFUSED,
    }

    await promotion.run()

    assert (
        SECRET.password not in f"{caplog.text}{promotion.journal}{promotion.journal_store.endings}"
    )
    assert "is published" in caplog.text
