"""The review over HTTP: readable with the stage URL alone, the same in both places."""

from typing import Any

from stageproxy.core.rights import TokenKind, make_token
from tests.support.builders.distributions import an_sdist
from tests.support.servers.service import RunningService, prefix_of

OTHER = make_token(TokenKind.STAGE, b"\x07" * 32).reveal()


def bearer(stage: Any) -> dict[str, str]:
    """Return the headers of a request with the token of a stage."""
    return {"Authorization": f"Bearer {stage['session-token']}"}


async def test_the_stage_url_is_enough(service: RunningService, stage: Any) -> None:
    """The stage URL alone, its token as Bearer and an API token read the same review."""
    alone = await service.get(stage["links"]["review"])
    by_stage = await service.get(f"/api/stages/{stage['id']}/review", **bearer(stage))
    by_token = await service.api("GET", f"stages/{stage['id']}/review")

    assert alone.status == by_stage.status == by_token.status == 200
    review = alone.document
    assert review["manifest-digest"] == stage["manifest-digest"]
    assert {**review, "reviewed-at": ""} == {**by_stage.document, "reviewed-at": ""}
    assert {**review, "reviewed-at": ""} == {**by_token.document, "reviewed-at": ""}


async def test_findings_say_what_to_do(service: RunningService, stage: Any) -> None:
    """Every finding of the verdict is there once, with its files and what to do about it."""
    document = (await service.api("GET", f"stages/{stage['id']}")).document
    review = (await service.get(stage["links"]["review"])).document

    found = [one for one in review["findings"] if one["section"] == "verdict"]
    assert {one["message"] for one in document["findings"]} == {one["message"] for one in found}
    assert all(one["advice"] for one in found if one["level"] in {"refuse", "warn"})
    assert len({(one["message"], one["level"]) for one in found}) == len(found)


async def test_manifest(service: RunningService, stage: Any) -> None:
    """The manifest has the lines that `sha256sum` prints, whose digest it is."""
    review = (await service.get(stage["links"]["review"])).document

    assert sorted(one.split("  ")[1] for one in review["manifest"].splitlines()) == sorted(
        stage["files"]
    )


async def test_foreign_stage_token(service: RunningService, stage: Any) -> None:
    """A token of no stage, or of another one, is answered as an unknown stage URL: 404."""
    other = await service.staged(an_sdist("other", "3.0"))

    for headers in ({"Authorization": f"Bearer {OTHER}"}, bearer(other)):
        answer = await service.get(f"/api/stages/{stage['id']}/review", **headers)
        assert answer.status == 404


async def test_ended_stage(service: RunningService, stage: Any) -> None:
    """The review of a stage that was canceled is gone, whoever asks for it."""
    await service.api("DELETE", f"stages/{stage['id']}")

    answers = [
        await service.get(f"{prefix_of(stage)}+review"),
        await service.get(f"/api/stages/{stage['id']}/review", **bearer(stage)),
        await service.api("GET", f"stages/{stage['id']}/review"),
    ]

    assert [one.status for one in answers] == [410, 410, 410]


async def test_empty_stage(service: RunningService) -> None:
    """A stage without files has a review, which is complete."""
    stage = await service.open_stage(version=None)
    review = (await service.get(f"{prefix_of(stage)}+review")).document

    assert (review["version"], review["manifest"]) == ("", "")
    assert review["progress"]["state"] == "done"


async def test_only_the_canonical_path(service: RunningService, stage: Any) -> None:
    """A slash behind `+review` redirects to it; what is below it is not there."""
    root = prefix_of(stage)

    assert (await service.get(f"{root}+review/")).status == 301
    assert (await service.get(f"{root}+review/x")).status == 404
