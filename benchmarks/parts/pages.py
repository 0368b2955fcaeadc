"""Pages beside a handler that has their bytes in memory."""

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass

from benchmarks.goals import Goal, Row, Samples
from benchmarks.loads import Load, processor_times
from benchmarks.profiles import explained
from benchmarks.rounds import alternate
from benchmarks.run import Part, Run
from benchmarks.servers.bare import Answers
from benchmarks.servers.children import Child, running_child
from benchmarks.servers.stageproxy import Profiled, running_stageproxy
from benchmarks.servers.upstream import JSON_PAGE, LARGE, OTHER, SMALL
from tests.support.builders.distributions import a_wheel, an_sdist
from tests.support.servers.processes import StageLinks

_BARE = "a bare handler"

SMALL_PAGE = Goal("small merged page", _BARE, least=1.0)
OTHER_PAGE = Goal("small page of another project, in the cache", _BARE, least=1.0)
NOT_MODIFIED = Goal("304 of the small merged page", _BARE, least=1.0)
LARGE_PAGE = Goal("merged page of 4,400 files, plain", _BARE, least=1.15)
LARGE_PACKED = Goal("merged page of 4,400 files, gzip", _BARE)
PACKED_TO_PLAIN = Goal("merged page of 4,400 files, gzip", "the same page, plain", least=4.0)

PLAIN: Mapping[str, str] = {"Accept": JSON_PAGE, "Accept-Encoding": "identity"}
PACKED: Mapping[str, str] = {"Accept": JSON_PAGE, "Accept-Encoding": "gzip"}


@dataclass(frozen=True, slots=True)
class Pages:
    """A server with stages, and loads on its pages and on the same answers of a bare handler."""

    run: Run
    ours: Profiled
    answers: Answers
    stages: Mapping[str, StageLinks]

    @classmethod
    async def staged(cls, run: Run, ours: Profiled) -> "Pages":
        """Stage files of the small and of the large project."""
        stages = {
            SMALL: await ours.server.stage(a_wheel(SMALL, "99.0"), an_sdist(SMALL, "99.0")),
            LARGE: await ours.server.stage(a_wheel(LARGE, "99.0")),
        }
        return cls(run, ours, Answers(run.new_folder(f"answers-{ours.profile.name}")), stages)

    def url(self, stage: str, project: str) -> str:
        """Return the page of a project in the stage of another one."""
        return f"{self.stages[stage].index}{project}/"

    def load(self, url: str, headers: Mapping[str, str]) -> Load:
        """Return a load on the server."""
        return Load(url, headers, self.ours.pid, self.run.seconds)

    def bare_load(self, bare: Child, name: str, like: Load) -> Load:
        """Return the same load on the bare handler."""
        return Load(f"{bare.url}/{name}", like.headers, bare.pid, self.run.seconds)


async def measure(run: Run) -> AsyncIterator[Row]:
    """Load each page, and the handler that has its bytes."""
    async with (
        running_child("upstream") as upstream,
        running_stageproxy(run, upstream__url=upstream.url) as ours,
    ):
        pages = await Pages.staged(run, ours)
        small, large = pages.url(SMALL, SMALL), pages.url(LARGE, LARGE)
        loads = {
            SMALL_PAGE: pages.load(small, PLAIN),
            OTHER_PAGE: pages.load(pages.url(SMALL, OTHER), PLAIN),
            NOT_MODIFIED: pages.load(small, PLAIN),
            LARGE_PAGE: pages.load(large, PLAIN),
            LARGE_PACKED: pages.load(large, PACKED),
        }
        etag = (await pages.answers.save("0", small, PLAIN))["ETag"]
        loads[NOT_MODIFIED] = pages.load(small, {**PLAIN, "If-None-Match": etag})
        names = {goal: str(number) for number, goal in enumerate(loads)}
        for goal, load in loads.items():
            await pages.answers.save(names[goal], load.url, load.headers)
        async with running_child("bare", str(pages.answers.folder)) as bare:
            for goal in (SMALL_PAGE, OTHER_PAGE, NOT_MODIFIED):
                yield await _compare(
                    pages, goal, loads[goal], pages.bare_load(bare, names[goal], loads[goal])
                )
            plain, packed = loads[LARGE_PAGE], loads[LARGE_PACKED]
            async for row in _large(
                pages,
                plain,
                packed,
                pages.bare_load(bare, names[LARGE_PAGE], plain),
                pages.bare_load(bare, names[LARGE_PACKED], packed),
            ):
                yield row


async def _compare(pages: Pages, goal: Goal, ours: Load, bare: Load) -> Row:
    samples = Samples(*await alternate(pages.run.rounds, ours.rate, bare.rate))
    return await explained(Row(goal, samples, _limit(ours, bare)), pages.ours, ours.anew().rate)


async def _large(
    pages: Pages, plain: Load, packed: Load, bare_plain: Load, bare_packed: Load
) -> AsyncIterator[Row]:
    sides = (plain, bare_plain, packed, bare_packed)
    numbers = await alternate(pages.run.rounds, *(one.rate for one in sides))
    row = Row(LARGE_PAGE, Samples(numbers[0], numbers[1]), _limit(plain, bare_plain))
    yield await explained(row, pages.ours, plain.anew().rate)
    row = Row(LARGE_PACKED, Samples(numbers[2], numbers[3]), _limit(packed, bare_packed))
    yield row
    limit = processor_times(("stageproxy, gzip", "stageproxy, plain"), (packed, plain))
    row = Row(PACKED_TO_PLAIN, Samples(numbers[2], numbers[0]), limit)
    yield await explained(row, pages.ours, packed.anew().rate)


def _limit(ours: Load, bare: Load) -> str:
    return processor_times(("stageproxy", "the bare handler"), (ours, bare))


PART = Part(
    "pages",
    "pages beside a handler that has their bytes in memory",
    (SMALL_PAGE, OTHER_PAGE, NOT_MODIFIED, LARGE_PAGE, LARGE_PACKED, PACKED_TO_PLAIN),
    measure,
)
