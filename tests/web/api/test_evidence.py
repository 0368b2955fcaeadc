"""Evidence over HTTP: what `stageproxy try` reports, and who sees it."""

from typing import Any

import pytest

from stageproxy.core.review.evidence import MOST_RESULTS
from tests.support.builders.distributions import a_wheel
from tests.support.clients.http import Answer
from tests.support.servers.service import RunningService, prefix_of

WHEEL = a_wheel(version="2.0")
TRIED = {
    "python": "3.13.5",
    "implementation": "cp",
    "platform": "manylinux x86_64",
    "installer": "pip 26.3",
    "filename": WHEEL.filename,
    "command": "pytest -q",
    "exit-code": 0,
    "seconds": 1.5,
    "log-tail": "1 passed",
}


async def report(service: RunningService, stage: Any, token: str | None = None, **more: Any) -> Any:
    """Return the answer to the report of a try."""
    body = {**TRIED, "manifest-digest": stage["manifest-digest"], **more}
    return await service.api("POST", f"stages/{stage['id']}/evidence", token, **body)


async def listed(service: RunningService, stage: Any) -> list[dict[str, Any]]:
    """Return the evidence of a stage."""
    answer: Answer = await service.api("GET", f"stages/{stage['id']}/evidence")
    found: list[dict[str, Any]] = answer.document["evidence"]
    return found


async def test_evidence_is_attached(service: RunningService) -> None:
    """A result is attached to the digest of the files, with who reported it and when."""
    stage = await service.staged(WHEEL)
    token = await service.token("upload", name="ci")

    answer = await report(service, stage, token)

    assert answer.status == 201
    (found,) = await listed(service, stage)
    assert found == answer.document
    assert found == {
        **TRIED,
        "id": found["id"],
        "manifest-digest": stage["manifest-digest"],
        "passed": True,
        "at": "2026-11-22T12:00:00.123456+00:00",
        "by": found["by"],
        "by-name": "ci",
        "superseded": False,
    }


async def test_failure_is_attached(service: RunningService) -> None:
    """A result with another exit code than 0 is one that failed."""
    stage = await service.staged(WHEEL)

    await report(service, stage, None, **{"exit-code": -9})

    (found,) = await listed(service, stage)
    assert (found["passed"], found["exit-code"]) == (False, -9)


async def test_superseded(service: RunningService) -> None:
    """Evidence is superseded once a file of the stage is replaced."""
    stage = await service.staged(WHEEL)
    await report(service, stage)

    await service.staged(a_wheel(version="2.0", summary="Another"))

    (found,) = await listed(service, stage)
    assert found["superseded"]


async def test_former_files(service: RunningService) -> None:
    """A result about files that the stage no longer has is a conflict, and is not stored."""
    stage = await service.staged(WHEEL)
    await service.staged(a_wheel(version="2.0", summary="Another"))

    answer = await report(service, stage)

    assert answer.status == 409
    assert answer.document["detail"].endswith("Try the stage again.")
    assert await listed(service, stage) == []


async def test_evidence_is_no_change(service: RunningService) -> None:
    """Evidence changes neither the revision of a stage nor when it expires."""
    stage = await service.staged(WHEEL)
    service.clock.advance(hours=1)

    await report(service, stage)

    shown = (await service.api("GET", f"stages/{stage['id']}")).document
    assert (shown["revision"], shown["expires-at"]) == (stage["revision"], stage["expires-at"])


async def test_audit_event(service: RunningService) -> None:
    """The audit trail has who reported which result of which files."""
    stage = await service.staged(WHEEL)
    attached = (await report(service, stage)).document

    answer = await service.api("GET", f"stages/{stage['id']}/audit")

    event = answer.document["events"][-1]
    assert (event["action"], event["actor"]) == ("tried", attached["by"])
    assert event["details"] == {
        "evidence": attached["id"],
        "passed": True,
        "python": "3.13.5",
        "platform": "manylinux x86_64",
        "filename": WHEEL.filename,
        "manifest-digest": stage["manifest-digest"],
    }


async def test_stage_url_is_hidden(service: RunningService) -> None:
    """The stage URL in a log or a command is stored without its token."""
    stage = await service.staged(WHEEL)
    url = prefix_of(stage)

    answer = await report(
        service, stage, None, **{"log-tail": f"See {url}", "command": f"curl {url}"}
    )

    assert answer.document["command"].endswith("/tmp/demo/***/")
    assert answer.document["log-tail"].endswith("/tmp/demo/***/")


@pytest.mark.parametrize(
    "wrong",
    [
        {"filename": "other-1.0-py3-none-any.whl"},
        {"implementation": "jython"},
        {"log-tail": "x" * 32_001},
        {"command": "x" * 1001},
        {"seconds": -1},
        {"exit-code": 2**40},
        {"passed": True},
        {"platform": ""},
    ],
    ids=str,
)
async def test_refused(service: RunningService, wrong: dict[str, Any]) -> None:
    """A report that is too long, or not about this stage, is refused."""
    stage = await service.staged(WHEEL)

    assert (await report(service, stage, **wrong)).status == 400
    assert await listed(service, stage) == []


async def test_most_results(service: RunningService) -> None:
    """Results of the present files are limited, and none drives another one out."""
    stage = await service.staged(WHEEL)
    answers = [await report(service, stage) for _ in range(MOST_RESULTS + 1)]

    assert [one.status for one in answers[-2:]] == [201, 429]
    assert len(await listed(service, stage)) == MOST_RESULTS


async def test_superseded_results_make_room(service: RunningService) -> None:
    """Of superseded results the latest stay, as many as there may be of the present files."""
    stage = await service.staged(WHEEL)
    for _ in range(MOST_RESULTS):
        await report(service, stage)
    service.clock.advance(hours=1)

    changed = await service.staged(a_wheel(version="2.0", summary="Another"))
    added = [(await report(service, changed)).document["id"] for _ in range(2)]

    found = await listed(service, stage)
    assert {one["id"] for one in found if not one["superseded"]} == {*added}
    assert len(found) == MOST_RESULTS + 1


async def test_ended_stage(service: RunningService) -> None:
    """A canceled stage takes no evidence, and what it had can still be read."""
    stage = await service.staged(WHEEL)
    await report(service, stage)
    await service.api("DELETE", f"stages/{stage['id']}")

    assert (await report(service, stage)).status == 410
    assert len(await listed(service, stage)) == 1
