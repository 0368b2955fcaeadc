"""The contract of catalogues: the sessions at the desk."""

from dataclasses import replace
from functools import partial

from stageproxy.catalogue import Catalogue, Rows
from stageproxy.core.sessions import Holder, HolderKind, Session
from tests.store.builders import HOUR, NOW, an_api_token

HOLDER = Holder(HolderKind.API_TOKEN, "t1")
OTHER = Holder(HolderKind.API_TOKEN, "t2")
SESSION = Session("a" * 64, HOLDER, NOW, NOW + HOUR, NOW + 2 * HOUR, NOW + 9 * HOUR)


async def save(catalogue: Catalogue, *sessions: Session) -> None:
    """Store sessions, each in its own transaction."""
    for session in sessions:
        await catalogue.write(partial(_save, session))


def _save(session: Session, rows: Rows) -> None:
    rows.sessions.save(session)


async def stored(catalogue: Catalogue, holder: Holder = HOLDER) -> list[Session]:
    """Return the stored sessions of a holder."""
    return [*await catalogue.read(lambda rows: rows.sessions.list(holder))]


async def test_every_field_is_stored(catalogue: Catalogue) -> None:
    """A session is found by its digest with every field, times to the microsecond."""
    await save(catalogue, SESSION)

    found, unknown = await catalogue.read(
        lambda rows: (rows.sessions.find("a" * 64), rows.sessions.find("b" * 64))
    )

    assert (found, unknown) == (SESSION, None)


async def test_changed(catalogue: Catalogue) -> None:
    """A session that was used takes the place of itself."""
    used = replace(SESSION, used_at=NOW + 3 * HOUR, expires_at=NOW + 5 * HOUR)

    await save(catalogue, SESSION, used)

    assert await stored(catalogue) == [used]


async def test_latest_first(catalogue: Catalogue) -> None:
    """The sessions of a holder are listed, the latest first."""
    later = replace(SESSION, digest="b" * 64, started_at=NOW + HOUR)
    foreign = replace(SESSION, digest="c" * 64, holder=OTHER)

    await save(catalogue, SESSION, later, foreign)

    assert await stored(catalogue) == [later, SESSION]


async def test_removed(catalogue: Catalogue) -> None:
    """A session is removed by its digest; removing it twice is no error."""
    other = replace(SESSION, digest="b" * 64)
    await save(catalogue, SESSION, other)

    for _ in range(2):
        await catalogue.write(lambda rows: rows.sessions.remove(SESSION.digest))

    assert await stored(catalogue) == [other]


async def test_removed_with_their_holder(catalogue: Catalogue) -> None:
    """All sessions of a holder are removed at once, and those of others stay."""
    foreign = replace(SESSION, digest="c" * 64, holder=OTHER)
    await save(catalogue, SESSION, replace(SESSION, digest="b" * 64), foreign)

    await catalogue.write(lambda rows: rows.sessions.remove_of(HOLDER))

    assert await stored(catalogue) == []
    assert await stored(catalogue, OTHER) == [foreign]


async def test_expired_ones_are_removed(catalogue: Catalogue) -> None:
    """Sessions are removed from the moment at which they expire."""
    later = replace(SESSION, digest="b" * 64, expires_at=NOW + 3 * HOUR)
    await save(catalogue, SESSION, later)

    await catalogue.write(lambda rows: rows.sessions.remove_expired(SESSION.expires_at))

    assert await stored(catalogue) == [later]


async def test_tokens_by_their_ids(catalogue: Catalogue) -> None:
    """The API token that a session belongs to is found by its id."""
    token = an_api_token("t1")
    await catalogue.write(lambda rows: rows.tokens.save(token))

    found, unknown = await catalogue.read(
        lambda rows: (rows.tokens.find_by_id("t1"), rows.tokens.find_by_id("t2"))
    )

    assert (found, unknown) == (token, None)
