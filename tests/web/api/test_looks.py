"""What a promotion plan says has changed since its token last looked."""

from typing import Any

import pytest

from tests.support.builders.distributions import Distribution, a_wheel, an_sdist
from tests.support.builders.forms import twine_form
from tests.support.promotion.promotion_client import PromotionClient
from tests.support.servers.service import RunningService

WHEEL = a_wheel(version="2.0")
SWAPPED = a_wheel(version="2.0", summary="Something else")
SDIST = an_sdist(version="2.0")
BROWSER = "text/html"


@pytest.fixture
async def stage(service: RunningService) -> Any:
    """Return a stage of a wheel."""
    return await service.staged(WHEEL)


@pytest.fixture
async def manager(service: RunningService) -> PromotionClient:
    """Return a client of the promotion API with its own manage token."""
    return PromotionClient(service, await service.token("manage"))


async def changes(client: PromotionClient, stage: Any, since: str = "look") -> Any:
    """Return what a plan that comes with a question says has changed."""
    answer = await client.ask("POST", stage, "/promotion/plan", look=False)
    return answer.document["changes"][f"since-last-{since}"]


def kinds(found: Any) -> dict[str, str]:
    """Return how each file has changed."""
    return {one["filename"]: one["change"] for one in found["files"]}


async def test_swapped_file(service: RunningService, manager: PromotionClient, stage: Any) -> None:
    """A file that an upload token replaced is told with both hashes, the token and the time."""
    await manager.plan(stage)
    uploader = await service.token(name="ci-linux")
    service.clock.advance(hours=1)
    await service.upload(SWAPPED, token=uploader)

    found = await changes(manager, stage)

    [file] = found["files"]
    assert (found["since"]["kind"], file["change"]) == ("dry-run", "replaced")
    assert (file["old-sha256"], file["sha256"]) == (WHEEL.sha256, SWAPPED.sha256)
    plan = (await manager.plan(stage)).document
    assert (file["by"], file["at"]) == (
        plan["files"][0]["uploaded-by"],
        plan["files"][0]["uploaded-at"],
    )
    assert file["at"] > found["since"]["at"]
    assert file["by"] != found["since"]["by"]
    assert (file["by-name"], plan["files"][0]["uploaded-by-name"]) == ("ci-linux", "ci-linux")
    assert f"by ci-linux ({file['by']})." in file["message"]


async def test_first_look(manager: PromotionClient, stage: Any) -> None:
    """A token that has never looked sees every file as new, and so does the next plan."""
    for _ in range(2):
        found = await changes(manager, stage)
        assert (found["since"], kinds(found)) == (None, {WHEEL.filename: "added"})


@pytest.mark.parametrize("event", ["added", "withdrawn", "form", "nothing"])
async def test_kinds_of_changes(
    service: RunningService, manager: PromotionClient, stage: Any, event: str
) -> None:
    """Files that were added or withdrawn, or that came with another form, are told apart."""
    await manager.plan(stage)
    match event:
        case "added":
            await service.upload(SDIST)
        case "withdrawn":
            await service.api("DELETE", f"stages/{stage['id']}/files/{WHEEL.filename}")
            await service.upload(SDIST)
        case "form":
            await service.post(twine_form(WHEEL, summary="Another summary"))
        case _:
            await service.upload(WHEEL)

    found = kinds(await changes(manager, stage))

    assert (
        found
        == {
            "added": {SDIST.filename: "added"},
            "withdrawn": {WHEEL.filename: "withdrawn", SDIST.filename: "added"},
            "form": {WHEEL.filename: "form"},
            "nothing": {},
        }[event]
    )


@pytest.mark.parametrize("how", ["page", "document of the stage URL", "API", "dry run"])
async def test_looks(
    service: RunningService, manager: PromotionClient, stage: Any, how: str
) -> None:
    """The stage page, a document that is shown to somebody, and a dry run are looks."""
    path = stage["links"]["stage"]
    bearer = {"Authorization": f"Bearer {manager.token}"}
    match how:
        case "page":
            await service.get(path, BROWSER, **bearer)
        case "document of the stage URL":
            await service.get(f"{path}?look=true", "application/json", **bearer)
        case "API":
            await manager.ask("GET", stage, "?look=true")
        case _:
            await manager.plan(stage)

    found = await changes(manager, stage)

    assert (found["files"], found["since"]["kind"]) == (
        [],
        "dry-run" if how == "dry run" else "page",
    )


async def test_no_looks(service: RunningService, manager: PromotionClient, stage: Any) -> None:
    """A program that polls, a reader without a token, HEAD, and other tokens are no looks."""
    path = stage["links"]["stage"]
    bearer = {"Authorization": f"Bearer {manager.token}"}

    await manager.ask("GET", stage)
    await service.get(path, "application/json", **bearer)
    await service.get(path, BROWSER, method="HEAD", **bearer)
    await service.get(path, BROWSER)
    await service.get(path, BROWSER, Authorization=f"Bearer {await service.token()}")
    await PromotionClient(service).plan(stage)

    assert (await changes(manager, stage))["since"] is None


async def test_since_the_last_approval(
    service: RunningService, promotion_client: PromotionClient, manager: PromotionClient, stage: Any
) -> None:
    """What has changed since the last approval is told to every token."""
    await promotion_client.start(stage, "client")
    await promotion_client.abort(stage)
    await service.upload(SWAPPED)

    found = await changes(manager, stage, "approval")

    assert kinds(found) == {WHEEL.filename: "replaced"}
    assert found["since"]["kind"] == "approval"


async def test_resumable(service: RunningService, manager: PromotionClient, stage: Any) -> None:
    """A promotion that stopped is resumed as it was approved, until the stage changes."""
    await manager.start(stage, "client")
    await manager.abort(stage)

    same = (await manager.plan(stage)).document["resumes"]
    await service.post(twine_form(WHEEL, summary="Another summary"))
    changed = (await manager.plan(stage)).document["resumes"]

    assert (same["covers-warnings"], changed) == (True, None)


@pytest.mark.parametrize("other", [SWAPPED, SDIST], ids=["replaced", "added"])
async def test_changed_while_asked(
    service: RunningService, manager: PromotionClient, stage: Any, other: Distribution
) -> None:
    """A stage that changes between the question and its answer is 409, with what has changed."""
    plan = (await manager.ask("POST", stage, "/promotion/plan", look=False)).document
    await service.upload(other)

    order = {"manifest-digest": plan["manifest-digest"], "revision": plan["revision"]}
    answer = await manager.ask("POST", stage, "/promotion", **order)

    [error] = answer.document["errors"]
    assert (answer.status, error["source"]) == (409, other.filename)
    assert error["message"].startswith("It was ")
    assert service.index.uploads.history.attempts == []


async def test_other_form_while_asked(
    service: RunningService, manager: PromotionClient, stage: Any
) -> None:
    """The same bytes with another form have the same manifest digest, but another revision: 409."""
    plan = (await manager.ask("POST", stage, "/promotion/plan", look=False)).document
    await service.post(twine_form(WHEEL, summary="Another summary"))

    order = {"manifest-digest": plan["manifest-digest"], "revision": plan["revision"]}
    answer = await manager.ask("POST", stage, "/promotion", **order)

    assert answer.status == 409
    assert (
        f"has revision {plan['revision'] + 1}, not {plan['revision']}" in answer.document["detail"]
    )
    assert "another form" in answer.document["errors"][0]["message"]
    assert service.index.uploads.history.attempts == []


@pytest.mark.parametrize("way", ["replaced", "withdrawn and uploaded"])
async def test_other_form_under_an_approved_digest(
    service: RunningService, manager: PromotionClient, stage: Any, way: str
) -> None:
    """A digest alone does not approve bytes that came with several forms: 409, and which they are.

    The digest of a plan that was read would otherwise approve a description that nobody read.
    """
    plan = (await manager.plan(stage)).document
    if way != "replaced":
        await service.api("DELETE", f"stages/{stage['id']}/files/{WHEEL.filename}")
    await service.post(twine_form(WHEEL, summary="Another summary"))

    order = {"manifest-digest": plan["manifest-digest"]}
    refused = await manager.ask("POST", stage, "/promotion", **order)
    changed = (await manager.plan(stage)).document
    exact = {"revision": changed["revision"], "acknowledged": changed["warnings-digest"]}
    accepted = await manager.ask("POST", stage, "/promotion", **order, **exact)

    [error] = refused.document["errors"]
    assert (plan["other-forms"], refused.status, accepted.status) == ([], 409, 202)
    assert "name its revision as well" in refused.document["detail"]
    assert error["source"] == changed["other-forms"][0]["filename"] == WHEEL.filename
    assert "another form" in error["message"]
    await manager.until_over(stage)
    receipt = (await manager.ask("GET", stage, "/receipt")).document
    assert receipt["revision"] == changed["revision"]
    assert (await manager.show(stage))["revision"] == changed["revision"]
