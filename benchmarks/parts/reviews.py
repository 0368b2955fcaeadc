"""A review of a release of many large wheels: its time and memory, and other requests meanwhile."""

import asyncio
import base64
import hashlib
import json
import time
import zipfile
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import product
from pathlib import Path
from random import Random
from typing import Any

from aiohttp import ClientSession, web

from benchmarks.goals import Figure, Goal, Row, Samples
from benchmarks.processor import memory_of_all
from benchmarks.run import Part, Run
from benchmarks.servers.stageproxy import Profiled, running_stageproxy
from benchmarks.uploader import Uploader
from tests.support.builders.distributions import metadata_of, wheel_file

_MIB = 2**20
_EXTENSION = 19 * _MIB
_MODULES = 200
_TAGS = [
    f"{python}-{python}-{platform}"
    for python, platform in product(
        ("cp310", "cp311", "cp312", "cp313", "cp314", "cp315"),
        (
            "manylinux_2_28_x86_64",
            "manylinux_2_28_aarch64",
            "musllinux_1_2_x86_64",
            "musllinux_1_2_aarch64",
            "macosx_11_0_arm64",
            "macosx_11_0_x86_64",
            "win_amd64",
            "win_arm64",
            "win32",
            "manylinux_2_28_ppc64le",
        ),
    )
]
_PAUSE = 0.01
_POLL = 0.2

SECONDS = Goal("review of 60 wheels of 20 MB", unit="s", figure=Figure.ALONE, most=60)
MEMORY = Goal(
    "memory of the server and its processes meanwhile", unit="MiB", figure=Figure.ALONE, most=300
)
HEALTH = Goal("p99 of /health/live meanwhile", unit="ms", figure=Figure.ALONE, most=50)
FIRST = Goal("first answer of the review", unit="ms", figure=Figure.ALONE, most=100)


@dataclass(slots=True)
class Watch:
    """What is seen while a review is made."""

    pid: int
    waits: list[float] = field(default_factory=list)
    most: int = 0

    async def watch(self, session: ClientSession, url: str) -> None:
        """Ask for the health and look at the memory, again and again."""
        while True:
            began = time.perf_counter()
            async with session.get(f"{url}/health/live") as answer:
                await answer.read()
            self.waits.append(time.perf_counter() - began)
            self.most = max(self.most, memory_of_all(self.pid))
            await asyncio.sleep(_PAUSE)

    @property
    def p99(self) -> float:
        """The time that one answer of a hundred exceeds, in ms."""
        return sorted(self.waits)[int(len(self.waits) * 0.99)] * 1000


async def measure(run: Run) -> AsyncIterator[Row]:
    """Stage the wheels, and have their review made once."""
    published, staged = run.new_folder("published"), run.new_folder("staged")
    await asyncio.to_thread(_write_wheels, published, "1.0")
    await asyncio.to_thread(_write_wheels, staged, "2.0")
    wheels = await asyncio.to_thread(_described, published)
    async with (
        _index_of(published, wheels) as index,
        running_stageproxy(run, upstream__url=index) as ours,
        ClientSession() as session,
    ):
        url = await _upload(ours, staged)
        watch = Watch(ours.pid)
        async with asyncio.TaskGroup() as group:
            watching = group.create_task(watch.watch(session, ours.server.url))
            first, took, review = await _reviewed(session, url)
            watching.cancel()
        again, _ = await _review(session, url)
    compared = sum(not one["not-compared"] for one in review["deltas"][0]["artifacts"])
    limit = (
        f" {compared} pairs were compared; {len(watch.waits)} answers of /health/live."
        f" The complete review was answered in {again:.2f} s."
    )
    yield Row(SECONDS, Samples([took]), limit)
    yield Row(MEMORY, Samples([watch.most / _MIB]))
    yield Row(HEALTH, Samples([watch.p99]))
    yield Row(FIRST, Samples([first * 1000]))


async def _reviewed(session: ClientSession, url: str) -> tuple[float, float, dict[str, Any]]:
    """Return how long the first answer took, how long the whole review, and the review."""
    began = time.perf_counter()
    first, review = await _review(session, url)
    while review["progress"]["state"] in {"waiting", "running"}:
        await asyncio.sleep(_POLL)
        _, review = await _review(session, url)
    return first, time.perf_counter() - began, review


async def _review(session: ClientSession, url: str) -> tuple[float, dict[str, Any]]:
    """Return the review as it is now, and how long the answer took."""
    began = time.perf_counter()
    async with session.get(f"{url}+review") as answer:
        answer.raise_for_status()
        body = await answer.read()
    return time.perf_counter() - began, json.loads(body)


async def _upload(ours: Profiled, folder: Path) -> str:
    """Upload wheels, and return the stage URL."""
    for wheel in await asyncio.to_thread(lambda: sorted(folder.iterdir())):
        form = {
            ":action": "file_upload",
            "protocol_version": "1",
            "metadata_version": "2.4",
            "name": "demo",
            "version": "2.0",
            "filetype": "bdist_wheel",
            "pyversion": wheel.name.split("-")[2],
            "sha256_digest": await asyncio.to_thread(_sha256, wheel),
        }
        token = ours.server.admin_token
        await Uploader(f"{ours.server.url}/legacy/", wheel, form, token).seconds()
    _, body = await ours.server.ask("GET", "/api/stages")
    return str(json.loads(body)["stages"][0]["links"]["stage"])


def _described(folder: Path) -> list[dict[str, Any]]:
    """Return the files of a folder as a page lists them."""
    return [
        {
            "filename": one.name,
            "url": f"../../files/{one.name}",
            "hashes": {"sha256": _sha256(one)},
            "size": one.stat().st_size,
            "upload-time": "2020-01-01T00:00:00Z",
        }
        for one in sorted(folder.iterdir())
    ]


@asynccontextmanager
async def _index_of(folder: Path, files: Sequence[dict[str, Any]]) -> AsyncIterator[str]:
    """Serve the files of a folder as the project demo, and return the URL."""
    page = json.dumps({"meta": {"api-version": "1.1"}, "name": "demo", "files": files})

    async def show(_: web.Request) -> web.Response:
        return web.Response(body=page.encode(), content_type="application/vnd.pypi.simple.v1+json")

    app = web.Application()
    app.router.add_get("/simple/demo/", show)
    app.router.add_static("/files/", folder)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        host, port = runner.addresses[0][:2]
        yield f"http://{host}:{port}"
    finally:
        await runner.cleanup()


def _sha256(path: Path) -> str:
    with path.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()


def _write_wheels(folder: Path, version: str) -> None:
    """Write a wheel for each tag, with modules and an extension; each has bytes of its own."""
    extension = Random(version).randbytes(_EXTENSION)  # noqa: S311 - no secret
    modules = {f"demo/module_{number}.py": _module(version, number) for number in range(_MODULES)}
    for number, tag in enumerate(_TAGS):
        own = number.to_bytes(4, "big") + extension[4:]
        name = f"demo-{version}"
        info = {
            f"{name}.dist-info/METADATA": metadata_of("demo", version).encode(),
            f"{name}.dist-info/WHEEL": wheel_file(tag),
        }
        members = {**modules, "demo/core.so": own, **info}
        record = "".join(_record_lines(members)) + f"{name}.dist-info/RECORD,,\n"
        with zipfile.ZipFile(folder / f"{name}-{tag}.whl", "w", zipfile.ZIP_STORED) as archive:
            for path, content in members.items():
                kind = zipfile.ZIP_STORED if path.endswith(".so") else zipfile.ZIP_DEFLATED
                archive.writestr(path, content, kind)
            archive.writestr(f"{name}.dist-info/RECORD", record)


def _record_lines(members: dict[str, bytes]) -> Iterator[str]:
    for path, content in members.items():
        digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
        yield f"{path},sha256={digest},{len(content)}\n"


def _module(version: str, number: int) -> bytes:
    functions = (
        f"def function_{one}(value: int) -> int:\n"
        f'    """Return a number that depends on {one}."""\n'
        f"    return value * {one} + {number if one else version!r}\n\n\n"
        for one in range(40)
    )
    return "".join(functions).encode()


PART = Part(
    "reviews",
    "the review of a release of 60 wheels of 20 MB",
    (SECONDS, MEMORY, HEALTH, FIRST),
    measure,
)
