"""The staged project's page of the simple API."""

import hashlib
from typing import Any

import pytest

from tests.support.builders.distributions import Distribution, a_wheel, an_sdist
from tests.support.index.fake_index import JUST_OUT
from tests.support.servers.service import HTML_PAGE, JSON_PAGE, PIP, UV, RunningService, prefix_of

OLD_PIP = f"{JSON_PAGE};q=0, {HTML_PAGE};q=0.2, text/html;q=0.01"
HTML = "text/html; charset=UTF-8"
TYPES = {
    "pip's": (PIP, JSON_PAGE),
    "uv's": (UV, JSON_PAGE),
    "of one who refuses JSON": (OLD_PIP, HTML_PAGE),
    "of a browser": ("text/html,application/xhtml+xml,*/*;q=0.8", HTML),
    "for anything": ("*/*", HTML),
    "for something unknown": ("image/png", HTML),
    "that is missing": (None, HTML),
}


def filenames(page: Any) -> list[str]:
    """Return the filenames on a JSON page, in order."""
    return [file["filename"] for file in page["files"]]


@pytest.mark.parametrize(("accept", "expected"), TYPES.values(), ids=TYPES)
async def test_type(
    service: RunningService, prefix: str, accept: str | None, expected: str
) -> None:
    """The page has the type that PyPI chooses for an Accept header."""
    answer = await service.get(f"{prefix}simple/demo/", accept)

    assert (answer.status, answer.headers["Content-Type"]) == (200, expected)


async def test_staged_files_come_last(service: RunningService, prefix: str) -> None:
    """Files are in PyPI's order: by version, then by filename."""
    page = (await service.get(f"{prefix}simple/demo/", PIP)).document

    assert filenames(page) == [
        "demo-1.0-py3-none-any.whl",
        "demo-1.0.tar.gz",
        "demo-2.0-py3-none-any.whl",
        "demo-2.0.tar.gz",
    ]
    assert page["versions"] == ["1.0", "2.0"]


async def test_entry_of_a_wheel(service: RunningService, prefix: str, wheel: Distribution) -> None:
    """A staged wheel has PyPI's keys, and the digests of what is served."""
    page = (await service.get(f"{prefix}simple/demo/", PIP)).document

    digest = {"sha256": hashlib.sha256(wheel.metadata or b"").hexdigest()}
    folder = f"{wheel.blake2b_256[:2]}/{wheel.blake2b_256[2:4]}/{wheel.blake2b_256[4:]}"
    assert page["files"][2] == {
        "core-metadata": digest,
        "data-dist-info-metadata": digest,
        "filename": wheel.filename,
        "hashes": {"sha256": wheel.sha256},
        "provenance": None,
        "requires-python": ">=3.8",
        "size": len(wheel.content),
        "upload-time": "2026-11-22T12:00:00.123456Z",
        "url": f"../../packages/{folder}/{wheel.filename}",
        "yanked": False,
    }


async def test_entry_of_an_sdist(service: RunningService, prefix: str) -> None:
    """An sdist has no core metadata, and the release's `requires-python`."""
    page = (await service.get(f"{prefix}simple/demo/", PIP)).document

    assert page["files"][3]["core-metadata"] is False
    assert page["files"][3]["requires-python"] == ">=3.8"


async def test_upstream_bytes_stay(service: RunningService, prefix: str) -> None:
    """Upstream's entries stay as they are, byte for byte."""
    extra = {"new-key": {"b": 1, "a": None}}
    service.index.add("demo", a_wheel(version="1.5"), extra_file_keys=extra)
    theirs = (await service.get(f"{service.index.url}/simple/demo/", PIP)).text

    ours = (await service.get(f"{prefix}simple/demo/", PIP)).text

    head, _, _ = theirs.partition("],")
    assert ours.startswith(head)
    assert '"meta":{"_last-serial":5,"api-version":"1.4"}' in ours


@pytest.mark.parametrize("version", ["1.0", "1.1", "1.4", "1.9"])
async def test_api_version_is_upstreams(service: RunningService, prefix: str, version: str) -> None:
    """The page has upstream's API version, never a later one."""
    extra = {"meta": {"api-version": version}}
    service.index.add("demo", extra_page_keys=extra)

    page = (await service.get(f"{prefix}simple/demo/", PIP)).document

    assert page["meta"]["api-version"] == version


async def test_html_link(service: RunningService, prefix: str, wheel: Distribution) -> None:
    """A link of the HTML page has the attributes of the JSON page."""
    page = (await service.get(f"{prefix}simple/demo/", "text/html")).text

    digest = f"sha256={hashlib.sha256(wheel.metadata or b'').hexdigest()}"
    line = next(line for line in page.splitlines() if line.endswith(f">{wheel.filename}</a><br />"))
    assert f'/{wheel.filename}#sha256={wheel.sha256}"' in line
    assert 'data-requires-python="&gt;=3.8"' in line
    assert f'data-dist-info-metadata="{digest}" data-core-metadata="{digest}"' in line
    assert '<meta name="pypi:repository-version" content="1.4">' in page


async def test_yanked_release_stays_yanked(service: RunningService) -> None:
    """A file that joins a yanked release is yanked, and upstream's yanked files stay so."""
    wheel = a_wheel(version="2.0", requires_python=">=3.7")
    service.index.add("demo", wheel, yanked="broken", extra_file_keys=JUST_OUT)
    stage = await service.staged(an_sdist(version="2.0"))

    page = (await service.get(f"{prefix_of(stage)}simple/demo/", PIP)).document

    assert [file["yanked"] for file in page["files"]] == ["broken", "broken"]
    assert page["files"][1]["requires-python"] == ">=3.7"


async def test_versions_are_not_doubled(service: RunningService) -> None:
    """A version that upstream spells differently is not added again."""
    service.index.add("demo", a_wheel(version="2.0.0"), extra_file_keys=JUST_OUT)
    stage = await service.staged(an_sdist(version="2.0"))

    page = (await service.get(f"{prefix_of(stage)}simple/demo/", PIP)).document

    assert page["versions"] == ["2.0.0"]
    assert len(page["files"]) == 2


async def test_upstream_gains_the_file(
    service: RunningService, prefix: str, wheel: Distribution
) -> None:
    """A file that upstream lists by now is there once, and is upstream's."""
    service.index.add("demo", wheel)

    page = (await service.get(f"{prefix}simple/demo/", PIP)).document

    assert filenames(page).count(wheel.filename) == 1
    assert page["files"][2]["url"].startswith(f"{service.index.url}/packages/")


async def test_empty_stage_shows_upstream(service: RunningService, stage: Any) -> None:
    """A stage without files shows upstream's page, but it has to be revalidated."""
    empty = prefix_of(await service.open_stage("other", "9.0"))
    theirs = await service.get(f"{service.index.url}/simple/other/", PIP)

    ours = await service.get(f"{empty}simple/other/", PIP)

    assert ours.body == theirs.body
    assert ours.headers["Cache-Control"] == "private, no-cache"
    assert stage["status"] == "open"


async def test_quarantined_project_offers_nothing(service: RunningService, prefix: str) -> None:
    """A quarantined project offers no file, staged files included."""
    service.index.add("demo", status="quarantined")

    page = (await service.get(f"{prefix}simple/demo/", PIP)).document

    assert (page["files"], page["project-status"]) == ([], {"status": "quarantined"})


async def test_archived_status_passes(service: RunningService, prefix: str) -> None:
    """The status of a project is passed on, in JSON and in HTML."""
    service.index.add("demo", status="archived")

    as_json = (await service.get(f"{prefix}simple/demo/", PIP)).document
    as_html = (await service.get(f"{prefix}simple/demo/")).text

    assert as_json["project-status"] == {"status": "archived"}
    assert '<meta name="pypi:project-status" content="archived">' in as_html


@pytest.mark.parametrize("accept", [PIP, HTML_PAGE, "text/html"])
async def test_new_project(service: RunningService, accept: str) -> None:
    """A project that upstream does not have has a page under its stage, in every type."""
    stage = await service.staged(a_wheel("brand-new"), an_sdist("brand-new"))

    answer = await service.get(f"{prefix_of(stage)}simple/brand-new/", accept)

    assert answer.status == 200
    assert answer.headers["Content-Type"].startswith(accept.partition(",")[0])
    assert answer.text.count("brand_new-1.0-py3-none-any.whl") >= 2


async def test_new_project_elsewhere(service: RunningService, prefix: str) -> None:
    """A new project has no page under other stages, nor at the root."""
    await service.staged(a_wheel("brand-new"))

    assert (await service.get(f"{prefix}simple/brand-new/", PIP)).status == 404
    assert (await service.get("/simple/brand-new/", PIP)).status == 404


async def test_new_project_without_files(service: RunningService) -> None:
    """An empty stage of a project that upstream does not have has no page."""
    prefix = prefix_of(await service.open_stage("brand-new", "1.0"))

    assert (await service.get(f"{prefix}simple/brand-new/", PIP)).status == 404


async def test_only_page(service: RunningService, prefix: str) -> None:
    """Below `+only` the staged release is alone, and upstream is not asked."""
    page = (await service.get(f"{prefix}+only/simple/demo/", PIP)).document

    assert filenames(page) == ["demo-2.0-py3-none-any.whl", "demo-2.0.tar.gz"]
    assert service.index.requests == []


@pytest.mark.parametrize("path", ["simple/other/", "pypi/demo/json", "simple/demo/x", "x"])
async def test_only_what_is_staged(service: RunningService, prefix: str, path: str) -> None:
    """Below `+only` there is nothing else, and upstream is not asked."""
    answer = await service.get(f"{prefix}+only/{path}", PIP)

    assert answer.status == 404
    assert service.index.requests == []


@pytest.mark.parametrize("accept", [PIP, "text/html", None], ids=["pip", "browser", "anything"])
@pytest.mark.parametrize(
    ("path", "page"),
    [
        ("", "simple/"),
        ("demo/", "simple/demo/"),
        ("Demo/", "simple/demo/"),
        ("demo", "simple/demo/"),
    ],
)
async def test_only_without_simple(
    service: RunningService, prefix: str, path: str, page: str, accept: str | None
) -> None:
    """`+only/` without `simple/` is an index URL too, as the stage URL itself is."""
    answer = await service.get(f"{prefix}+only/{path}", accept)

    assert (answer.status, answer.headers["Cache-Control"]) == (307, "no-store")
    assert answer.headers["Location"] == f"{prefix.removeprefix(service.url)}+only/{page}"


async def test_only_list(service: RunningService, prefix: str) -> None:
    """The list of projects below `+only` contains the staged one."""
    page = (await service.get(f"{prefix}+only/simple/", PIP)).document

    assert [project["name"] for project in page["projects"]] == ["demo"]


async def test_links_lead_to_the_bytes(
    service: RunningService, prefix: str, wheel: Distribution
) -> None:
    """Relative links of each page lead to the staged bytes."""
    below_only = (await service.get(f"{prefix}+only/simple/demo/", PIP)).document
    merged = (await service.get(f"{prefix}simple/demo/", PIP)).document

    only = below_only["files"][0]["url"].removeprefix("../../../")
    link = merged["files"][2]["url"].removeprefix("../../")
    assert link == only
    assert (await service.get(prefix + link)).body == wheel.content
