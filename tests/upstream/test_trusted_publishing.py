"""Tokens of Trusted Publishing, minted at a fake index with the identity of a fake job."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta

import pytest
from aiohttp import ClientSession, web
from yarl import URL

from stageproxy.core.errors import StageproxyError, UpstreamFailedError, UpstreamUnavailableError
from stageproxy.upstream.trusted_publishing import TrustedPublisher
from tests.support.index.fake_index import FakeIndex
from tests.support.ports.clock import FakeClock

NOBODY = "http://127.0.0.1:1/legacy/"


@dataclass(frozen=True, slots=True)
class Job:
    """A CI job with an identity, that publishes at an index."""

    index: FakeIndex
    session: ClientSession
    clock: FakeClock

    def publisher(self, url: str = "") -> TrustedPublisher:
        """Return its credentials."""
        repository = URL(url or f"{self.index.url}/some/where/legacy/")
        return TrustedPublisher(self.session, repository, self.identify, self.clock)

    async def identify(self, audience: str) -> str:
        """Return its identity."""
        return self.index.uploads.trusted.identify(audience)


@pytest.fixture
async def job() -> AsyncIterator[Job]:
    """Return a job that is the Trusted Publisher of the index."""
    clock = FakeClock()
    async with FakeIndex.running() as index, ClientSession() as session:
        index.uploads.use(clock)
        yield Job(index, session, clock)


async def test_minted(job: Job) -> None:
    """A token is minted at the root of the host, wherever the upload API is."""
    credential = await job.publisher().get()

    assert job.index.uploads.trusted.knows(credential.password)
    assert credential.username == "__token__"
    assert [one.path for one in job.index.requests] == ["/_/oidc/audience", "/_/oidc/mint-token"]


async def test_kept_while_it_is_good(job: Job) -> None:
    """A token is used until five minutes before its end; then another one is minted."""
    publisher = job.publisher()
    first = await publisher.get()

    job.clock.advance(minutes=9, seconds=59)
    same = await publisher.get()
    job.clock.advance(seconds=1)
    other = await publisher.get()

    assert (same, other == first) == (first, False)


async def test_clock_that_is_late(job: Job) -> None:
    """Whatever an index says of a token's end, it is used for ten minutes at most."""
    publisher = job.publisher()
    job.index.uploads.use(FakeClock(job.clock.now() + timedelta(days=1)))
    first = await publisher.get()

    job.clock.advance(minutes=10)

    assert await publisher.get() != first


async def test_no_publisher(job: Job) -> None:
    """What the index has against the job is told, without its identity."""
    job.index.uploads.trusted.is_registered = False

    with pytest.raises(UpstreamFailedError) as failure:
        await job.publisher().get()

    assert failure.value.sentence == (
        "Trusted Publishing failed: 127.0.0.1 answered 422 to mint-token: "
        "Token request failed; valid token, but no publisher for it."
    )


async def test_out_of_reach(job: Job) -> None:
    """An index that cannot be reached is told as such."""
    with pytest.raises(UpstreamUnavailableError, match="cannot be reached"):
        await job.publisher(NOBODY).get()


async def test_nothing_prints(job: Job) -> None:
    """Neither the token nor the identity is in what may be printed."""
    publisher = job.publisher()
    credential = await publisher.get()

    assert credential.password not in f"{publisher!r} {credential!r} {credential}"


@pytest.mark.parametrize(
    ("status", "text", "kind"),
    [
        (404, "not here", UpstreamFailedError),
        (302, "", UpstreamFailedError),
        (200, "[]", UpstreamFailedError),
        (200, '{"audience": 1}', UpstreamFailedError),
        (429, "", UpstreamUnavailableError),
        (
            503,
            '{"message": 1, "errors": [1, {"description": null}]}',
            UpstreamUnavailableError,
        ),
    ],
    ids=["none", "redirect", "list", "nonsense", "busy", "unavailable"],
)
async def test_index_without_it(
    job: Job, status: int, text: str, kind: type[StageproxyError]
) -> None:
    """An index that does not know Trusted Publishing is told as such, and never followed.

    One that is not available may be in a moment, and is told apart.
    """

    async def answer(_: web.Request) -> web.Response:
        return web.Response(status=status, text=text, headers={"Location": "/elsewhere"})

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", answer)
    async with job.index.serving(app):
        with pytest.raises(kind, match=r"Trusted Publishing failed: 127\.0"):
            await job.publisher().get()


async def test_identity_is_not_repeated(job: Job) -> None:
    """An index that repeats the identity in its refusal does not make it printed."""

    async def echo(request: web.Request) -> web.Response:
        if request.method == "GET":
            return web.json_response({"audience": "pypi"})
        return web.json_response({"message": await request.text()}, status=422)

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", echo)
    async with job.index.serving(app):
        with pytest.raises(UpstreamFailedError) as failure:
            await job.publisher().get()

    [identity] = job.index.uploads.trusted.identities
    assert identity not in str(failure.value)
    assert "***" in str(failure.value)
