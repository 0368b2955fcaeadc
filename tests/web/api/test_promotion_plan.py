"""The promotion plan of /api/, and the checks before publishing."""

from pathlib import Path
from typing import Any

import pytest

from tests.support.builders.distributions import Distribution, a_wheel, an_sdist
from tests.support.builders.forms import twine_form
from tests.support.index.fake_index import JUST_OUT, FakeIndex, Quirks
from tests.support.promotion.promotion_client import PromotionClient, manifest_digest_of
from tests.support.servers.service import RunningService, running_service

WHEEL = a_wheel(version="2.0")
LINUX = a_wheel(version="2.0", tag="cp311-cp311-manylinux_2_17_x86_64")
SDIST = an_sdist(version="2.0")
OTHER_SUMMARY = an_sdist(version="2.0", summary="Another demo")


@pytest.fixture
async def stage(service: RunningService) -> Any:
    """Return a stage of two wheels and an sdist."""
    return await service.staged(SDIST, WHEEL, LINUX)


async def test_plan(service: RunningService, promotion_client: PromotionClient, stage: Any) -> None:
    """A plan lists the files in the order of publishing, their states, and the target."""
    answer = await promotion_client.plan(stage)

    plan = answer.document
    uploader = stage["files"][WHEEL.filename]["uploaded-by"]
    expected = [planned(one, uploader) for one in (LINUX, WHEEL, SDIST)]
    assert (answer.status, plan["files"], plan["refused"]) == (200, expected, False)
    assert plan["manifest-digest"] == manifest_digest_of(SDIST, WHEEL, LINUX)
    assert plan["repository-url"] == f"{service.index.url}/legacy/"
    assert plan["index-url"] == f"{service.index.url}/simple/"
    assert (await service.api("GET", f"stages/{stage['id']}")).document["status"] == "open"


def planned(distribution: Distribution, uploaded_by: str) -> dict[str, object]:
    """Return a file that is not published, as it is in a plan."""
    return {
        "filename": distribution.filename,
        "size": len(distribution.content),
        "sha256": distribution.sha256,
        "published": False,
        "uploaded-by": uploaded_by,
        "uploaded-by-name": "admin",
        "uploaded-at": "2026-11-22T12:00:00.123456Z",
    }


async def test_plan_lists_what_only_pypi_knows(
    promotion_client: PromotionClient, stage: Any
) -> None:
    """What only the index knows is one finding of a release, and needs no acknowledgement."""
    plan = (await promotion_client.plan(stage)).document

    (found,) = plan["findings"]
    assert (found["file"], found["level"], found["source"]) == (None, "unknown", "PyPI")
    assert "stageproxy check --rules" in found["message"]
    assert plan["warnings-digest"] == ""


async def test_plan_of_a_partly_published_release(
    promotion_client: PromotionClient, stage: Any
) -> None:
    """A file that the index has with the same bytes is published, without findings."""
    promotion_client.service.index.add("demo", WHEEL, extra_file_keys=JUST_OUT)

    plan = (await promotion_client.plan(stage)).document

    assert [one["published"] for one in plan["files"]] == [False, True, False]
    assert plan["refused"] is False


async def test_plan_asks_the_index_each_time(promotion_client: PromotionClient, stage: Any) -> None:
    """A plan describes the index as it is now: a name that another upload took is refused."""
    before = (await promotion_client.plan(stage)).document
    other = Distribution(WHEEL.filename, WHEEL.content + b"x")
    promotion_client.service.index.add("demo", other, extra_file_keys=JUST_OUT)

    after = (await promotion_client.plan(stage)).document

    assert (before["refused"], after["refused"]) == (False, True)
    refused = [one for one in after["findings"] if one["level"] == "refuse"]
    assert [one["file"] for one in refused] == [WHEEL.filename]
    assert refused[0]["message"].startswith("File already exists")


async def test_attestations_in_a_plan(
    service: RunningService, promotion_client: PromotionClient
) -> None:
    """A plan warns of attestations that the server cannot send, but a client can."""
    form = twine_form(WHEEL, attestations='[{"version": 1}]', staged="true")
    stage = (await service.post(form)).document

    plans = [(await promotion_client.plan(stage, one)).document for one in ("server", "client")]

    assert len(plans[0]["notices"]) == 1
    assert plans[0]["notices"][0].startswith(f"{WHEEL.filename}: 1 attestations are left out")
    assert plans[1]["notices"] == []


async def test_other_manifest_digest(promotion_client: PromotionClient, stage: Any) -> None:
    """A promotion with another manifest digest is refused, and the stage stays editable."""
    answer = await promotion_client.start(stage, **{"manifest-digest": "0" * 64})

    shown = (await promotion_client.service.api("GET", f"stages/{stage['id']}")).document
    assert answer.status == 409
    assert manifest_digest_of(SDIST, WHEEL, LINUX) in answer.document["detail"]
    assert shown["status"] == "open"


async def test_file_uploaded_after_the_plan(promotion_client: PromotionClient, stage: Any) -> None:
    """A file that is uploaded after the plan keeps the planned promotion from starting."""
    plan = (await promotion_client.plan(stage)).document
    await promotion_client.service.upload(a_wheel(version="2.0", tag="cp312-cp312-win_amd64"))

    answer = await promotion_client.start(stage, **{"manifest-digest": plan["manifest-digest"]})

    assert answer.status == 409
    assert promotion_client.service.index.uploads.history.attempts == []


async def test_unacknowledged_warnings(
    service: RunningService, promotion_client: PromotionClient
) -> None:
    """Unacknowledged warnings are 409, with all of them and their digest."""
    stage = await service.staged(WHEEL, OTHER_SUMMARY)
    plan = (await promotion_client.plan(stage)).document

    refused = await promotion_client.start(stage, "client", acknowledged="")

    warnings = [one for one in plan["findings"] if one["level"] == "warn"]
    problem = refused.document
    assert (refused.status, len(plan["warnings-digest"])) == (409, 64)
    assert [one["message"] for one in problem["errors"]] == [one["message"] for one in warnings]
    assert plan["warnings-digest"] in problem["detail"]
    assert (await service.api("GET", f"stages/{stage['id']}")).document["status"] == "open"


async def test_acknowledged_warnings(
    service: RunningService, promotion_client: PromotionClient
) -> None:
    """The digest of the warnings acknowledges them, and the promotion records their texts."""
    stage = await service.staged(WHEEL, OTHER_SUMMARY)

    answer = await promotion_client.start(stage, "client")

    assert answer.status == 202
    warning = (
        f"{SDIST.filename} has a different Summary than {WHEEL.filename}. {service.index_name} "
        f"shows that of {WHEEL.filename} for all files, because it is published first."
    )
    assert answer.document["acknowledged"] == [warning]


async def test_acknowledgement_is_of_these_warnings(
    service: RunningService, promotion_client: PromotionClient
) -> None:
    """The digest of other warnings acknowledges nothing."""
    stage = await service.staged(WHEEL, OTHER_SUMMARY)

    answer = await promotion_client.start(stage, "client", acknowledged="0" * 64)

    assert answer.status == 409


async def test_refused_with_everything(
    service: RunningService, promotion_client: PromotionClient, stage: Any
) -> None:
    """All that the index would refuse is reported together, and nothing is sent."""
    for one in (WHEEL, SDIST):
        other = Distribution(one.filename, LINUX.content + one.content)
        service.index.add("demo", other, extra_file_keys=JUST_OUT)

    answer = await promotion_client.start(stage)

    sources = {one["source"] for one in answer.document["errors"]}
    shown = (await service.api("GET", f"stages/{stage['id']}")).document
    assert (answer.status, sources) == (400, {WHEEL.filename, SDIST.filename})
    assert (shown["status"], service.index.uploads.history.attempts) == ("open", [])


async def test_damaged_file(
    service: RunningService, promotion_client: PromotionClient, stage: Any
) -> None:
    """A file whose bytes changed on the disk is found before anything is sent."""
    folder = service.data / "files"
    path = next(one for one in folder.rglob("*") if one.name == WHEEL.sha256)
    path.chmod(0o600)
    path.write_bytes(b"x" + WHEEL.content[1:])

    answer = await promotion_client.start(stage)

    assert answer.status == 400
    assert [one["source"] for one in answer.document["errors"]] == [WHEEL.filename]
    assert "damaged" in answer.document["detail"]
    assert service.index.uploads.history.attempts == []


async def test_index_that_does_not_answer(
    service: RunningService, promotion_client: PromotionClient, stage: Any
) -> None:
    """Without an answer from the index a promotion is 503, and nothing is sent."""
    digest = manifest_digest_of(SDIST, WHEEL, LINUX)
    service.index.quirks = Quirks(status=503)

    answer = await promotion_client.ask("POST", stage, "/promotion", **{"manifest-digest": digest})

    assert answer.status == 503
    assert service.index.uploads.history.attempts == []


async def test_no_target(tmp_path: Path, index: FakeIndex) -> None:
    """Without a target, and with an upstream that is not PyPI, the answer names the settings."""
    async with running_service(tmp_path / "data", index) as service:
        stage = await service.staged(WHEEL)

        answer = await PromotionClient(service).plan(stage)

    assert answer.status == 409
    assert answer.document["detail"] == (
        "This server has no index to publish on, because its upstream is not PyPI. Set "
        "promotion.repository_url and promotion.index_url."
    )


async def test_no_target_and_no_right(tmp_path: Path, index: FakeIndex) -> None:
    """A token that cannot promote gets 403 before anything about the settings."""
    async with running_service(tmp_path / "data", index) as service:
        stage = await service.staged(WHEEL)
        uploader = PromotionClient(service, await service.token())

        answer = await uploader.ask("POST", stage, "/promotion", **{"manifest-digest": "0" * 64})

    assert answer.status == 403
