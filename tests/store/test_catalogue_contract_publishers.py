"""The contract of catalogues: trusted publishers, and identities that were used."""

from dataclasses import replace
from datetime import timedelta

from stageproxy.catalogue import Catalogue, Rows
from stageproxy.core.identity.providers import Provider
from stageproxy.core.identity.publishers import TrustedPublisher
from stageproxy.core.rights import ApiToken, TokenKind
from tests.support.ports.clock import NOON

HOUR = timedelta(hours=1)
DEMO = TrustedPublisher(
    "p1",
    "demo",
    Provider.GITHUB,
    "https://ci.example",
    {"repository": "octo/demo", "workflow": "release.yml"},
    NOON,
    "t1",
)
OTHER = replace(DEMO, id="p2", project="other", added_at=NOON + HOUR)
ELSEWHERE = replace(DEMO, id="p3", issuer="https://other.example", added_at=NOON - HOUR)


async def test_publishers(catalogue: Catalogue) -> None:
    """Publishers are found by id, project and issuer, the earliest first."""

    def add_all(rows: Rows) -> None:
        for one in (DEMO, OTHER, ELSEWHERE):
            rows.publishers.add(one)

    await catalogue.write(add_all)

    assert await catalogue.read(lambda rows: rows.publishers.find("p1")) == DEMO
    assert await catalogue.read(lambda rows: rows.publishers.find("p9")) is None
    assert await catalogue.read(lambda rows: rows.publishers.list()) == [ELSEWHERE, DEMO, OTHER]
    assert await catalogue.read(lambda rows: rows.publishers.list("demo")) == [ELSEWHERE, DEMO]
    found = await catalogue.read(lambda rows: rows.publishers.list_of_issuer(DEMO.issuer))
    assert found == [DEMO, OTHER]
    issuers = await catalogue.read(lambda rows: rows.publishers.issuers())
    assert issuers == {DEMO.issuer, ELSEWHERE.issuer}


async def test_removed_publisher(catalogue: Catalogue) -> None:
    """A publisher that is removed is not found any more."""
    await catalogue.write(lambda rows: rows.publishers.add(DEMO))

    await catalogue.write(lambda rows: rows.publishers.remove(DEMO.id))
    await catalogue.write(lambda rows: rows.publishers.remove(DEMO.id))

    assert await catalogue.read(lambda rows: rows.publishers.issuers()) == frozenset()


async def test_one_use(catalogue: Catalogue) -> None:
    """An identity is used once, until it is forgotten."""
    uses = [await catalogue.write(lambda rows: rows.identities.use("d1", NOON)) for _ in range(2)]
    await catalogue.write(lambda rows: rows.identities.forget(NOON - HOUR))
    uses.append(await catalogue.write(lambda rows: rows.identities.use("d1", NOON)))
    await catalogue.write(lambda rows: rows.identities.forget(NOON))
    uses.append(await catalogue.write(lambda rows: rows.identities.use("d1", NOON)))

    assert uses == [True, False, False, True]


async def test_forgotten_tokens(catalogue: Catalogue) -> None:
    """Of tokens that expired long ago, those that were minted for jobs are forgotten."""
    minted = ApiToken("t1", TokenKind.UPLOAD, "demo", None, "d1", NOON, NOON, publisher="p1")
    later = replace(minted, id="t2", digest="d2", expires_at=NOON + HOUR)
    made = replace(minted, id="t3", digest="d3", publisher=None)

    def save_all(rows: Rows) -> None:
        for one in (minted, later, made):
            rows.tokens.save(one)

    await catalogue.write(save_all)
    await catalogue.write(lambda rows: rows.tokens.forget_minted(NOON + HOUR))

    left = await catalogue.read(lambda rows: rows.tokens.list())
    assert sorted(one.id for one in left) == ["t2", "t3"]
