"""Signing in to the desk: when a session begins and when it is over."""

from dataclasses import dataclass, replace
from datetime import timedelta

import pytest

from stageproxy.core.errors import ForbiddenError
from stageproxy.core.rights import ApiToken, TokenKind
from stageproxy.core.sessions import SessionSecret, SessionTimes
from stageproxy.services.care.expire import Expiry
from stageproxy.services.sessions import MOST_SESSIONS, Sessions
from stageproxy.services.tokens import Tokens
from tests.store.builders import an_api_token
from tests.support.ports.clock import NOON, FakeClock
from tests.support.ports.fake_catalogue import FakeCatalogue
from tests.support.ports.fake_derived import FakeDerived
from tests.support.ports.fake_files import FakeFiles

HOUR = timedelta(hours=1)
TIMES = SessionTimes(idle=12 * HOUR, longest=72 * HOUR)


@dataclass(frozen=True, slots=True)
class Desk:
    """Sessions over a fake catalogue, and an API token that may do everything."""

    catalogue: FakeCatalogue
    clock: FakeClock
    sessions: Sessions
    token: ApiToken

    async def is_open(self, secret: SessionSecret) -> bool:
        """Return whether somebody is signed in with a secret."""
        return await self.sessions.find(secret) is not None

    async def save(self, token: ApiToken) -> None:
        """Store an API token."""
        await self.catalogue.write(lambda rows: rows.tokens.save(token))

    async def actions(self) -> list[tuple[str, str]]:
        """Return the actors and actions of the audit trail."""
        records = await self.catalogue.read(lambda rows: rows.audit.list())
        return [(one.event.actor, one.event.action) for one in records]


@pytest.fixture
async def desk() -> Desk:
    """Return a desk at which nobody is signed in."""
    catalogue, clock = FakeCatalogue(), FakeClock()
    token = an_api_token("t1", created_at=NOON, kind=TokenKind.ADMIN, project="*")
    made = Desk(catalogue, clock, Sessions(catalogue, clock, TIMES), token)
    await made.save(token)
    return made


async def test_signed_in_until_signed_out(desk: Desk) -> None:
    """Who has signed in has the rights of the token until signing out; the trail names it."""
    signed_in = await desk.sessions.start(desk.token, None)

    found = await desk.sessions.find(signed_in.secret)
    await desk.sessions.end(signed_in)

    assert found == signed_in
    assert not await desk.is_open(signed_in.secret)
    assert await desk.actions() == [("t1", "signed-in"), ("t1", "signed-out")]


async def test_secret_is_not_stored(desk: Desk) -> None:
    """Of a session's secret only the digest is stored."""
    signed_in = await desk.sessions.start(desk.token, None)

    (stored,) = desk.catalogue.committed.tables.sessions.values()
    assert stored.digest == signed_in.secret.digest != signed_in.secret.value


async def test_secret_is_always_a_new_one(desk: Desk) -> None:
    """Signing in again ends the former session of the browser, and its secret opens nothing."""
    planted = SessionSecret("planted")
    first = await desk.sessions.start(desk.token, planted)

    second = await desk.sessions.start(desk.token, first.secret)

    assert len({planted, first.secret, second.secret}) == 3
    opened = [await desk.is_open(one) for one in (planted, first.secret, second.secret)]
    assert opened == [False, False, True]


@pytest.mark.parametrize(
    ("hours", "is_open"),
    [([11], True), ([12], False), ([11, 11, 11], True), ([11] * 7, False)],
    ids=["before the idle time", "after it", "used meanwhile", "after the longest time"],
)
async def test_expiry(desk: Desk, hours: list[int], is_open: bool) -> None:  # noqa: FBT001 - a column
    """A session ends after the idle time without use, and after the longest time in any case."""
    signed_in = await desk.sessions.start(desk.token, None)
    found = True
    for wait in hours:
        desk.clock.advance(hours=wait)
        found = await desk.is_open(signed_in.secret)

    assert found is is_open


async def test_revoked_token(desk: Desk) -> None:
    """Revoking a token ends all its sessions at once, for good."""
    signed_in = [await desk.sessions.start(desk.token, None) for _ in range(2)]
    await Tokens(desk.catalogue, desk.clock).revoke(desk.token, "t1")

    await desk.save(desk.token)

    assert [await desk.is_open(one.secret) for one in signed_in] == [False, False]


async def test_expired_token(desk: Desk) -> None:
    """A session ends with its token, also if the token's time was shortened meanwhile."""
    signed_in = await desk.sessions.start(desk.token, None)

    await desk.save(replace(desk.token, expires_at=desk.clock.now() + HOUR))
    before = await desk.is_open(signed_in.secret)
    desk.clock.advance(hours=1)

    assert (before, await desk.is_open(signed_in.secret)) == (True, False)


async def test_revoked_while_signing_in(desk: Desk) -> None:
    """A token that is revoked while somebody signs in with it starts no session."""
    await desk.save(replace(desk.token, revoked_at=desk.clock.now()))

    with pytest.raises(ForbiddenError):
        await desk.sessions.start(desk.token, None)


async def test_number_of_sessions(desk: Desk) -> None:
    """A token has a bounded number of sessions: the next one ends the earliest."""
    signed_in = []
    for _ in range(MOST_SESSIONS + 1):
        desk.clock.advance(seconds=1)
        signed_in.append(await desk.sessions.start(desk.token, None))

    opened = [await desk.is_open(one.secret) for one in signed_in]
    assert opened == [False] + [True] * MOST_SESSIONS


async def test_sweep(desk: Desk) -> None:
    """A sweep removes the sessions that have expired, and no others."""
    signed_in = await desk.sessions.start(desk.token, None)
    desk.clock.advance(hours=11)
    later = await desk.sessions.start(desk.token, None)
    desk.clock.advance(hours=1)

    files, derived = FakeFiles(desk.clock), FakeDerived()
    await Expiry(desk.catalogue, files, desk.clock, HOUR, derived).sweep()

    left = {*desk.catalogue.committed.tables.sessions}
    assert (signed_in.secret.digest in left, later.secret.digest in left) == (False, True)


async def test_full_disk(desk: Desk) -> None:
    """Who is signed in stays so while the disk is full: only the use is not noted."""
    signed_in = await desk.sessions.start(desk.token, None)
    desk.clock.advance(hours=11)
    desk.catalogue.is_full = True

    assert await desk.is_open(signed_in.secret)
    desk.clock.advance(hours=1)
    assert not await desk.is_open(signed_in.secret)
