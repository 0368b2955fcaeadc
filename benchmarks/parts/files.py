"""Staged files beside aiohttp's own file responses, and beside a handler that has their bytes."""

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from random import Random
from urllib.parse import urljoin

from aiohttp import ClientSession

from benchmarks.goals import Goal, Row, Samples
from benchmarks.loads import Load, processor_times
from benchmarks.profiles import explained
from benchmarks.rounds import alternate
from benchmarks.run import Part, Run
from benchmarks.servers.bare import Answers
from benchmarks.servers.children import Child, running_child
from benchmarks.servers.stageproxy import Profiled, running_stageproxy
from benchmarks.servers.upstream import JSON_PAGE, SMALL
from tests.support.builders.distributions import Distribution, a_wheel
from tests.support.servers.processes import StageLinks

_SENDFILE = "aiohttp's own file response"
_BARE = "a bare handler"
_ANY: Mapping[str, str] = {"Accept": "*/*", "Accept-Encoding": "identity"}


@dataclass(frozen=True, slots=True)
class Subject:
    """A kind of file, and its goals."""

    name: str
    what: str

    @property
    def to_sendfile(self) -> Goal:
        """Return the goal beside aiohttp's own file response."""
        return Goal(self.what, _SENDFILE, least=0.95)

    @property
    def to_bare(self) -> Goal:
        """Return the goal beside a bare handler."""
        return Goal(self.what, _BARE, least=0.8)


LARGE = Subject("large", "staged wheel of 5 MB")
SMALLER = Subject("small", "staged wheel of 100 kB")
METADATA = Subject("metadata", "`.metadata` of a staged wheel")


async def measure(run: Run) -> AsyncIterator[Row]:
    """Load each file of a stage."""
    answers = Answers(run.new_folder("answers"))
    async with (
        running_child("upstream") as upstream,
        running_stageproxy(run, upstream__url=upstream.url) as ours,
    ):
        wheels = [_a_wheel("py3-none-any", 100_000), _a_wheel("cp311-none-any", 5_000_000)]
        small, large = await _links(await ours.server.stage(*wheels))
        urls = {LARGE: large, SMALLER: small, METADATA: f"{large}.metadata"}
        for subject, url in urls.items():
            await answers.save(subject.name, url, _ANY)
        async with running_child("bare", str(answers.folder)) as bare:
            for subject, url in urls.items():
                async for row in _compare(run, ours, bare, subject, url):
                    yield row


def _a_wheel(tag: str, size: int) -> Distribution:
    content = Random(size).randbytes(size)  # noqa: S311 - the same bytes in every run
    return a_wheel(SMALL, "99.0", tag=tag, extra={f"{SMALL}/weights": content})


async def _links(stage: StageLinks) -> list[str]:
    """Return where the staged wheels are, the smaller one first."""
    url = f"{stage.index}{SMALL}/"
    async with (
        ClientSession() as session,
        session.get(url, headers={"Accept": JSON_PAGE}) as answer,
    ):
        page = await answer.json(content_type=None)
    staged = [one for one in page["files"] if one["filename"].startswith(f"{SMALL}-99.0-")]
    staged.sort(key=lambda one: int(one["size"]))
    return [urljoin(url, one["url"]) for one in staged]


async def _compare(
    run: Run, ours: Profiled, bare: Child, subject: Subject, url: str
) -> AsyncIterator[Row]:
    staged = Load(url, _ANY, ours.pid, run.seconds)
    sendfile = Load(f"{bare.url}/sendfile/{subject.name}", _ANY, bare.pid, run.seconds)
    memory = Load(f"{bare.url}/{subject.name}", _ANY, bare.pid, run.seconds)
    sides = (staged, sendfile, memory)
    numbers = await alternate(run.rounds, *(one.rate for one in sides))
    limit = processor_times(("stageproxy", "a file response", "the bare handler"), sides)
    rows = [
        Row(subject.to_sendfile, Samples(numbers[0], numbers[1]), limit),
        Row(subject.to_bare, Samples(numbers[0], numbers[2]), limit),
    ]
    for row in rows:
        yield await explained(row, ours, staged.anew().rate)


PART = Part(
    "files",
    "staged files",
    tuple(goal for one in (LARGE, SMALLER, METADATA) for goal in (one.to_sendfile, one.to_bare)),
    measure,
)
