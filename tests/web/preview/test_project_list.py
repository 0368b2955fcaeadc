"""The list of all projects below a stage."""

import json
from itertools import repeat
from typing import Any

import pytest
from aiohttp import ClientError

from tests.support.builders.distributions import a_wheel
from tests.support.index.fake_index import Quirks
from tests.support.servers.service import HTML_PAGE, JSON_PAGE, PIP, RunningService, prefix_of

HTML = "text/html"
LIST = "simple/"
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: %b\r\nConnection: close\r\n"
ENTRIES = 40_000


@pytest.fixture
async def new(service: RunningService, stage: Any) -> str:
    """Return the stage URL of a project that upstream does not have."""
    assert stage["project"] == "demo"
    return prefix_of(await service.staged(a_wheel("brand-new")))


def below(prefix: str) -> str:
    """Return the path of a stage."""
    return "/tmp/" + prefix.partition("/tmp/")[2]


async def test_known_project_in_json(service: RunningService, prefix: str) -> None:
    """If upstream has the project the list is upstream's, byte for byte."""
    theirs = await service.get(f"{service.index.url}/{LIST}", PIP)

    ours = await service.get(prefix + LIST, PIP)

    assert ours.body == theirs.body
    assert {ours.headers[one] == theirs.headers[one] for one in ("ETag", "Cache-Control")} == {True}


@pytest.mark.parametrize("accept", [HTML, HTML_PAGE])
async def test_known_project_in_html(service: RunningService, prefix: str, accept: str) -> None:
    """In an HTML list only the links change: they stay within the stage."""
    theirs = await service.get(f"{service.index.url}/{LIST}", accept)

    ours = await service.get(prefix + LIST, accept)

    assert ours.text == theirs.text.replace('"/simple/', f'"{below(prefix)}simple/')
    assert ours.headers["Content-Type"] == theirs.headers["Content-Type"]


async def test_html_for_clients_that_prefer_json(service: RunningService, prefix: str) -> None:
    """If upstream has only HTML, links stay within the stage whatever the client prefers."""
    service.index.quirks = Quirks(html_only=True)

    ours = await service.get(prefix + LIST, PIP)

    assert f'href="{below(prefix)}simple/demo/"' in ours.text
    assert 'href="/simple/' not in ours.text


async def test_new_project_in_json(service: RunningService, new: str) -> None:
    """A new project is in the list of its stage."""
    answer = await service.get(new + LIST, PIP)

    names = [one["name"] for one in answer.document["projects"]]
    assert (answer.status, answer.headers["Content-Type"]) == (200, JSON_PAGE)
    assert names == ["brand-new", "demo", "other"]
    assert answer.document["meta"]["api-version"] == "1.4"


async def test_new_project_in_html(service: RunningService, new: str) -> None:
    """A new project is in the HTML list too, with a link to its page."""
    answer = await service.get(new + LIST)

    assert '<a href="brand-new/">brand-new</a>\n' in answer.text
    assert f'<a href="{below(new)}simple/demo/">demo</a>' in answer.text
    assert (await service.get(f"{new}{LIST}brand-new/", PIP)).status == 200


async def test_new_project_elsewhere(service: RunningService, new: str, prefix: str) -> None:
    """A new project is in no other stage's list."""
    lists = [(await service.get(prefix + LIST, accept)).text for accept in (PIP, HTML)]

    assert not any("brand-new" in one for one in lists)
    assert new != prefix


@pytest.mark.parametrize("accept", [PIP, HTML])
async def test_empty_stage(service: RunningService, stage: Any, accept: str) -> None:
    """A stage without files adds no name."""
    empty = prefix_of(await service.open_stage("brand-new", None))

    text = (await service.get(empty + LIST, accept)).text.replace(below(empty), "")

    assert ("brand-new" in text, "demo" in text) == (False, True)
    assert stage["status"] == "open"


async def test_project_appears_upstream(service: RunningService, new: str) -> None:
    """Once upstream has the project the list is upstream's again."""
    await service.get(new + LIST, PIP)
    service.index.add("brand-new", a_wheel("brand-new"))

    names = [one["name"] for one in (await service.get(new + LIST, PIP)).document["projects"]]

    assert names == ["brand-new", "demo", "other"]


@pytest.mark.parametrize("accept", [PIP, HTML])
async def test_caching(service: RunningService, new: str, accept: str) -> None:
    """An edited list is private, and a matching ETag brings 304."""
    answer = await service.get(new + LIST, accept)

    again = await service.get(new + LIST, accept, If_None_Match=answer.headers["ETag"])

    assert answer.headers["Cache-Control"] == "private, no-cache"
    assert (again.status, again.body) == (304, b"")


@pytest.mark.parametrize("accept", [PIP, HTML])
async def test_etag_changes(service: RunningService, new: str, accept: str) -> None:
    """A project that upstream adds changes the ETag of an edited list."""
    before = (await service.get(new + LIST, accept)).headers["ETag"]
    service.index.add("one-more", a_wheel("one-more"))

    after = await service.get(new + LIST, accept, If_None_Match=before)

    assert "one-more" in after.text


@pytest.mark.parametrize("accept", [PIP, HTML])
async def test_head(service: RunningService, new: str, accept: str) -> None:
    """HEAD is GET without the body."""
    got = await service.get(new + LIST, accept)

    head = await service.get(new + LIST, accept, method="HEAD")

    assert (head.status, head.body) == (200, b"")
    assert head.headers["ETag"] == got.headers["ETag"]


async def test_long_list(service: RunningService, new: str) -> None:
    """A long list is passed on whole, in the chunks in which it arrives."""
    names = [f"project-{number}" for number in range(ENTRIES)]
    page = {"meta": {"api-version": "1.4"}, "projects": [{"name": one} for one in names]}
    answer_with(service, json.dumps(page).encode(), JSON_PAGE)

    answer = await service.get(new + LIST, PIP)

    assert [one["name"] for one in answer.document["projects"]] == ["brand-new", *names]


def answer_with(service: RunningService, body: bytes, kind: str, *headers: bytes) -> None:
    """Let upstream answer with a list; without other *headers* its length is declared."""
    lines = headers or (b"Content-Length: %d" % len(body),)
    raw = HEAD % kind.encode() + b"".join(one + b"\r\n" for one in lines) + b"\r\n" + body
    service.index.quirks = Quirks(raw={"/simple/": repeat(raw)})


NO_LISTS = {
    "a log-in page": (b"<html>Log in</html>", HTML, ()),
    "JSON without projects": (b'{"files":[]}', JSON_PAGE, ()),
    "nothing": (b"", JSON_PAGE, ()),
    "an unrequested encoding": (b'{"projects":[]}', JSON_PAGE, (b"Content-Encoding: br",)),
}


@pytest.mark.parametrize(("body", "kind", "headers"), NO_LISTS.values(), ids=NO_LISTS)
async def test_no_list(
    service: RunningService, new: str, body: bytes, kind: str, headers: tuple[bytes, ...]
) -> None:
    """An invalid list of upstream's is a gateway error."""
    answer_with(service, body, kind, *headers)

    answer = await service.get(new + LIST, PIP)

    assert answer.status == 502
    assert "brand-new" not in answer.text


CUT_OFF = {
    "JSON by its length": (JSON_PAGE, (b"Content-Length: 9999",)),
    "JSON of unknown length": (JSON_PAGE, (b"X: y",)),
    "HTML by its length": (HTML, (b"Content-Length: 9999",)),
    "HTML of unknown length": (HTML, (b"X: y",)),
}


@pytest.mark.parametrize(("kind", "headers"), CUT_OFF.values(), ids=CUT_OFF)
async def test_cut_off(
    service: RunningService, new: str, kind: str, headers: tuple[bytes, ...]
) -> None:
    """A list that upstream cuts off is cut off below the stage too."""
    body = b'{"projects":[{"name":"a"},' if kind == JSON_PAGE else b'<html><a href="/simple/a/">'
    answer_with(service, body, kind, *headers)

    with pytest.raises(ClientError):
        await service.get(new + LIST, PIP)


@pytest.mark.parametrize("status", [500, 503, 404])
async def test_errors_of_upstream(service: RunningService, new: str, status: int) -> None:
    """While upstream fails there is no list, not even of the new name alone."""
    service.index.quirks = Quirks(status=status)

    answer = await service.get(new + LIST, PIP)

    assert answer.status == {500: 503}.get(status, status)
    assert "brand-new" not in answer.text
