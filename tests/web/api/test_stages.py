"""Stages in /api/: answers and refusals."""

from typing import Any

import pytest

from tests.support.builders.distributions import a_wheel, an_sdist
from tests.support.servers.service import RunningService, prefix_of

WHEEL = a_wheel(version="2.0", requires_python=">=3.8", requires_dist=["six"])


async def test_open(service: RunningService) -> None:
    """Opening a stage answers 201 and its location."""
    answer = await service.api("POST", "stages", name="Brand.New", version="1.0")

    document = answer.document
    assert answer.status == 201
    assert answer.headers["Location"] == document["links"]["session"]
    assert document["project"] == "brand-new"
    assert (document["status"], document["files"]) == ("open", {})


async def test_shape_of_a_stage(service: RunningService) -> None:
    """A stage is PEP 694's session object, with the members that it lacks."""
    opened = await service.open_stage()

    prefix = f"{service.url}/tmp/demo/{opened['session-token']}/"
    session = f"{service.url}/api/stages/{opened['id']}"
    assert opened == {
        "meta": {"api-version": "2.0"},
        "links": {
            "session": session,
            "stage": prefix,
            "review": f"{prefix}+review",
            "legacy-upload": f"{prefix}legacy/",
            "upload": f"{service.url}/upload/2.0/sessions/{opened['id']}/files",
            "publish": f"{session}/promotion",
            "extend": f"{session}/extend",
        },
        "mechanisms": ["http-post-bytes"],
        "status": "open",
        "end": None,
        "expires-at": "2026-11-29T12:00:00Z",
        "files": {},
        "notices": [],
        "findings": [],
        "session-token": opened["session-token"],
        "id": opened["id"],
        "project": "demo",
        "version": "2.0",
        "manifest-digest": "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        "revision": 0,
        "opened-at": "2026-11-22T12:00:00Z",
    }


async def test_expected_files(service: RunningService) -> None:
    """The files that a release should have are declared when its stage is opened."""
    patterns = ["sdist", "cp312,cp313-win_amd64"]

    opened = await service.api("POST", "stages", name="demo", version="2.0", expects=patterns)
    shown = await service.api("GET", f"stages/{opened.document['id']}")

    assert opened.document["expects"] == shown.document["expects"] == patterns


async def test_no_pattern_of_expected_files(service: RunningService) -> None:
    """What is no pattern of expected files is refused."""
    answer = await service.api("POST", "stages", name="demo", expects=["wheels"])

    assert answer.status == 400
    assert "'wheels' is no pattern of expected files" in str(answer.document["errors"])


async def test_shape_of_a_file(service: RunningService) -> None:
    """A file has the members of the API reference."""
    stage = await service.staged(WHEEL)

    file = stage["files"][WHEEL.filename]
    assert file == {
        "status": "completed",
        "link": file["link"],
        "notices": [],
        "size": len(WHEEL.content),
        "hashes": {
            "sha256": WHEEL.sha256,
            "blake2b_256": WHEEL.blake2b_256,
            "md5": WHEEL.md5,
        },
        "upload-time": "2026-11-22T12:00:00.123456Z",
        "uploaded-by": file["uploaded-by"],
        "uploaded-by-name": "admin",
        "attestations": 0,
        "metadata": {
            "requires-python": ">=3.8",
            "summary": "A demo",
            "requires-dist": ["six"],
        },
    }


async def test_version_may_be_open(service: RunningService) -> None:
    """A stage may be opened without a version."""
    assert (await service.open_stage(version=None))["version"] is None


@pytest.mark.parametrize("version", ["2.0", "2.0.0", "2"])
async def test_one_stage_a_release(service: RunningService, version: str) -> None:
    """A second stage of a release is refused, and the answer names the first one."""
    first = await service.open_stage()

    answer = await service.api("POST", "stages", name="Demo", version=version)

    assert answer.status == 409
    assert answer.headers["Location"] == first["links"]["session"]
    assert answer.headers["Content-Type"] == "application/problem+json"


WRONG = {
    "no name": {"version": "1.0"},
    "no project's name": {"name": "-x-"},
    "no version": {"name": "demo", "version": "dog"},
    "no life time": {"name": "demo", "lifetime": "soon"},
    "a life time of nothing": {"name": "demo", "lifetime": "0s"},
    "a life time for ever": {"name": "demo", "lifetime": "99999999999d"},
    "an unknown key": {"name": "demo", "colour": "red"},
    "a number": {"name": 1},
}


@pytest.mark.parametrize("document", WRONG.values(), ids=WRONG)
async def test_wrong_body(service: RunningService, document: Any) -> None:
    """An invalid body is refused, and the answer names the fields."""
    answer = await service.api("POST", "stages", **document)

    problem = answer.document
    assert answer.status == 400
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert {"type", "title", "status", "detail", "errors", "meta"} <= set(problem)
    assert problem["errors"]


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"null", b"\xff", b'{"name": "a"} x'])
async def test_no_document(service: RunningService, body: bytes) -> None:
    """A body that is not a JSON object is refused."""
    headers = {"Authorization": f"Bearer {service.admin}"}

    answer = await service.send("POST", "/api/stages", headers, data=body)

    assert answer.status == 400


async def test_long_body(service: RunningService) -> None:
    """A body that is far too long is refused."""
    headers = {"Authorization": f"Bearer {service.admin}"}

    answer = await service.send("POST", "/api/stages", headers, data=b" " * (2**16 + 1))

    assert answer.status == 413


async def test_list(service: RunningService) -> None:
    """A token lists the stages that it may read, the latest first."""
    await service.open_stage("demo", "1.0")
    service.clock.advance(seconds=1)
    await service.open_stage("demo", "2.0")
    await service.open_stage("other", "2.0")
    tokens = {
        "all": service.admin,
        "demo": await service.token(project="demo"),
        "demo 1.0": await service.token(project="demo", version="1.0"),
        "none": await service.token(project="third"),
    }

    listed = {name: await releases_in(service, token) for name, token in tokens.items()}

    assert sorted(listed.pop("all")) == ["demo 1.0", "demo 2.0", "other 2.0"]
    assert listed == {"demo": ["demo 2.0", "demo 1.0"], "demo 1.0": ["demo 1.0"], "none": []}


async def releases_in(service: RunningService, token: str) -> list[str]:
    """Return the releases whose stages a token lists."""
    stages = (await service.api("GET", "stages", token)).document["stages"]
    return [f"{stage['project']} {stage['version']}" for stage in stages]


async def test_list_of_a_project(service: RunningService) -> None:
    """The list can be limited to one project, in any spelling of its name."""
    await service.open_stage("demo", "1.0")
    await service.open_stage("other", "1.0")

    found = (await service.api("GET", "stages?project=Other")).document["stages"]

    assert [stage["project"] for stage in found] == ["other"]


async def test_extend(service: RunningService) -> None:
    """A stage is extended as far as the limit allows; asking for more is no error."""
    stage = await service.open_stage()
    path = f"stages/{stage['id']}/extend"

    once = (await service.api("POST", path, **{"extend-for": "3d"})).document
    far = (await service.api("POST", path, **{"extend-for": 10**9})).document

    assert once["expires-at"] == "2026-12-02T12:00:00Z"
    assert far["expires-at"] == "2026-12-22T12:00:00Z"


async def test_life_time_has_a_limit(service: RunningService) -> None:
    """A stage is not opened for longer than the limit."""
    answer = await service.api("POST", "stages", name="demo", lifetime="99d")

    assert answer.document["expires-at"] == "2026-12-22T12:00:00Z"


@pytest.mark.parametrize("duration", [10**12, "99999d", "9999999w"])
async def test_extend_beyond_the_calendar(service: RunningService, duration: object) -> None:
    """An extension beyond the last date of the calendar is limited like any other."""
    stage = await service.open_stage()

    extended = await service.api("POST", f"stages/{stage['id']}/extend", **{"extend-for": duration})
    token = await service.api("POST", "tokens", can="upload", project="demo", expires=duration)

    assert extended.document["expires-at"] == "2026-12-22T12:00:00Z"
    assert token.document["expires-at"].startswith("2126-")


async def test_cancel(service: RunningService) -> None:
    """A canceled stage has its status, and no longer shows its token."""
    stage = await service.staged(WHEEL)

    answer = await service.api("DELETE", f"stages/{stage['id']}")

    document = answer.document
    assert (document["status"], document["notices"]) == ("canceled", ["It was canceled."])
    assert set(document["links"]) == {"session"}
    assert "session-token" not in document
    assert "link" not in document["files"][WHEEL.filename]


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("DELETE", ""),
        ("POST", "/rotate"),
        ("POST", "/extend"),
        ("DELETE", f"/files/{WHEEL.filename}"),
    ],
)
async def test_ended_stage_cannot_change(service: RunningService, method: str, path: str) -> None:
    """An ended stage cannot be changed, and the answer states how it ended."""
    stage = await service.staged(WHEEL)
    await service.api("DELETE", f"stages/{stage['id']}")

    answer = await service.api(method, f"stages/{stage['id']}{path}", **{"extend-for": 60})

    assert answer.status == 410
    assert ": it was canceled." in answer.document["detail"]


async def test_remove_file(service: RunningService) -> None:
    """A file can be withdrawn, which changes the stage."""
    stage = await service.staged(WHEEL, an_sdist(version="2.0"))
    service.clock.advance(days=1)

    answer = await service.api("DELETE", f"stages/{stage['id']}/files/{WHEEL.filename}")

    assert list(answer.document["files"]) == ["demo-2.0.tar.gz"]
    assert answer.document["expires-at"] == "2026-11-30T12:00:00Z"


async def test_remove_file_that_is_not_there(service: RunningService) -> None:
    """A file that is not staged cannot be withdrawn."""
    stage = await service.open_stage()

    answer = await service.api("DELETE", f"stages/{stage['id']}/files/demo-2.0.tar.gz")

    assert answer.status == 404


async def test_unknown_path(service: RunningService) -> None:
    """An unknown path is a problem document."""
    answer = await service.api("GET", "nothing")

    assert (answer.status, answer.document["detail"]) == (404, "404 Not Found")
    assert answer.headers["Content-Type"] == "application/problem+json"


async def test_wrong_method(service: RunningService) -> None:
    """A method that a path does not have is a problem document."""
    answer = await service.api("PATCH", "stages")

    assert (answer.status, answer.document["status"]) == (405, 405)


async def test_answers_are_not_stored(service: RunningService) -> None:
    """Answers of the API must not be stored by caches."""
    stage = await service.open_stage()

    answers = [await service.api("GET", path) for path in ("stages", f"stages/{stage['id']}", "x")]

    assert {one.headers["Cache-Control"] for one in answers} == {"private, no-cache"}
    assert prefix_of(stage).startswith(service.url)


async def test_files_that_differ(service: RunningService) -> None:
    """Files with different metadata have a notice: PyPI shows that of the first file."""
    service.index.add("six", a_wheel("six"))
    wheel = a_wheel(version="2.0", requires_python=">=3.8", requires_dist=["six >= 1"])
    sdist = an_sdist(version="2.0", requires_python=">=3.9", requires_dist=["six>=1"])

    stage = await service.staged(wheel, sdist)

    sentence = (
        f"{sdist.filename} has a different Requires-Python than {wheel.filename}. "
        f"{service.index_name} shows that of {wheel.filename} for all files, because it is "
        "published first."
    )
    assert stage["notices"] == [sentence]


async def test_ends(service: RunningService) -> None:
    """A stage that has expired is told apart from one that was canceled."""
    [expired, canceled] = [await service.open_stage(version=one) for one in ("1.0", "2.0")]
    assert expired["end"] is None
    await service.api("DELETE", f"stages/{canceled['id']}")
    service.clock.advance(days=7)

    listed = (await service.api("GET", "stages")).document["stages"]

    assert {one["id"]: (one["status"], one["end"]) for one in listed} == {
        expired["id"]: ("canceled", "expired"),
        canceled["id"]: ("canceled", "canceled"),
    }


async def test_stages_are_listed_in_pages(service: RunningService) -> None:
    """A page has as many stages as were asked for, and says where the next one begins."""
    opened = [await service.open_stage(version=f"{number}.0") for number in range(5)]
    page = await service.api("GET", "stages?limit=2")
    pages = [page.document]
    while "next" in pages[-1]:
        link = page.headers["Link"].removeprefix("<").partition(">")[0]
        page = await service.send("GET", link, {"Authorization": f"Bearer {service.admin}"})
        pages.append(page.document)

    found = [one["id"] for each in pages for one in each["stages"]]
    assert [len(one["stages"]) for one in pages] == [2, 2, 1]
    assert sorted(found) == sorted(one["id"] for one in opened)


async def test_page_of_stages_with_many_files(
    service: RunningService, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A page has fewer stages than were asked for if they have many files, and none is left out."""
    monkeypatch.setattr("stageproxy.web.api.stages._MOST_FILES", 2)
    for number in range(5):
        await service.staged(a_wheel(version=f"{number}.0"))
    pages = [(await service.api("GET", "stages")).document]
    while "next" in pages[-1]:
        pages.append((await service.api("GET", f"stages?after={pages[-1]['next']}")).document)

    versions = [[one["version"] for one in page["stages"]] for page in pages]
    assert [len(one) for one in versions] == [2, 2, 1]
    assert sorted(one for page in versions for one in page) == [f"{one}.0" for one in range(5)]


@pytest.mark.parametrize("query", ["limit=0", "limit=1001", "limit=x", "after=x", "after=2026~s"])
async def test_pages_that_do_not_exist(service: RunningService, query: str) -> None:
    """A page that cannot be meant is refused, with what is expected."""
    answer = await service.api("GET", f"stages?{query}")

    assert answer.status == 400
    assert "must be" in answer.document["detail"]


async def test_ended_stages_cost_no_time(service: RunningService) -> None:
    """The list of a token's own stages is short, however many others there are."""
    await service.open_stage("other", "1.0")
    stage = await service.open_stage("demo", "2.0")

    listed = await service.api("GET", "stages?limit=1", await service.token(project="demo"))

    assert [one["id"] for one in listed.document["stages"]] == [stage["id"]]
    assert "next" not in listed.document
