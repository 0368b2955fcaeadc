"""The fake index, compared with recorded answers of PyPI's own software."""

import json
import re
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.support.builders.distributions import a_wheel, an_sdist
from tests.support.clients.http import fetch
from tests.support.index.answers import SITE_POLICY
from tests.support.index.fake_index import FakeIndex

RECORDED = Path(__file__).parent.parent / "support" / "index" / "recorded_answers.json"
HOST = "https://example.org"
JSON_PAGE = "application/vnd.pypi.simple.v1+json"
ASK_FOR_JSON = {"Accept": JSON_PAGE}
# Parts of a body that depend on the bytes of files, and on other uploads.
CHANGING = re.compile(r'[0-9a-f]{64}|(?<="_last-serial":)\d+')
# The recording notes that there was a policy, not its text.
UNRECORDED_POLICY = "<site default policy>"
# Headers that aiohttp adds, and so does PyPI's front end.
FROM_THE_SERVER = {"date", "server", "connection"}
# Their values depend on the body, or on other uploads.
VARYING = {"content-length", "etag", "x-pypi-last-serial"}
DESCRIBED = (
    "Metadata-Version: 2.1\nName: stage-demo\nVersion: 1.0\n"
    "Description-Content-Type: text/markdown\n\n# Hello"
)
WHEEL = "demo-1.0-py3-none-any.whl"
SDIST = "demo-1.0.tar.gz"
DIGESTS = re.compile(r"(?<=packages/)[0-9a-f/]+(?=/)|[0-9a-f]{64}")
RELEASE = 'data-requires-python="&gt;=3.8" data-yanked="broken"'
METADATA = 'data-dist-info-metadata="sha256=…" data-core-metadata="sha256=…"'
LINKS = [
    f'<a href="{HOST}/packages/…/{WHEEL}#sha256=…" {RELEASE} {METADATA}>{WHEEL}</a><br />',
    f'<a href="{HOST}/packages/…/{SDIST}#sha256=…" {RELEASE} >{SDIST}</a><br />',
]
SERIAL = "<!--SERIAL 2-->"


@pytest.fixture
async def index() -> AsyncIterator[FakeIndex]:
    """Return a running index with the projects of the recording."""
    async with FakeIndex.running() as index:
        index.add("arch-proj", status="archived")
        index.add("big-proj")
        index.add("other-proj")
        index.add("quar-proj", an_sdist("quar-proj"), status="quarantined")
        index.add("stage-demo", a_wheel("stage-demo", metadata=DESCRIBED), an_sdist("stage-demo"))
        yield index


def recorded_answers() -> list[Any]:
    """Return each recorded answer as a named case."""
    answers = json.loads(RECORDED.read_text(encoding="utf-8"))
    return [pytest.param(answer, id=answer["id"].replace("-", " ")) for answer in answers]


def comparable(headers: Mapping[str, str], host: str) -> dict[str, str]:
    """Return the headers without values that depend on time, place and contents."""
    unchanged = {
        name.lower(): value.replace(host, HOST).replace(SITE_POLICY, UNRECORDED_POLICY)
        for name, value in headers.items()
        if name.lower() not in FROM_THE_SERVER
    }
    return unchanged | dict.fromkeys(VARYING & unchanged.keys(), "…")


@pytest.mark.parametrize("recorded", recorded_answers())
async def test_answers_as_recorded(index: FakeIndex, recorded: Mapping[str, Any]) -> None:
    """Status, headers and the shape of the body are those of the real index."""
    headers = dict(recorded["request_headers"])
    if "If-None-Match" in headers:
        headers["If-None-Match"] = await current_etag(index, recorded["path"], headers["Accept"])

    answer = await fetch(index, recorded["path"], headers, method=recorded["method"])

    assert answer.status == recorded["status"]
    assert comparable(answer.headers, index.url) == comparable(recorded["headers"], HOST)
    expected = CHANGING.sub("…", recorded["body_starts"])
    assert CHANGING.sub("…", answer.text).startswith(expected)


async def current_etag(index: FakeIndex, path: str, accept: str) -> str:
    """Return the present ETag of a page."""
    return (await fetch(index, path, {"Accept": accept})).headers["ETag"]


async def test_whole_page_as_recorded(index: FakeIndex) -> None:
    """A page without files is the recorded one to the byte, as is its ETag."""
    recorded = next(case.values[0] for case in recorded_answers() if "empty" in str(case.id))

    answer = await fetch(index, recorded["path"], ASK_FOR_JSON)

    assert answer.text == recorded["body_starts"]
    assert answer.headers["ETag"] == recorded["headers"]["ETag"]


async def test_keys_of_a_file(index: FakeIndex) -> None:
    """A file on a JSON page has PyPI's keys, sorted."""
    page = (await fetch(index, "/simple/stage-demo/", ASK_FOR_JSON)).document

    assert list(page) == ["files", "meta", "name", "project-status", "versions"]
    assert list(page["files"][1]) == [
        "core-metadata",
        "data-dist-info-metadata",
        "filename",
        "hashes",
        "provenance",
        "requires-python",
        "size",
        "upload-time",
        "url",
        "yanked",
    ]


async def test_anchors() -> None:
    """Links have PyPI's attributes in its order, with its spaces."""
    async with FakeIndex.running() as index:
        index.add("demo", a_wheel(requires_python=">=3.8"), an_sdist(), yanked="broken")

        answer = await fetch(index, "/simple/demo/")

    links = answer.text.replace(index.url, HOST).splitlines()[8:]
    assert [DIGESTS.sub("…", line) for line in links] == [*LINKS, "</body>", "</html>", SERIAL]


async def test_release_documents(index: FakeIndex) -> None:
    """Both documents of the JSON API have the release; one of them has all releases."""
    index.add("stage-demo", an_sdist("stage-demo", "2.0rc1"))

    project = (await fetch(index, "/pypi/stage-demo/json")).document
    release = (await fetch(index, "/pypi/stage-demo/1/json")).document

    assert project["info"]["version"] == "1.0"
    assert list(project["releases"]) == ["1.0", "2.0rc1"]
    assert release == {key: value for key, value in project.items() if key != "releases"}


async def test_feed(index: FakeIndex) -> None:
    """The newest release is the first item of the feed."""
    index.add("stage-demo", an_sdist("stage-demo", "2.0"))

    answer = await fetch(index, "/rss/project/stage-demo/releases.xml")

    assert re.findall(r"<title>([^<]*)</title>", answer.text)[1:] == ["2.0", "1.0"]


async def test_files(index: FakeIndex) -> None:
    """A file is served whole, in part, and as metadata, at the URL of its page."""
    wheel = a_wheel("stage-demo", metadata=DESCRIBED)
    page = (await fetch(index, "/simple/stage-demo/", ASK_FOR_JSON)).document
    path = page["files"][0]["url"].removeprefix(index.url)

    whole = await fetch(index, path)
    part = await fetch(index, path, {"Range": "bytes=-4"})
    beyond = await fetch(index, path, {"Range": f"bytes={len(wheel.content)}-"})
    metadata = await fetch(index, f"{path}.metadata")

    assert whole.body == wheel.content
    assert (part.status, part.body) == (206, wheel.content[-4:])
    assert beyond.status == 416
    assert metadata.text == DESCRIBED


async def test_release_has_one_requires_python() -> None:
    """All files of a release have the Requires-Python of its first file."""
    async with FakeIndex.running() as index:
        index.add("demo", an_sdist(requires_python=">=3.8"))
        index.add("demo", a_wheel(requires_python=">=3.12"))

        page = (await fetch(index, "/simple/demo/", ASK_FOR_JSON)).document

    assert {file["requires-python"] for file in page["files"]} == {">=3.8"}


async def test_extra_keys() -> None:
    """Keys of future API versions can be added to files, pages and `meta`."""
    async with FakeIndex.running() as index:
        extra_page_keys = {"namespaces": None, "meta": {"_new": 1}}
        index.add("demo", a_wheel(), extra_file_keys={"new": 2}, extra_page_keys=extra_page_keys)

        page = (await fetch(index, "/simple/demo/", ASK_FOR_JSON)).document

    assert page["files"][0]["new"] == 2
    assert page["namespaces"] is None
    assert page["meta"] == {"_last-serial": 1, "_new": 1, "api-version": "1.4"}


async def test_remove(index: FakeIndex) -> None:
    """A removed project is unknown."""
    index.remove("Stage.Demo")

    assert (await fetch(index, "/simple/stage-demo/")).status == 404


async def test_requests_are_recorded(index: FakeIndex) -> None:
    """The index records its requests unchanged."""
    await fetch(index, "/simple/stage%2Ddemo/?a=b", ASK_FOR_JSON)

    assert [(request.method, request.path) for request in index.requests] == [
        ("GET", "/simple/stage-demo/?a=b")
    ]
    assert index.requests[0].headers["Accept"] == JSON_PAGE
