"""`stageproxy verify-transparency`: pages of other projects, compared with upstream."""

import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientSession, web
from aiohttp.typedefs import Handler
from yarl import URL

from stageproxy.core.rights import TOKEN_PATTERN
from tests.support.builders.distributions import a_wheel, an_sdist
from tests.support.index.fake_index import FakeIndex, Quirks
from tests.support.servers.processes import CommandResult, own_environment, run
from tests.support.servers.runner import running
from tests.support.servers.service import RunningService, prefix_of, running_service

NAMES = ("other", "third", "Third", "fourth_one", "missing")
PASSED_ON = frozenset(
    {"content-type", "etag", "cache-control", "vary", "x-pypi-last-serial", "location"}
)

Change = Callable[[web.Response], object]


@pytest.fixture
def names(tmp_path: Path) -> str:
    """Return a file with names of projects and comments."""
    path = tmp_path / "names.txt"
    path.write_text("# other projects\n\n" + "\n".join(NAMES) + "  # the last\n")
    return str(path)


@pytest.fixture
def filled(index: FakeIndex) -> FakeIndex:
    """Return an index with a few projects."""
    for name in ("demo", "other", "third", "fourth-one"):
        index.add(name, a_wheel(name), an_sdist(name))
    return index


async def verify(service: RunningService, stage: Any, *arguments: str) -> CommandResult:
    """Run the command for a stage of this service."""
    server = {} if "://" in stage else {"STAGEPROXY_SERVER": service.url}
    environment = {**own_environment(), **server, "STAGEPROXY_TOKEN": service.admin}
    command = [sys.executable, "-m", "stageproxy", "verify-transparency", stage]
    upstream = [] if "--upstream" in arguments else ["--upstream", service.index.url]
    return await run(*command, *upstream, *arguments, environment=environment)


async def test_no_differences(service: RunningService, filled: FakeIndex, names: str) -> None:
    """The pages of other projects are those of upstream: no differences, exit code 0."""
    stage = await service.staged()

    done = await verify(service, prefix_of(stage), "--names", names)

    assert (done.code, done.stderr) == (0, "")
    assert done.stdout == "10 pages compared, 0 differences.\n"
    assert filled.requests


async def test_stage_by_id(service: RunningService, filled: FakeIndex, names: str) -> None:
    """A stage can be named by its id."""
    stage = await service.staged()

    done = await verify(service, stage["id"], "--names", names, "--json")

    assert done.ok().document == {"compared": 10, "differences": []}
    assert filled.requests


async def test_upstream_without_validators(
    service: RunningService, filled: FakeIndex, names: str
) -> None:
    """The ETag that a page gets where upstream sends none is not a difference."""
    filled.quirks = Quirks(no_etag=True)
    stage = await service.staged()

    done = await verify(service, prefix_of(stage), "--names", names)

    assert (done.code, done.stdout) == (0, "10 pages compared, 0 differences.\n")


async def test_staged_project_is_left_out(
    service: RunningService, filled: FakeIndex, tmp_path: Path
) -> None:
    """The staged project is not compared, however it is spelled."""
    stage = await service.staged()
    path = tmp_path / "own.txt"
    path.write_text("demo\nDemo\nother\n")

    done = await verify(service, prefix_of(stage), "--names", str(path), "--json")

    assert done.ok().document == {"compared": 2, "differences": []}
    assert filled.requests


async def test_sample(service: RunningService, filled: FakeIndex) -> None:
    """A sample of upstream's projects is the same for the same seed."""
    stage = await service.open_stage("new-project", "1.0")
    arguments = [prefix_of(stage), "--sample", "2", "--seed"]
    samples = []
    for seed in ("1", "1", "4"):
        filled.requests.clear()
        (await verify(service, *arguments, seed)).ok()
        samples.append({one.path for one in filled.requests} - {"/simple/"})

    assert [len(one) for one in samples] == [2, 2, 2]
    assert samples[0] == samples[1] != samples[2]


async def test_no_token_goes_upstream(
    service: RunningService, filled: FakeIndex, names: str
) -> None:
    """No credential is sent to upstream, neither by the command nor by the stage."""
    stage = await service.staged()
    filled.requests.clear()

    (await verify(service, prefix_of(stage), "--names", names)).ok()

    sent = [f"{one.path} {dict(one.headers)}" for one in filled.requests]
    assert len(sent) > 2 * len(NAMES)
    assert [one for one in sent if TOKEN_PATTERN.search(one)] == []
    assert {name for one in filled.requests for name in one.headers} <= {
        "Host", "Accept", "Accept-Encoding", "If-None-Match", "User-Agent", "X-Request-ID"
    }  # fmt: skip


DEFECTS: dict[str, tuple[Change, str]] = {
    "a byte": (
        lambda answer: setattr(answer, "body", answer.body[:-1] + b"?"),  # type: ignore[index]
        "with other contents",
    ),
    "the end": (lambda answer: setattr(answer, "body", b""), "body: 0 bytes instead of"),
    "the type": (
        lambda answer: answer.headers.update({"Content-Type": "text/plain"}),
        "Content-Type: text/plain instead of",
    ),
    "the validator": (
        lambda answer: answer.headers.update({"ETag": '"mine"'}),
        'ETag: "mine" instead of',
    ),
    "the cache lifetime": (
        lambda answer: answer.headers.update({"Cache-Control": "no-store"}),
        "Cache-Control: no-store instead of max-age=600, public",
    ),
    "a missing header": (
        lambda answer: answer.headers.popall("X-PyPI-Last-Serial"),
        "X-PyPI-Last-Serial: None instead of",
    ),
    "the status": (lambda answer: answer.set_status(203), "status 203 instead of 200"),
}


@pytest.mark.parametrize(("change", "expected"), DEFECTS.values(), ids=DEFECTS)
async def test_defect(
    tmp_path: Path, filled: FakeIndex, names: str, change: Change, expected: str
) -> None:
    """Any change of a page is reported: exit code 1."""
    done = await verify_changed("simple/third/", change, tmp_path, filled, names, "--json")

    differences = done.document["differences"]
    assert (done.code, len(differences)) == (1, 4)
    assert {one["path"] for one in differences} == {"simple/third/", "simple/Third/"}
    assert expected in differences[0]["what"]


async def test_defect_for_people(tmp_path: Path, filled: FakeIndex, names: str) -> None:
    """Without `--json`, a line has the page, its type and the difference."""
    change = DEFECTS["the status"][0]

    done = await verify_changed("simple/other/", change, tmp_path, filled, names)

    assert (done.code, done.stderr) == (1, "")
    assert done.stdout.splitlines() == [
        "simple/other/ (application/vnd.pypi.simple.v1+json): status 203 instead of 200",
        "simple/other/ (text/html): status 203 instead of 200",
        "10 pages compared, 2 differences.",
    ]


async def test_redirect_out_of_the_stage(tmp_path: Path, filled: FakeIndex, names: str) -> None:
    """A redirect out of the stage is reported, even if it leads to the same bytes."""

    def lead_out(answer: web.Response) -> None:
        answer.set_status(302)
        answer.headers["Location"] = f"{filled.url}/simple/other/"

    done = await verify_changed("simple/other/", lead_out, tmp_path, filled, names, "--json")

    assert done.code == 1
    found = {one["what"] for one in done.document["differences"]}
    assert found == {"redirect to a URL outside the stage"}


async def test_upstream_that_changes(tmp_path: Path, index: FakeIndex, names: str) -> None:
    """A page that upstream changes between two requests is not a difference."""
    async with changing_index() as url:
        upstream = {"url": url}
        async with running_service(tmp_path / "data", index, upstream=upstream) as service:
            stage = prefix_of(await service.open_stage("demo", "1.0"))
            done = await verify(service, stage, "--names", names, "--json", "--upstream", url)

    assert done.ok().document == {"compared": 10, "differences": []}


async def test_ended_stage(service: RunningService, filled: FakeIndex) -> None:
    """A stage that has ended cannot be compared."""
    stage = await service.staged()
    await service.api("DELETE", f"stages/{stage['id']}")
    filled.requests.clear()

    done = await verify(service, stage["id"])

    assert (done.code, done.stderr) == (
        1,
        "Error: The stage has ended. Name a stage that is open.\n",
    )
    assert filled.requests == []


async def test_unreachable_upstream(service: RunningService, filled: FakeIndex) -> None:
    """If upstream cannot be reached, the exit code is 3."""
    stage = prefix_of(await service.staged())
    filled.quirks = Quirks()

    done = await verify(service, stage, "--upstream", "http://127.0.0.1:9")

    assert done.code == 3
    assert done.stderr.startswith("Error: 127.0.0.1 cannot be reached (")


async def test_empty_upstream(service: RunningService) -> None:
    """If upstream lists no projects, the command fails."""
    stage = prefix_of(await service.open_stage())

    done = await verify(service, stage)

    assert done.code == 1
    assert (
        done.stderr
        == "Error: Upstream lists no projects. Name the projects to compare with --names.\n"
    )


class Front:
    """A proxy in front of the server, with a defect."""

    url = ""
    behind = ""


async def verify_changed(
    path: str, change: Change, folder: Path, index: FakeIndex, names: str, *arguments: str
) -> CommandResult:
    """Run the command behind a proxy that changes a response."""
    async with changing_proxy(path, change) as front:
        server = {"port": 0, "public_url": front.url}
        async with running_service(folder / "data", index, server=server) as service:
            front.behind = service.url
            stage = prefix_of(await service.staged())
            return await verify(service, stage, "--names", names, *arguments)


@asynccontextmanager
async def changing_proxy(path: str, change: Change) -> AsyncIterator[Front]:
    """Run a proxy that changes the responses at one path."""
    front = Front()

    async def answer(request: web.Request) -> web.Response:
        url = URL(front.behind + request.raw_path, encoded=True)
        headers = {"Accept": request.headers["Accept"]}
        async with (
            ClientSession() as session,
            session.get(url, headers=headers, allow_redirects=False) as behind,
        ):
            passed = {
                name: text for name, text in behind.headers.items() if name.lower() in PASSED_ON
            }
            passed_on = web.Response(body=await behind.read(), status=behind.status, headers=passed)
        if request.raw_path.endswith(path):
            change(passed_on)
        return passed_on

    async with listening(answer) as front.url:
        yield front


@asynccontextmanager
async def changing_index() -> AsyncIterator[str]:
    """Run an index on which each page changes after its first request."""
    asked: set[str] = set()

    async def answer(request: web.Request) -> web.Response:
        key = f"{request.path} {request.headers['Accept']}"
        serial = 2 if key in asked else 1
        asked.add(key)
        return web.json_response({"path": request.path, "serial": serial})

    async with listening(answer) as url:
        yield url


@asynccontextmanager
async def listening(handler: Handler) -> AsyncIterator[str]:
    """Handle every GET on a free port of this machine with one handler."""
    app = web.Application()
    app.add_routes([web.get("/{path:.*}", handler)])
    async with running(web.AppRunner(app)) as url:
        yield url
