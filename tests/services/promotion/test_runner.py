"""What a promotion does, over an index in memory."""

import asyncio
import logging
from dataclasses import replace
from datetime import timedelta

import pytest

from stageproxy.core.promotion.journal import Entry, Progress, anything_may_be_published
from stageproxy.core.promotion.promotion import LostLeaseError
from stageproxy.core.stage.stage import Artifact
from tests.support.builders.stages import an_artifact
from tests.support.ports.clock import NOON
from tests.support.ports.fake_publish_target import BUSY, FILES, Fault
from tests.support.promotion.promoting import PACE, PATIENCE, POLL, SECRET, Promoting

SDIST = "demo-2.0.tar.gz"
FIRST, *OTHERS = WHEELS = [f"demo-2.0-cp3{minor}-none-any.whl" for minor in range(10, 15)]
OUT = ["published"]
PAUSED = [POLL, 2 * POLL, 4 * POLL, 8 * POLL]


def artifacts(*filenames: str) -> list[Artifact]:
    """Return artifacts of one release: all wheels and the sdist, or the given ones."""
    return [an_artifact(one) for one in filenames or (SDIST, *WHEELS)]


@pytest.fixture
def promoting() -> Promoting:
    """Return a promotion of five wheels and an sdist."""
    return Promoting(artifacts())


async def test_one_wheel_then_the_others_then_the_sdist(promoting: Promoting) -> None:
    """The first wheel is sent alone, the sdist after all wheels are listed, each file once."""
    assert await promoting.run() == OUT

    fake_target = promoting.fake_target
    names = [name for name, _ in fake_target.story]
    assert (names[0], sorted(names[1:-1]), names[-1]) == (FIRST, OTHERS, SDIST)
    assert fake_target.story[-1][1] >= set(WHEELS)
    assert fake_target.together[0] == {FIRST}
    assert fake_target.together[-1] == {SDIST}
    assert set(fake_target.sent.values()) == {1}


async def test_each_step_is_recorded(promoting: Promoting) -> None:
    """The journal has each artifact as sending, sent and confirmed, in that order."""
    promoting.artifacts = artifacts(FIRST)
    promoting.fake_target.lag = POLL

    await promoting.run()

    pending = Entry(FIRST, Progress.PENDING, NOON)
    sending = pending.sending(NOON)
    sent = replace(sending, progress=Progress.SENT, sentence="OK")
    url = f"{FILES}/{FIRST}"
    assert promoting.journal_store.told == [sending, sent, sent.confirmed(url, NOON + POLL)]


async def test_journal_knows_first(promoting: Promoting) -> None:
    """Before a byte is sent, the journal has the file as being sent."""
    known: list[Progress] = []
    promoting.fake_target.during = lambda name: known.append(promoting.kept[name].progress)

    await promoting.run()

    assert known == [Progress.SENDING] * 6


async def test_parallel_uploads_are_limited(promoting: Promoting) -> None:
    """No more files are sent at the same time than the settings allow."""
    promoting.pace = replace(PACE, parallel=2)

    await promoting.run()

    assert max(map(len, promoting.fake_target.together)) == 2


async def test_published_file_is_not_sent(promoting: Promoting) -> None:
    """Files that the index lists with the staged hash are confirmed and not sent."""
    promoting.fake_target.put(FIRST, an_artifact(FIRST).sha256)

    assert await promoting.run() == OUT

    assert sorted(promoting.fake_target.sent) == [*OTHERS, SDIST]


async def test_other_bytes_stop_everything(promoting: Promoting) -> None:
    """Other bytes under a staged filename stop a promotion before anything is sent, by name."""
    promoting.fake_target.put(OTHERS[2], "0" * 64)

    (ending,) = await promoting.run()

    assert ending.startswith(f"{OTHERS[2]} is already on the index with other bytes: sha256 0000")
    assert promoting.fake_target.sent == {}


async def test_other_bytes_end_a_doubt(promoting: Promoting) -> None:
    """If the index has other bytes under a name in doubt, the staged file is not published.

    A missing answer followed by a foreign file froze a stage forever once.
    """
    doubted = promoting.kept[FIRST].sending(NOON).resumed(NOON)
    promoting.journal_store.kept = {**promoting.kept, FIRST: doubted}
    promoting.fake_target.put(FIRST, "0" * 64)

    await promoting.run()

    assert (promoting.kept[FIRST].progress, anything_may_be_published(promoting.kept)) == (
        Progress.REFUSED,
        False,
    )


async def test_pages_without_hashes(promoting: Promoting) -> None:
    """On pages without hashes, a file is confirmed by its bytes."""
    promoting.fake_target.hashed = False

    assert await promoting.run() == OUT

    assert set(promoting.fake_target.sent.values()) == {1}


async def test_signed_links(promoting: Promoting) -> None:
    """A file is compared once, whatever its link is on the next page.

    It was compared without end once.
    """
    promoting.fake_target.hashed = False
    promoting.fake_target.signed = True

    assert await promoting.run() == OUT

    assert promoting.fake_target.downloads == 6


async def test_short_failure_of_the_credential(promoting: Promoting) -> None:
    """A credential that fails for a moment is waited for. It left half a release once."""
    promoting.credentials.down = {2, 3, 4, 5}

    assert await promoting.run() == OUT

    assert set(promoting.fake_target.sent.values()) == {1}
    assert {one.attempts for one in promoting.kept.values()} == {1}


async def test_long_failure_of_the_credential(promoting: Promoting) -> None:
    """A credential that keeps failing ends the promotion, with nothing in doubt."""
    promoting.credentials.down = range(100)

    (ending,) = await promoting.run()

    assert ending.endswith("5 times in a row: The mint cannot be reached.")
    assert {one.progress for one in promoting.kept.values()} == {Progress.PENDING}


async def test_other_bytes_on_pages_without_hashes(promoting: Promoting) -> None:
    """On pages without hashes, other bytes stop the promotion too."""
    promoting.fake_target.hashed = False
    promoting.fake_target.put(SDIST, "0" * 64)

    (ending,) = await promoting.run()

    assert ending.startswith(f"{SDIST} is already on the index with other bytes")
    assert promoting.fake_target.sent == {}


async def test_file_that_cannot_be_compared(promoting: Promoting) -> None:
    """A file that cannot be downloaded is tried again, then ends the promotion."""
    promoting.fake_target.hashed = False
    promoting.fake_target.put(FIRST, an_artifact(FIRST).sha256)
    promoting.fake_target.unread = PACE.attempts

    assert await promoting.run() == [
        (
            f"Cannot compare {FIRST} with the file on the index: "
            "A file of the index cannot be downloaded."
        )
    ]

    assert promoting.waits == [2 * POLL, 4 * POLL, 8 * POLL, timedelta(minutes=2)]


async def test_slow_index_is_waited_for(promoting: Promoting) -> None:
    """An accepted file that is not listed yet is not sent again; the page is read again."""
    promoting.fake_target.lag = 5 * POLL

    assert await promoting.run() == OUT

    assert set(promoting.fake_target.sent.values()) == {1}
    assert promoting.waits == [POLL] * 10


async def test_index_that_never_lists_a_file(promoting: Promoting) -> None:
    """An index that never lists an accepted file ends the promotion before the sdist."""
    promoting.fake_target.lag = 2 * PATIENCE

    (ending,) = await promoting.run()

    assert ending.startswith(f"{FIRST} was accepted, but the index does not list it yet.")
    assert SDIST not in promoting.fake_target.sent


async def test_refusal_stops_it(promoting: Promoting) -> None:
    """After a refusal no other file is sent; the reason is the sentence of the index."""
    promoting.pace = replace(PACE, parallel=1)
    promoting.fake_target.faults = {(OTHERS[0], 1): Fault.REFUSED}

    assert await promoting.run() == [f"{OTHERS[0]} was refused: The index has its reasons."]

    assert promoting.fake_target.sent == {FIRST: 1, OTHERS[0]: 1}


async def test_failure_stops_the_rest_of_a_wave(promoting: Promoting) -> None:
    """After a missing answer no other file is sent until the index was read again."""
    promoting.pace = replace(PACE, parallel=1)
    promoting.fake_target.faults = {(OTHERS[1], attempt): Fault.LOST for attempt in (1, 2)}

    assert await promoting.run() == OUT

    sent = [next(iter(one)) for one in promoting.fake_target.together]
    failing = OTHERS[1]
    assert sent == [FIRST, OTHERS[0], failing, failing, failing, *OTHERS[2:], SDIST]


async def test_only_sent_files_count_as_failed(promoting: Promoting) -> None:
    """Files in doubt that were not sent do not count as failed. They did once."""
    promoting.pace = replace(PACE, parallel=1)
    promoting.fake_target.put(FIRST, an_artifact(FIRST).sha256)
    lost = [Fault.LOST] * (PACE.attempts - 1)
    promoting.fake_target.faults = {(OTHERS[0], number): one for number, one in enumerate(lost, 1)}
    promoting.fake_target.faults[OTHERS[1], 1] = Fault.LOST
    doubted = {name: one.sending(NOON).resumed(NOON) for name, one in promoting.kept.items()}
    promoting.journal_store.kept = doubted

    assert await promoting.run() == OUT


async def test_pauses_double(promoting: Promoting) -> None:
    """Each failure in a row doubles the pause."""
    promoting.fake_target.faults = {(FIRST, attempt): Fault.LOST for attempt in range(1, 5)}

    assert await promoting.run() == OUT

    assert promoting.waits == PAUSED


async def test_longest_pause(promoting: Promoting) -> None:
    """No pause is longer than two minutes."""
    promoting.pace = replace(PACE, attempts=30)
    promoting.fake_target.faults = {(FIRST, attempt): Fault.LOST for attempt in range(1, 30)}

    await promoting.run()

    assert max(promoting.waits) == timedelta(minutes=2)


async def test_retry_after(promoting: Promoting) -> None:
    """An index that sends Retry-After is not asked before that."""
    promoting.fake_target.faults = {(FIRST, 1): Fault.BUSY}

    assert await promoting.run() == OUT

    assert promoting.waits == [BUSY]


async def test_too_many_failures(promoting: Promoting) -> None:
    """An index that never answers ends the promotion; file, attempts and reason are named."""
    promoting.fake_target.faults = {(FIRST, attempt): Fault.LOST for attempt in range(1, 10)}

    assert await promoting.run() == [
        f"{FIRST}: no answer from the index 5 times in a row: The connection broke off."
    ]

    assert promoting.fake_target.sent == {FIRST: PACE.attempts}


async def test_accepted_file_without_an_answer(promoting: Promoting) -> None:
    """A file whose answer was lost is searched on the index, and not sent again if listed."""
    promoting.fake_target.faults = {(name, 1): Fault.TAKEN for name in [*WHEELS, SDIST]}

    assert await promoting.run() == OUT

    assert set(promoting.fake_target.sent.values()) == {1}


async def test_refused_file_in_doubt(promoting: Promoting) -> None:
    """A refusal of a file in doubt is no answer: the index is read for a while.

    Other indexes than PyPI refuse the same file the second time.
    """
    promoting.fake_target.lag = 3 * POLL
    promoting.fake_target.faults = {(FIRST, 1): Fault.TAKEN, (FIRST, 2): Fault.REFUSED}

    assert await promoting.run() == OUT

    assert promoting.fake_target.again == {}


@pytest.mark.parametrize("reads", [1, PACE.attempts - 1])
async def test_short_failure_of_the_index(promoting: Promoting, reads: int) -> None:
    """An index whose page fails is read again, and nothing is sent meanwhile."""
    promoting.fake_target.blind = reads

    assert await promoting.run() == OUT

    assert len(promoting.waits) == reads


async def test_long_failure_of_the_index(promoting: Promoting) -> None:
    """An index whose page keeps failing ends the promotion, and nothing is sent."""
    promoting.fake_target.blind = PACE.attempts

    assert await promoting.run() == [
        "Could not check which files are published: The index cannot be reached."
    ]

    assert promoting.fake_target.sent == {}


async def test_damaged_file(promoting: Promoting) -> None:
    """A damaged file ends the promotion by name; none of it counts as sent."""
    promoting.fake_target.faults = {(FIRST, 1): Fault.DAMAGED}

    (ending,) = await promoting.run()

    assert ending.startswith(f"The stored copy of {FIRST} differs from the uploaded file")
    assert not any(one.may_be_published for one in promoting.kept.values())


async def test_unavailable_file(promoting: Promoting) -> None:
    """If a form or a file cannot be read, nothing is sent and the journal has the reason."""
    promoting.upload_requests.broken = [FIRST]

    assert await promoting.run() == [f"{FIRST} cannot be had."]

    assert promoting.fake_target.sent == {}
    assert not any(one.may_be_published for one in promoting.kept.values())


async def test_credential_is_requested_each_time(promoting: Promoting) -> None:
    """A short-lived credential is minted for each file."""
    await promoting.run()

    assert promoting.fake_target.used == [SECRET] * 6
    assert promoting.credentials.minted == 6


@pytest.mark.parametrize("last", [*WHEELS, SDIST])
async def test_lost_lease_stops_at_once(promoting: Promoting, last: str) -> None:
    """After another holder took over, nothing is sent and no failure is recorded."""
    promoting.pace = replace(PACE, parallel=1)

    def lose(name: str) -> None:
        promoting.journal_store.lost_at = 0 if name == last else None

    promoting.fake_target.during = lose
    with pytest.raises(LostLeaseError):
        await promoting.run()

    names = [*WHEELS, SDIST]
    assert list(promoting.fake_target.sent) == names[: names.index(last) + 1]
    assert promoting.journal_store.endings == []


async def test_nothing_is_sent_without_the_lease(promoting: Promoting) -> None:
    """Without the lease nothing is sent at all."""
    promoting.journal_store.lost_at = 0

    with pytest.raises(LostLeaseError):
        await promoting.run()

    assert promoting.fake_target.sent == {}


async def test_lease_is_renewed_during_an_upload(promoting: Promoting) -> None:
    """While a large file is sent, the lease is renewed; without it the upload stops."""
    promoting.pace = replace(PACE, renew=timedelta(milliseconds=1))
    promoting.fake_target.slow = True
    promoting.fake_target.during = lambda _: setattr(promoting.journal_store, "lost_at", 0)

    with pytest.raises(LostLeaseError):
        await asyncio.wait_for(promoting.run(), 2)

    assert promoting.fake_target.taken == {}


async def test_lease_is_renewed_during_a_pause(promoting: Promoting) -> None:
    """A pause longer than the lease does not lose it. It did once."""
    promoting.pace = replace(PACE, renew=timedelta(milliseconds=1))
    promoting.fake_target.faults = {(FIRST, 1): Fault.BUSY}
    promoting.rest = 0.05

    assert await promoting.run() == OUT

    reads = 6
    assert promoting.journal_store.renewals > reads + 5


async def test_progress_is_reported(promoting: Promoting) -> None:
    """The number of bytes sent of each file is reported."""
    await promoting.run()

    assert sorted(promoting.reports) == sorted(
        (one.filename, one.size) for one in promoting.artifacts
    )


async def test_credential_is_never_printed(
    promoting: Promoting, caplog: pytest.LogCaptureFixture
) -> None:
    """Neither the log nor the journal has the credential."""
    caplog.set_level(logging.DEBUG)
    promoting.fake_target.faults = {(FIRST, 1): Fault.BUSY, (OTHERS[0], 1): Fault.REFUSED}

    await promoting.run()

    assert SECRET.password not in f"{caplog.text}{promoting.kept}{promoting.journal_store.endings}"
    assert "is published" in caplog.text
