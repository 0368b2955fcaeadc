"""One list of findings: the same in every answer that shows a stage."""

import html
import re
from itertools import groupby
from typing import Any

import pytest

from stageproxy.core.rules.findings import HEADINGS
from tests.support.builders.distributions import Distribution, a_wheel, an_sdist
from tests.support.builders.forms import twine_form
from tests.support.index.fake_index import JUST_OUT, Quirks
from tests.support.promotion.promotion_client import PromotionClient
from tests.support.servers.service import RunningService, prefix_of

ODD = "Metadata-Version: 2.1\nName: evil\nVersion: 2.0\n"
LINUX = a_wheel(version="2.0", tag="cp313-cp313-manylinux_2_39_x86_64", requires_dist=["idna>=99"])
SUSPICIOUS = a_wheel(version="2.0", tag="cp313-cp313-win_amd64", metadata=ODD)
SDIST = an_sdist(version="2.0", summary="Another", requires_dist=["idna>=99"])
ANSWERS = "application/json"


@pytest.fixture
async def stage(service: RunningService) -> Any:
    """Return a stage with findings of every level but refusals, after its last upload."""
    service.index.add("idna", a_wheel("idna", "3.0"))
    before = ("cp313-cp313-manylinux_2_17_x86_64", "cp313-cp313-macosx_11_0_arm64")
    service.index.add("demo", *(a_wheel(version="1.0", tag=one) for one in before))
    await service.staged(an_sdist(version="2.0"), LINUX)
    await service.post(twine_form(SUSPICIOUS, name="demo"))
    return await service.staged(SDIST)


def of_level(stage: Any, level: str) -> list[tuple[str | None, str]]:
    """Return the files and messages of the findings of a level."""
    found = (one for one in stage["findings"] if one["level"] == level)
    return [(one["file"], one["message"]) for one in found]


async def test_every_answer_has_the_same_list(
    service: RunningService, promotion_client: PromotionClient, stage: Any
) -> None:
    """Upload, stage, session, stage URL and plan have one list of findings, in one order."""
    headers = {"Authorization": f"Bearer {service.admin}"}
    by_id = (await service.api("GET", f"stages/{stage['id']}")).document
    by_url = (await service.get(prefix_of(stage), ANSWERS)).document
    session = await service.send(
        "GET",
        f"/upload/2.0/sessions/{stage['id']}",
        {**headers, "Accept": "application/vnd.pypi.upload.v2+json"},
    )
    plan = (await promotion_client.plan(stage)).document

    shown = stage["findings"]
    assert [level for level, _ in groupby(one["level"] for one in shown)] == [
        *("warn", "note", "unknown")
    ]
    assert by_id["findings"] == by_url["findings"] == session.document["findings"] == shown
    assert plan["findings"] == shown


async def test_findings_of_a_release(service: RunningService, stage: Any) -> None:
    """The list has what the files say, how they differ, what was lost, and the dependencies."""
    warnings = of_level(stage, "warn")

    on_release = [message for file, message in warnings if file is None]
    assert "There is no wheel for macosx arm64, unlike in demo 1.0." in on_release
    assert (
        "The wheels for manylinux x86_64 need glibc 2.39, those of demo 1.0 only glibc 2.17."
        in on_release
    )
    assert (
        f"Requires-Dist idna>=99: no release of idna satisfies >=99 on {service.index_name}."
        in on_release
    )
    assert {file for file, _ in warnings} == {None, SUSPICIOUS.filename}


async def test_replaced_sdist(stage: Any) -> None:
    """An sdist that another job sent with other bytes has a note with who sent it."""
    notes = of_level(stage, "note")

    (replaced,) = (file for file, message in notes if message.startswith("Replaced once with"))
    assert replaced == SDIST.filename
    assert any("with other bytes, by admin (" in message for _, message in notes)


async def test_page(service: RunningService, stage: Any) -> None:
    """The page shows every finding, those to decide about before all others, by severity.

    What installers choose is said once, by the review.
    """
    page = (await service.get(prefix_of(stage), "text/html")).text

    text = html.unescape(page)
    missing = [one["message"] for one in stage["findings"] if one["message"] not in text]
    assert [one.split(" macosx")[0].split(" manylinux")[0] for one in missing] == [
        "There is no wheel for",
        "The wheels for",
    ]
    assert "macosx arm64" in text
    assert "glibc 2.39" in text
    levels = re.findall(r'<li class="(warn|note|unknown)">\n<p><svg', text)
    assert levels == sorted(levels, key=list(HEADINGS).index)
    decide, rest = text.index('id="h-decide"'), text.index('id="h-findings"')
    assert decide < text.index('<li class="warn">') < rest < text.index('<li class="note">')


async def test_uploaders_are_told(service: RunningService, stage: Any) -> None:
    """The answer to an upload, which `twine --verbose` shows, has the warnings at its end."""
    answer = await service.upload(SDIST)

    ok, url, install, *lines = answer.text.splitlines()
    assert (ok, url) == ("OK", prefix_of(stage))
    assert install.endswith("demo==2.0")
    assert len(lines) == len(of_level(stage, "warn"))
    assert all(one.startswith("Warnings to acknowledge: ") for one in lines)


async def test_acknowledged_warnings_are_those_shown(
    promotion_client: PromotionClient, stage: Any
) -> None:
    """A promotion acknowledges exactly the warnings that the stage shows."""
    promotion = (await promotion_client.start(stage, "client")).document

    shown = [f"{file}: {message}" if file else message for file, message in of_level(stage, "warn")]
    assert promotion["acknowledged"] == shown


async def test_what_the_index_takes_meanwhile(service: RunningService, stage: Any) -> None:
    """A stage is compared with the index as it is now: a name that was taken is a refusal."""
    service.index.add("demo", Distribution(LINUX.filename, b"other"), extra_file_keys=JUST_OUT)

    shown = (await service.api("GET", f"stages/{stage['id']}")).document

    ((file, message),) = of_level(shown, "refuse")
    assert file == LINUX.filename
    assert message.startswith("File already exists")
    assert shown["findings"][0]["level"] == "refuse"


async def test_page_without_hashes(service: RunningService, stage: Any) -> None:
    """A published file of the stage that the index lists without a hash has no findings."""
    service.index.add("demo", LINUX, extra_file_keys={**JUST_OUT, "hashes": {}})

    shown = (await service.api("GET", f"stages/{stage['id']}")).document

    assert [one for one in shown["findings"] if one["file"] == LINUX.filename] == []
    assert of_level(shown, "refuse") == []


async def test_slow_index(service: RunningService, stage: Any) -> None:
    """A stage is shown without an answer of the index, which is a finding of its own."""
    service.index.quirks = Quirks(delay=3600)

    shown = (await service.api("GET", f"stages/{stage['id']}")).document

    silent = f"No answer from {service.index_name}: it may already have this file."
    assert (LINUX.filename, silent) in of_level(shown, "unknown")


async def test_ended_stage(service: RunningService, stage: Any) -> None:
    """A stage that has ended has no findings; a list of stages does not have the key."""
    listed = (await service.api("GET", "stages")).document["stages"]
    ended = (await service.api("DELETE", f"stages/{stage['id']}")).document

    assert ended["findings"] == []
    assert ["findings" in one for one in listed] == [False]
