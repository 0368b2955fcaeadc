"""/api/ looks before it publishes: what is planned, and what speaks against it."""

from pathlib import Path
from typing import Any

import pytest

from tests.support.builders.distributions import Distribution, a_wheel, an_sdist
from tests.support.builders.forms import twine_form
from tests.support.index.fake_index import JUST_OUT, FakeIndex, Quirks
from tests.support.promotion.promoters import Promoter, manifest_digest_of
from tests.support.servers.service import RunningService, running_service

WHEEL = a_wheel(version="2.0")
LINUX = a_wheel(version="2.0", tag="cp311-cp311-manylinux_2_17_x86_64")
SDIST = an_sdist(version="2.0")
OTHER_SUMMARY = an_sdist(version="2.0", summary="Another demo")


@pytest.fixture
async def stage(service: RunningService) -> Any:
    """Return a stage of two wheels and an sdist."""
    return await service.staged(SDIST, WHEEL, LINUX)


async def test_plan(service: RunningService, promoter: Promoter, stage: Any) -> None:
    """A plan names the files in the order in which they go, what they are, and where they go."""
    answer = await promoter.plan(stage)

    plan = answer.document
    expected = [told(one) for one in (LINUX, WHEEL, SDIST)]
    assert (answer.status, plan["files"], plan["refused"]) == (200, expected, False)
    assert plan["manifest-digest"] == manifest_digest_of(SDIST, WHEEL, LINUX)
    assert plan["repository-url"] == f"{service.index.url}/legacy/"
    assert plan["index-url"] == f"{service.index.url}/simple/"
    assert (await service.api("GET", f"stages/{stage['id']}")).document["status"] == "open"


def told(distribution: Distribution, *, published: bool = False) -> dict[str, object]:
    """Return a file as a plan has it."""
    return {
        "filename": distribution.filename,
        "size": len(distribution.content),
        "sha256": distribution.sha256,
        "published": published,
    }


async def test_plan_says_what_cannot_be_known(promoter: Promoter, stage: Any) -> None:
    """What only PyPI knows is told of the release as a whole, and needs no acknowledgement."""
    plan = (await promoter.plan(stage)).document

    kinds = {(one["file"], one["level"], one["source"]) for one in plan["findings"]}
    assert kinds == {(None, "unknown", "PyPI")}
    assert len(plan["findings"]) == 10
    assert plan["warnings-digest"] == ""


async def test_plan_of_what_is_out_in_part(promoter: Promoter, stage: Any) -> None:
    """A file that the index has with the very bytes is published, and not found fault with."""
    promoter.service.index.add("demo", WHEEL, extra_file_keys=JUST_OUT)

    plan = (await promoter.plan(stage)).document

    assert [one["published"] for one in plan["files"]] == [False, True, False]
    assert plan["refused"] is False


async def test_plan_asks_the_index_each_time(promoter: Promoter, stage: Any) -> None:
    """A plan is about the index as it is now.

    Other bytes under a name of ours, which came after the upload, are refused.
    """
    before = (await promoter.plan(stage)).document
    other = Distribution(WHEEL.filename, WHEEL.content + b"x")
    promoter.service.index.add("demo", other, extra_file_keys=JUST_OUT)

    after = (await promoter.plan(stage)).document

    assert (before["refused"], after["refused"]) == (False, True)
    refused = [one for one in after["findings"] if one["level"] == "refuse"]
    assert [one["file"] for one in refused] == [WHEEL.filename]
    assert refused[0]["message"].startswith("File already exists")


async def test_attestations_in_a_plan(service: RunningService, promoter: Promoter) -> None:
    """Attestations that the server cannot send are told of; whoever made them may send them."""
    form = twine_form(WHEEL, attestations='[{"version": 1}]', staged="true")
    stage = (await service.post(form)).document

    plans = [(await promoter.plan(stage, one)).document for one in ("server", "client")]

    assert len(plans[0]["notices"]) == 1
    assert plans[0]["notices"][0].startswith(f"{WHEEL.filename}: 1 attestations are left out")
    assert plans[1]["notices"] == []


async def test_other_manifest_digest(promoter: Promoter, stage: Any) -> None:
    """Only what was looked at is published: another digest is refused, and nothing is frozen."""
    answer = await promoter.start(stage, **{"manifest-digest": "0" * 64})

    shown = (await promoter.service.api("GET", f"stages/{stage['id']}")).document
    assert answer.status == 409
    assert manifest_digest_of(SDIST, WHEEL, LINUX) in answer.document["detail"]
    assert shown["status"] == "open"


async def test_file_that_came_after_the_plan(promoter: Promoter, stage: Any) -> None:
    """A file that joins after somebody looked is not published on their word."""
    plan = (await promoter.plan(stage)).document
    await promoter.service.upload(a_wheel(version="2.0", tag="cp312-cp312-win_amd64"))

    answer = await promoter.start(stage, **{"manifest-digest": plan["manifest-digest"]})

    assert answer.status == 409
    assert promoter.service.index.uploads.history.attempts == []


async def test_unacknowledged_warnings(service: RunningService, promoter: Promoter) -> None:
    """Warnings have to be known: 409 with all of them, and the digest that stands for them."""
    stage = await service.staged(WHEEL, OTHER_SUMMARY)
    plan = (await promoter.plan(stage)).document

    refused = await promoter.start(stage, "client", acknowledged="")

    warnings = [one for one in plan["findings"] if one["level"] == "warn"]
    problem = refused.document
    assert (refused.status, len(plan["warnings-digest"])) == (409, 64)
    assert [one["message"] for one in problem["errors"]] == [one["message"] for one in warnings]
    assert plan["warnings-digest"] in problem["detail"]
    assert (await service.api("GET", f"stages/{stage['id']}")).document["status"] == "open"


async def test_acknowledged_warnings(service: RunningService, promoter: Promoter) -> None:
    """The digest of the warnings lets them pass, and the promotion remembers their words."""
    stage = await service.staged(WHEEL, OTHER_SUMMARY)

    answer = await promoter.start(stage, "client")

    assert answer.status == 202
    told = f"{SDIST.filename} has a different Summary than {WHEEL.filename}. PyPI shows that of "
    told += f"{WHEEL.filename} for all files, because it is published first."
    assert answer.document["acknowledged"] == [told]


async def test_acknowledgement_is_of_these_warnings(
    service: RunningService, promoter: Promoter
) -> None:
    """Whoever acknowledged other warnings has not seen these."""
    stage = await service.staged(WHEEL, OTHER_SUMMARY)

    answer = await promoter.start(stage, "client", acknowledged="0" * 64)

    assert answer.status == 409


async def test_refused_with_everything(
    service: RunningService, promoter: Promoter, stage: Any
) -> None:
    """What the index would refuse is told all at once, and nothing is sent."""
    for one in (WHEEL, SDIST):
        other = Distribution(one.filename, LINUX.content + one.content)
        service.index.add("demo", other, extra_file_keys=JUST_OUT)

    answer = await promoter.start(stage)

    sources = {one["source"] for one in answer.document["errors"]}
    shown = (await service.api("GET", f"stages/{stage['id']}")).document
    assert (answer.status, sources) == (400, {WHEEL.filename, SDIST.filename})
    assert (shown["status"], service.index.uploads.history.attempts) == ("open", [])


async def test_damaged_file(service: RunningService, promoter: Promoter, stage: Any) -> None:
    """A file whose bytes have changed on the disk is noticed before anything is sent."""
    folder = service.data / "files"
    path = next(one for one in folder.rglob("*") if one.name == WHEEL.sha256)
    path.chmod(0o600)
    path.write_bytes(b"x" + WHEEL.content[1:])

    answer = await promoter.start(stage)

    assert answer.status == 400
    assert [one["source"] for one in answer.document["errors"]] == [WHEEL.filename]
    assert "damaged" in answer.document["detail"]
    assert service.index.uploads.history.attempts == []


async def test_index_that_does_not_answer(
    service: RunningService, promoter: Promoter, stage: Any
) -> None:
    """Nothing is sent blindly: where the index cannot be asked, it is 503."""
    digest = manifest_digest_of(SDIST, WHEEL, LINUX)
    service.index.quirks = Quirks(status=503)

    answer = await promoter.ask("POST", stage, "/promotion", **{"manifest-digest": digest})

    assert answer.status == 503
    assert service.index.uploads.history.attempts == []


async def test_no_target(tmp_path: Path, index: FakeIndex) -> None:
    """Where upstream is not PyPI and no target is set, the answer says what to set."""
    async with running_service(tmp_path / "data", index) as service:
        stage = await service.staged(WHEEL)

        answer = await Promoter(service).plan(stage)

    assert answer.status == 409
    assert answer.document["detail"] == (
        "This server has no index to publish on, because its upstream is not PyPI. Set "
        "promotion.repository_url and promotion.index_url."
    )


async def test_no_target_and_no_right(tmp_path: Path, index: FakeIndex) -> None:
    """Who may not publish does not hear how the server is set up: 403 before all else.

    It was 409.
    """
    async with running_service(tmp_path / "data", index) as service:
        stage = await service.staged(WHEEL)
        uploader = Promoter(service, await service.token())

        answer = await uploader.ask("POST", stage, "/promotion", **{"manifest-digest": "0" * 64})

    assert answer.status == 403
