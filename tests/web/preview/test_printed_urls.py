"""The URLs that uploaders print at the end, which redirect to the stage."""

import pytest

from stageproxy.core.rights import TOKEN_PATTERN
from tests.support.builders.distributions import a_wheel
from tests.support.servers.service import RunningService, basic, prefix_of

PRINTED = [
    pytest.param("/legacy/demo/2.0/", id="hatch"),
    pytest.param("/legacy/demo", id="flit"),
    pytest.param("/legacy/Demo/2", id="another-spelling"),
    pytest.param("/project/demo/", id="flit-of-a-legacy-URL"),
    pytest.param("/project/demo/2.0/", id="a-release"),
]


@pytest.mark.parametrize("path", PRINTED)
async def test_redirects_to_the_stage(service: RunningService, path: str) -> None:
    """A token that may read the stage is redirected to it, and the answer is not stored."""
    stage = await service.staged(a_wheel(version="2.0"))

    answer = await service.get(path, Authorization=basic(await service.token()))

    assert (answer.status, answer.headers["Location"]) == (307, prefix_of(stage))
    assert answer.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize("path", PRINTED)
async def test_without_a_token(service: RunningService, path: str) -> None:
    """Without a token the answer is a challenge, so that browsers ask for one."""
    await service.staged(a_wheel(version="2.0"))

    answer = await service.get(path)

    assert answer.status == 401
    assert answer.headers["WWW-Authenticate"].startswith("Basic ")
    assert not TOKEN_PATTERN.search(answer.text)


@pytest.mark.parametrize("path", PRINTED)
async def test_with_a_foreign_token(service: RunningService, path: str) -> None:
    """A token of another project gets one answer for an existing and a missing stage."""
    token = basic(await service.token(project="other"))

    before = await service.get(path, Authorization=token)
    await service.staged(a_wheel(version="2.0"))
    after = await service.get(path, Authorization=token)

    assert (before.status, after.status) == (403, 403)
    assert before.body == after.body


async def test_latest_live_stage(service: RunningService) -> None:
    """Of several stages of a project the URL redirects to the latest open one."""
    await service.staged(a_wheel(version="2.0"))
    service.clock.advance(hours=1)
    latest = await service.staged(a_wheel(version="3.0"))
    service.clock.advance(hours=1)
    over = await service.staged(a_wheel(version="4.0"))
    await service.api("DELETE", f"stages/{over['id']}")

    answer = await service.get("/project/demo/", Authorization=basic(service.admin))

    assert answer.headers["Location"] == prefix_of(latest)


async def test_ended_stage(service: RunningService) -> None:
    """If the only stage has ended, its URL states how."""
    stage = await service.staged(a_wheel(version="2.0"))
    await service.api("DELETE", f"stages/{stage['id']}")

    answer = await service.get("/legacy/demo/2.0/", Authorization=basic(service.admin))

    assert (await service.get(answer.headers["Location"])).status == 410


async def test_nothing_staged(service: RunningService) -> None:
    """A release without a stage is not found, for a token of the project."""
    answer = await service.get("/legacy/demo/9.9/", Authorization=basic(service.admin))

    assert (answer.status, answer.text) == (404, "There is no stage of demo 9.9.")


@pytest.mark.parametrize("path", ["/legacy/+simple/demo/", "/legacy/%2Bsimple/demo/"])
async def test_what_hatch_asks_first(service: RunningService, path: str) -> None:
    """The page that hatch reads to skip files is 404, with any credential."""
    await service.staged(a_wheel(version="2.0"))

    answer = await service.get(path, Authorization=basic(service.admin))

    assert answer.status == 404


@pytest.mark.parametrize("rest", ["legacy/demo/2.0/", "legacy/Demo", "legacy/demo/"])
async def test_below_a_stage(service: RunningService, rest: str) -> None:
    """Below a stage URL no token is needed."""
    prefix = prefix_of(await service.staged(a_wheel(version="2.0")))

    answer = await service.get(prefix + rest)

    path = prefix.removeprefix(service.url)
    assert (answer.status, answer.headers["Location"]) == (307, path)


@pytest.mark.parametrize("rest", ["legacy/%2Bsimple/demo/", "legacy/other/1.0/"])
async def test_nothing_else_below_a_stage(service: RunningService, rest: str) -> None:
    """Other paths below the upload URL of a stage are 404, and upstream is not asked."""
    prefix = prefix_of(await service.staged(a_wheel(version="2.0")))
    asked = len(service.index.requests)

    answer = await service.get(prefix + rest)

    assert (answer.status, len(service.index.requests)) == (404, asked)


async def test_no_issuer(service: RunningService) -> None:
    """This server issues no identities: 404, and upstream is not asked."""
    asked = len(service.index.requests)
    path = "/.well-known/openid-configuration"

    statuses = [(await service.get(path, method=method)).status for method in ("GET", "POST")]

    assert (statuses, len(service.index.requests)) == ([404, 404], asked)
