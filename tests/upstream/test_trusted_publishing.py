"""Tokens of Trusted Publishing, minted by a fake index with the identity of a fake job."""

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
    """A CI job with an identity that publishes on an index."""

    index: FakeIndex
    session: ClientSession
    clock: FakeClock

    def publisher(self, url: str = "") -> TrustedPublisher:
        """Return its credentials."""
        repository = URL(url or f"{self.index.url}/some/where/legacy/")
        return TrustedPublisher(self.session, repository, self.identify, self.clock)

    async def identify(self, audience: str) -> str:
        """Return its identity token."""
        return self.index.uploads.trusted.identify(audience)


@pytest.fixture
async def job() -> AsyncIterator[Job]:
    """Return a job that is the Trusted Publisher of the index."""
    clock = FakeClock()
    async with FakeIndex.running() as index, ClientSession() as session:
        index.uploads.use(clock)
        yield Job(index, session, clock)


async def test_minted(job: Job) -> None:
    """A token is minted at the root of the host, whatever the URL of the upload API."""
    credential = await job.publisher().get()

    assert job.index.uploads.trusted.knows(credential.password)
    assert credential.username == "__token__"
    assert [one.path for one in job.index.requests] == ["/_/oidc/audience", "/_/oidc/mint-token"]


async def test_token_is_reused(job: Job) -> None:
    """A token is used until five minutes before its expiry; then another one is minted."""
    publisher = job.publisher()
    first = await publisher.get()

    job.clock.advance(minutes=9, seconds=59)
    same = await publisher.get()
    job.clock.advance(seconds=1)
    other = await publisher.get()

    assert (same, other == first) == (first, False)


async def test_wrong_expiry(job: Job) -> None:
    """Whatever expiry an index returns, a token is used for ten minutes at most."""
    publisher = job.publisher()
    job.index.uploads.use(FakeClock(job.clock.now() + timedelta(days=1)))
    first = await publisher.get()

    job.clock.advance(minutes=10)

    assert await publisher.get() != first


async def test_refused_identity(job: Job) -> None:
    """The reason of the index is reported, without the identity."""
    job.index.uploads.trusted.is_registered = False

    with pytest.raises(UpstreamFailedError) as failure:
        await job.publisher().get()

    assert failure.value.sentence == (
        "Trusted Publishing failed: 127.0.0.1 answered 422 to mint-token: "
        "Token request failed; valid token, but no publisher for it."
    )


async def test_unreachable_index(job: Job) -> None:
    """An index that cannot be reached is reported."""
    with pytest.raises(UpstreamUnavailableError, match="cannot be reached"):
        await job.publisher(NOBODY).get()


async def test_nothing_prints(job: Job) -> None:
    """Neither the token nor the identity is in anything that is printed."""
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
async def test_index_without_trusted_publishing(
    job: Job, status: int, text: str, kind: type[StageproxyError]
) -> None:
    """An index without Trusted Publishing is reported, and its redirects are not followed.

    One that is unavailable for a moment is reported differently.
    """

    async def answer(_: web.Request) -> web.Response:
        return web.Response(status=status, text=text, headers={"Location": "/elsewhere"})

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", answer)
    async with job.index.serving(app):
        with pytest.raises(kind, match=r"Trusted Publishing failed: 127\.0"):
            await job.publisher().get()


async def test_repeated_identity_is_hidden(job: Job) -> None:
    """An identity that the index repeats in its refusal is not printed."""

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
