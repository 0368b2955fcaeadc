"""What a publication does with what an index says, over an index in memory."""

import asyncio
import logging
from dataclasses import replace
from datetime import timedelta

import pytest

from stageproxy.core.promotion.journal import Entry, Progress, anything_may_be_out
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
    """Return artifacts of one release: all wheels and the sdist, or these."""
    return [an_artifact(one) for one in filenames or (SDIST, *WHEELS)]


@pytest.fixture
def promoting() -> Promoting:
    """Return a release of five wheels and an sdist on its way."""
    return Promoting(artifacts())


async def test_one_wheel_then_the_others_then_the_sdist(promoting: Promoting) -> None:
    """The first wheel goes alone, the sdist when every wheel is shown, each file once."""
    assert await promoting.run() == OUT

    fake_target = promoting.fake_target
    names = [name for name, _ in fake_target.story]
    assert (names[0], sorted(names[1:-1]), names[-1]) == (FIRST, OTHERS, SDIST)
    assert fake_target.story[-1][1] >= set(WHEELS)
    assert fake_target.together[0] == {FIRST}
    assert fake_target.together[-1] == {SDIST}
    assert set(fake_target.sent.values()) == {1}


async def test_each_step_is_written_down(promoting: Promoting) -> None:
    """The journal has each artifact as it was sent, taken and seen, in that order."""
    promoting.artifacts = artifacts(FIRST)
    promoting.fake_target.lag = POLL

    await promoting.run()

    pending = Entry(FIRST, Progress.PENDING, NOON)
    sending = pending.sending(NOON)
    sent = replace(sending, progress=Progress.SENT, said="OK")
    url = f"{FILES}/{FIRST}"
    assert promoting.journal_store.told == [sending, sent, sent.confirmed(url, NOON + POLL)]


async def test_journal_knows_first(promoting: Promoting) -> None:
    """Before the index gets a byte, the journal says that it does."""
    known: list[Progress] = []
    promoting.fake_target.during = lambda name: known.append(promoting.kept[name].progress)

    await promoting.run()

    assert known == [Progress.SENDING] * 6


async def test_only_so_many_at_a_time(promoting: Promoting) -> None:
    """No more files go out at the same time than the settings say."""
    promoting.pace = replace(PACE, parallel=2)

    await promoting.run()

    assert max(map(len, promoting.fake_target.together)) == 2


async def test_what_is_out_is_not_sent(promoting: Promoting) -> None:
    """Files that the index shows with our hash are confirmed, and their bytes stay here."""
    promoting.fake_target.put(FIRST, an_artifact(FIRST).sha256)

    assert await promoting.run() == OUT

    assert sorted(promoting.fake_target.sent) == [*OTHERS, SDIST]


async def test_other_bytes_stop_everything(promoting: Promoting) -> None:
    """Other bytes under a name of ours stop a promotion before anything is sent, by name."""
    promoting.fake_target.put(OTHERS[2], "0" * 64)

    (ending,) = await promoting.run()

    assert ending.startswith(f"{OTHERS[2]} is already on the index with other bytes: sha256 0000")
    assert promoting.fake_target.sent == {}


async def test_other_bytes_end_a_doubt(promoting: Promoting) -> None:
    """Where a name has other bytes, ours are not out: with nothing else out, nothing is.

    One answer that did not come, and somebody else's file after it, froze a stage for good.
    """
    doubted = promoting.kept[FIRST].sending(NOON).resumed(NOON)
    promoting.journal_store.kept = {**promoting.kept, FIRST: doubted}
    promoting.fake_target.put(FIRST, "0" * 64)

    await promoting.run()

    assert (promoting.kept[FIRST].progress, anything_may_be_out(promoting.kept)) == (
        Progress.REFUSED,
        False,
    )


async def test_pages_without_hashes_are_compared(promoting: Promoting) -> None:
    """Where pages do not say hashes, a file is confirmed by its bytes."""
    promoting.fake_target.hashed = False

    assert await promoting.run() == OUT

    assert set(promoting.fake_target.sent.values()) == {1}


async def test_links_that_are_signed_anew(promoting: Promoting) -> None:
    """A file is compared once, whatever its link is the next time: it was done without end."""
    promoting.fake_target.hashed = False
    promoting.fake_target.signed = True

    assert await promoting.run() == OUT

    assert promoting.fake_target.downloads == 6


async def test_mint_that_is_down_for_a_moment(promoting: Promoting) -> None:
    """A credential that cannot be had for a moment is waited for: it left half a release."""
    promoting.credentials.down = {2, 3, 4, 5}

    assert await promoting.run() == OUT

    assert set(promoting.fake_target.sent.values()) == {1}
    assert {one.attempts for one in promoting.kept.values()} == {1}


async def test_mint_that_stays_down(promoting: Promoting) -> None:
    """A credential that is not to be had ends it, with nothing in doubt."""
    promoting.credentials.down = range(100)

    (ending,) = await promoting.run()

    assert ending.endswith("5 times in a row: The mint cannot be reached.")
    assert {one.progress for one in promoting.kept.values()} == {Progress.PENDING}


async def test_other_bytes_are_found_by_downloading(promoting: Promoting) -> None:
    """Where pages do not say hashes, other bytes stop everything all the same."""
    promoting.fake_target.hashed = False
    promoting.fake_target.put(SDIST, "0" * 64)

    (ending,) = await promoting.run()

    assert ending.startswith(f"{SDIST} is already on the index with other bytes")
    assert promoting.fake_target.sent == {}


async def test_file_that_cannot_be_compared(promoting: Promoting) -> None:
    """A file that cannot be downloaded is tried again, and then ends it."""
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
    """What was accepted and is not shown yet is not sent again: the pages are asked anew."""
    promoting.fake_target.lag = 5 * POLL

    assert await promoting.run() == OUT

    assert set(promoting.fake_target.sent.values()) == {1}
    assert promoting.waits == [POLL] * 10


async def test_index_that_never_shows_it(promoting: Promoting) -> None:
    """An index that never shows what it took ends it, with the sdist still here."""
    promoting.fake_target.lag = 2 * PATIENCE

    (ending,) = await promoting.run()

    assert ending.startswith(f"{FIRST} was accepted, but the index does not list it yet.")
    assert SDIST not in promoting.fake_target.sent


async def test_refusal_stops_it(promoting: Promoting) -> None:
    """After a refusal nothing new begins; the reason is the index's sentence."""
    promoting.pace = replace(PACE, parallel=1)
    promoting.fake_target.faults = {(OTHERS[0], 1): Fault.REFUSED}

    assert await promoting.run() == [f"{OTHERS[0]} was refused: The index has its reasons."]

    assert promoting.fake_target.sent == {FIRST: 1, OTHERS[0]: 1}


async def test_failure_keeps_the_rest_of_a_wave_back(promoting: Promoting) -> None:
    """While one file goes unanswered no other is begun, and all of them go out in the end."""
    promoting.pace = replace(PACE, parallel=1)
    promoting.fake_target.faults = {(OTHERS[1], attempt): Fault.LOST for attempt in (1, 2)}

    assert await promoting.run() == OUT

    sent = [next(iter(one)) for one in promoting.fake_target.together]
    failing = OTHERS[1]
    assert sent == [FIRST, OTHERS[0], failing, failing, failing, *OTHERS[2:], SDIST]


async def test_only_what_was_sent_counts_as_failed(promoting: Promoting) -> None:
    """Files in doubt that were kept back were once counted as failed with the one that did."""
    promoting.pace = replace(PACE, parallel=1)
    promoting.fake_target.put(FIRST, an_artifact(FIRST).sha256)
    lost = [Fault.LOST] * (PACE.attempts - 1)
    promoting.fake_target.faults = {(OTHERS[0], number): one for number, one in enumerate(lost, 1)}
    promoting.fake_target.faults[OTHERS[1], 1] = Fault.LOST
    doubted = {name: one.sending(NOON).resumed(NOON) for name, one in promoting.kept.items()}
    promoting.journal_store.kept = doubted

    assert await promoting.run() == OUT


async def test_waits_grow(promoting: Promoting) -> None:
    """Each time that an index does not answer it is left alone for twice as long."""
    promoting.fake_target.faults = {(FIRST, attempt): Fault.LOST for attempt in range(1, 5)}

    assert await promoting.run() == OUT

    assert promoting.waits == PAUSED


async def test_no_wait_is_longer_than_two_minutes(promoting: Promoting) -> None:
    """However often an index has not answered, somebody looks every two minutes."""
    promoting.pace = replace(PACE, attempts=30)
    promoting.fake_target.faults = {(FIRST, attempt): Fault.LOST for attempt in range(1, 30)}

    await promoting.run()

    assert max(promoting.waits) == timedelta(minutes=2)


async def test_wish_to_be_left_alone(promoting: Promoting) -> None:
    """An index that says for how long it wants to be left alone is left alone for so long."""
    promoting.fake_target.faults = {(FIRST, 1): Fault.BUSY}

    assert await promoting.run() == OUT

    assert promoting.waits == [BUSY]


async def test_unanswered_too_often(promoting: Promoting) -> None:
    """An index that never answers ends it, with the file, how often, and what was the matter."""
    promoting.fake_target.faults = {(FIRST, attempt): Fault.LOST for attempt in range(1, 10)}

    assert await promoting.run() == [
        f"{FIRST}: no answer from the index 5 times in a row: The connection broke off."
    ]

    assert promoting.fake_target.sent == {FIRST: PACE.attempts}


async def test_file_that_was_taken_without_an_answer(promoting: Promoting) -> None:
    """A file whose answer was lost is looked for, and not sent again if it is there."""
    promoting.fake_target.faults = {(name, 1): Fault.TAKEN for name in [*WHEELS, SDIST]}

    assert await promoting.run() == OUT

    assert set(promoting.fake_target.sent.values()) == {1}


async def test_doubtful_file_that_is_refused(promoting: Promoting) -> None:
    """A refusal of what may be there already is no answer: the index is looked at for a while.

    Other indexes than PyPI refuse the very same file.
    """
    promoting.fake_target.lag = 3 * POLL
    promoting.fake_target.faults = {(FIRST, 1): Fault.TAKEN, (FIRST, 2): Fault.REFUSED}

    assert await promoting.run() == OUT

    assert promoting.fake_target.again == {}


@pytest.mark.parametrize("looks", [1, PACE.attempts - 1])
async def test_index_that_is_blind_for_a_while(promoting: Promoting, looks: int) -> None:
    """An index that does not say what it has is asked again, and nothing is sent meanwhile."""
    promoting.fake_target.blind = looks

    assert await promoting.run() == OUT

    assert len(promoting.waits) == looks


async def test_index_that_stays_blind(promoting: Promoting) -> None:
    """An index that does not say what it has gets nothing, and that ends it."""
    promoting.fake_target.blind = PACE.attempts

    assert await promoting.run() == [
        "Could not check which files are published: The index cannot be reached."
    ]

    assert promoting.fake_target.sent == {}


async def test_damaged_file(promoting: Promoting) -> None:
    """A file that is not what was staged ends it by name; nothing of it counts as sent."""
    promoting.fake_target.faults = {(FIRST, 1): Fault.DAMAGED}

    (ending,) = await promoting.run()

    assert ending.startswith(f"The stored copy of {FIRST} differs from the uploaded file")
    assert not any(one.may_be_out for one in promoting.kept.values())


async def test_upload_request_that_is_not_available(promoting: Promoting) -> None:
    """Where form or file cannot be had, nothing is sent and the journal says so."""
    promoting.upload_requests.broken = [FIRST]

    assert await promoting.run() == [f"{FIRST} cannot be had."]

    assert promoting.fake_target.sent == {}
    assert not any(one.may_be_out for one in promoting.kept.values())


async def test_credential_is_asked_for_each_time(promoting: Promoting) -> None:
    """A credential that was minted for a short time is minted anew for each file."""
    await promoting.run()

    assert promoting.fake_target.used == [SECRET] * 6
    assert promoting.credentials.minted == 6


@pytest.mark.parametrize("last", [*WHEELS, SDIST])
async def test_lost_lease_stops_at_once(promoting: Promoting, last: str) -> None:
    """When somebody else takes over, nothing more is begun, and nobody says that it failed."""
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
    """Whoever does not have the lease sends nothing at all."""
    promoting.journal_store.lost_at = 0

    with pytest.raises(LostLeaseError):
        await promoting.run()

    assert promoting.fake_target.sent == {}


async def test_lease_is_kept_while_a_file_goes_out(promoting: Promoting) -> None:
    """While a large file goes out there are signs of life; without the lease it goes no further."""
    promoting.pace = replace(PACE, renew=timedelta(milliseconds=1))
    promoting.fake_target.slow = True
    promoting.fake_target.during = lambda _: setattr(promoting.journal_store, "lost_at", 0)

    with pytest.raises(LostLeaseError):
        await asyncio.wait_for(promoting.run(), 2)

    assert promoting.fake_target.taken == {}


async def test_lease_is_kept_while_the_index_rests(promoting: Promoting) -> None:
    """An index may ask to be left alone for longer than a lease lasts: it was once lost then."""
    promoting.pace = replace(PACE, renew=timedelta(milliseconds=1))
    promoting.fake_target.faults = {(FIRST, 1): Fault.BUSY}
    promoting.rest = 0.05

    assert await promoting.run() == OUT

    looks = 6
    assert promoting.journal_store.renewals > looks + 5


async def test_progress_is_reported(promoting: Promoting) -> None:
    """Whoever follows a promotion learns how many bytes of which file are out."""
    await promoting.run()

    assert sorted(promoting.reports) == sorted(
        (one.filename, one.size) for one in promoting.artifacts
    )


async def test_credential_is_never_printed(
    promoting: Promoting, caplog: pytest.LogCaptureFixture
) -> None:
    """Nothing that is logged or kept on the way has the credential."""
    caplog.set_level(logging.DEBUG)
    promoting.fake_target.faults = {(FIRST, 1): Fault.BUSY, (OTHERS[0], 1): Fault.REFUSED}

    await promoting.run()

    assert SECRET.password not in f"{caplog.text}{promoting.kept}{promoting.journal_store.endings}"
    assert "is published" in caplog.text
