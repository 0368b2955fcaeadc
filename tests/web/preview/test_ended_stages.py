"""Stage URLs that open no stage: their answers, and for how long."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from stageproxy.core.rights import TokenKind, make_token
from tests.support.builders.distributions import Distribution, a_wheel
from tests.support.servers.service import PIP, RunningService, prefix_of

BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"
Ending = Callable[[RunningService, Any], Awaitable[object]]
PATHS = [
    "",
    "simple/",
    "simple/demo/",
    "simple/demo",
    "simple/other/",
    "+only/simple/",
    "+only/simple/demo/",
    "pypi/demo/json",
    "demo/",
    "account/login/",
    "legacy/",
    "{wheel}",
    "{wheel}.metadata",
]
DOCUMENTS = [
    "pypi/demo/2.0/json",
    "pypi/demo/1.0/json",
    "pypi/other/json",
    "rss/updates.xml",
    "rss/project/demo/releases.xml",
    "integrity/demo/2.0/demo-2.0-py3-none-any.whl/provenance",
]


async def cancel(service: RunningService, stage: Any) -> None:
    """Cancel a stage."""
    await service.api("DELETE", f"stages/{stage['id']}")


async def expire(service: RunningService, _stage: Any) -> None:
    """Let a stage expire, without a sweep."""
    service.clock.advance(days=7)


async def expire_and_sweep(service: RunningService, stage: Any) -> None:
    """Let a stage expire, and sweep."""
    await expire(service, stage)
    await service.parts.expiry.sweep()


async def rotate(service: RunningService, stage: Any) -> None:
    """Give a stage another URL."""
    await service.api("POST", f"stages/{stage['id']}/rotate")


ENDINGS: dict[str, Ending] = {
    "canceled": cancel,
    "expired": expire,
    "expired and swept": expire_and_sweep,
    "rotated": rotate,
}


def below(prefix: str, path: str, stage: Any) -> str:
    """Return the URL of a path that may contain the staged wheel."""
    link = stage["files"]["demo-2.0-py3-none-any.whl"]["link"]
    return prefix + path.format(wheel=link.removeprefix(prefix_of(stage)))


@pytest.mark.parametrize(
    ("path", "how"),
    [
        *((path, "canceled") for path in [*PATHS, *DOCUMENTS]),
        *(("simple/demo/", how) for how in ENDINGS if how != "canceled"),
    ],
)
async def test_gone(service: RunningService, stage: Any, path: str, how: str) -> None:
    """Each URL below an ended stage is 410 at once, also for a document that was cached."""
    url = below(prefix_of(stage), path, stage)
    before = await service.get(url, PIP)
    await ENDINGS[how](service, stage)
    service.index.requests.clear()

    after = await service.get(url, PIP, If_None_Match=before.headers.get("ETag", "*"))

    assert (after.status, after.headers["Cache-Control"]) == (410, "private, no-cache")
    assert service.index.requests == []


SENTENCES = {
    "canceled": "Stage demo 2.0 ended on 2026-11-22 12:00 UTC: it was canceled.",
    "expired": "Stage demo 2.0 ended on 2026-11-29 12:00 UTC: it expired.",
    "expired and swept": "Stage demo 2.0 ended on 2026-11-29 12:00 UTC: it expired.",
    "rotated": "This stage URL was replaced by a new one. Ask the release manager for it.",
}


@pytest.mark.parametrize("how", ENDINGS)
async def test_how_it_ended(service: RunningService, stage: Any, how: str) -> None:
    """The answer states how and when the stage ended."""
    await ENDINGS[how](service, stage)

    answer = await service.get(f"{prefix_of(stage)}simple/demo/", PIP)

    assert answer.text == SENTENCES[how]


@pytest.mark.parametrize("how", ["canceled", "expired", "expired and swept"])
async def test_forgotten(service: RunningService, stage: Any, how: str) -> None:
    """After the retention time an ended stage is not found."""
    await ENDINGS[how](service, stage)
    service.clock.advance(days=29, hours=23)
    before = await service.get(prefix_of(stage))
    service.clock.advance(hours=1)

    after = await service.get(prefix_of(stage))
    await service.parts.expiry.sweep()
    swept = await service.get(prefix_of(stage))

    assert [before.status, after.status, swept.status] == [410, 404, 404]


async def test_expiry_is_exact(service: RunningService, prefix: str) -> None:
    """A stage is open up to its expiry time, to the second."""
    service.clock.advance(days=6, hours=23, minutes=59)
    before = await service.get(f"{prefix}simple/demo/")
    service.clock.advance(minutes=1)

    after = await service.get(f"{prefix}simple/demo/")

    assert [before.status, after.status] == [200, 410]


async def test_rotated_stage_lives_on(
    service: RunningService, stage: Any, wheel: Distribution
) -> None:
    """The new URL serves what the old one did."""
    rotated = (await service.api("POST", f"stages/{stage['id']}/rotate")).document

    link = rotated["files"][wheel.filename]["link"]
    assert link.startswith(prefix_of(rotated))
    assert prefix_of(rotated) != prefix_of(stage)
    assert (await service.get(link)).body == wheel.content


async def test_url_of_an_ended_stage_with_another_project(
    service: RunningService, stage: Any
) -> None:
    """The URL of an ended stage is not found under another project."""
    await cancel(service, stage)

    answer = await service.get(prefix_of(stage).replace("/tmp/demo/", "/tmp/other/"))

    assert answer.status == 404


NO_TOKENS = {
    "malformed": "x",
    "of the right shape": make_token(TokenKind.STAGE, b"\x07" * 32).reveal(),
    "with a wrong checksum": make_token(TokenKind.STAGE, b"\x07" * 32).reveal()[:-1] + "z",
    "of another kind": make_token(TokenKind.ADMIN, b"\x07" * 32).reveal(),
    "escaped": "stgv%5Fx",
    "with a dot": "stgv_x.zip",
}


@pytest.mark.parametrize("path", PATHS)
async def test_one_answer_to_all_that_is_unknown(
    service: RunningService, stage: Any, path: str
) -> None:
    """Unknown, foreign and malformed tokens get the same 404, byte for byte."""
    foreign = prefix_of(stage).replace("/tmp/demo/", "/tmp/other/")
    unknown = [f"{service.url}/tmp/demo/{token}/" for token in NO_TOKENS.values()]

    answers = [await service.get(below(url, path, stage), PIP) for url in [foreign, *unknown]]

    headers = [sorted((k, v) for k, v in one.headers.items() if k != "Date") for one in answers]
    assert {(one.status, one.reason, one.body) for one in answers} == {
        (404, "Not Found", b"404 Not Found")
    }
    assert all(one == headers[0] for one in headers)
    assert service.index.requests == []


async def test_api_tokens_open_no_stage(service: RunningService, stage: Any) -> None:
    """An API token in place of the stage token opens nothing."""
    answer = await service.get(f"/tmp/demo/{service.admin}/")

    assert (answer.status, stage["status"]) == (404, "open")


@pytest.mark.parametrize("name", ["Demo", "DEMO"])
async def test_spelling_of_the_project(service: RunningService, prefix: str, name: str) -> None:
    """Every spelling of the project works in a stage URL."""
    answer = await service.get(prefix.replace("/demo/", f"/{name}/") + "simple/demo/", PIP)

    assert answer.status == 200


async def test_without_slash(service: RunningService, prefix: str) -> None:
    """A stage URL without its slash redirects to the stage."""
    answer = await service.get(prefix.removesuffix("/"))

    expected = prefix.removeprefix(service.url)
    assert (answer.status, answer.headers["Location"]) == (301, expected)


async def test_without_slash_unknown(service: RunningService) -> None:
    """An unknown stage URL without its slash is the same 404."""
    answer = await service.get("/tmp/demo/stgv_x")

    assert (answer.status, answer.body) == (404, b"404 Not Found")


async def test_withdrawn_file(service: RunningService, stage: Any, wheel: Distribution) -> None:
    """A withdrawn file and its metadata are 410 at once."""
    link = stage["files"][wheel.filename]["link"]
    await service.api("DELETE", f"stages/{stage['id']}/files/{wheel.filename}")

    answers = [await service.get(link), await service.get(f"{link}.metadata")]

    assert {(one.status, one.text) for one in answers} == {
        (410, "This file was withdrawn from the stage.")
    }


async def test_withdrawn_file_comes_back(
    service: RunningService, stage: Any, wheel: Distribution
) -> None:
    """A withdrawn file that is uploaded again is served again."""
    await service.api("DELETE", f"stages/{stage['id']}/files/{wheel.filename}")
    await service.upload(wheel)

    answer = await service.get(stage["files"][wheel.filename]["link"])

    assert answer.body == wheel.content


async def test_new_stage_after_the_end(service: RunningService, stage: Any) -> None:
    """A release whose stage has ended can be staged again, under another URL."""
    await cancel(service, stage)

    again = await service.staged(a_wheel(version="2.0"))

    assert again["id"] != stage["id"]
    assert (await service.get(prefix_of(again))).status == 200
    assert (await service.get(prefix_of(stage))).status == 410


@pytest.mark.parametrize(
    ("how", "what"),
    [
        ("canceled", "Stage demo 2.0 ended on 2026-11-22 12:00 UTC: it was canceled."),
        ("expired", "Stage demo 2.0 ended on 2026-11-29 12:00 UTC: it expired."),
        ("rotated", "This stage URL was replaced by a new one. Ask the release manager for it."),
    ],
)
async def test_page_of_an_ended_stage(
    service: RunningService, stage: Any, prefix: str, how: str, what: str
) -> None:
    """A browser gets a page that says what happened and what to do, like that of the stage."""
    living = await service.get(prefix, BROWSER)
    await ENDINGS[how](service, stage)

    answer = await service.get(prefix, BROWSER)

    assert (answer.status, answer.headers["Content-Type"]) == (410, "text/html; charset=UTF-8")
    assert f'<p class="notice warn">{what}</p>' in answer.text
    assert "<h2>What to do</h2>" in answer.text
    assert f"stageproxy upload --server {service.url} dist/*" in answer.text
    policy = "Content-Security-Policy"
    assert answer.headers[policy] == living.headers[policy]
    assert answer.text.partition("<body>")[0].count('<link rel="stylesheet"') == 1


@pytest.mark.parametrize("accept", [PIP, "application/json", "*/*", None])
async def test_text_of_an_ended_stage(
    service: RunningService, stage: Any, prefix: str, accept: str | None
) -> None:
    """Everything but a browser gets a line of text."""
    await cancel(service, stage)

    answer = await service.get(prefix, accept)

    assert answer.status == 410
    assert answer.headers["Content-Type"].startswith("text/plain")
