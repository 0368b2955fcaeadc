"""Look-ups of dependencies: bounded in number and time, and remembered."""

from stageproxy.core.rules.findings import Level
from stageproxy.core.stage.dependencies import Wanted
from stageproxy.services.dependencies import Dependencies
from tests.support.ports.fake_pages import FakePages

PAGES = {"idna": ["idna-3.0.tar.gz"], "six": ["six-1.16.0.tar.gz"]}


async def found(
    dependencies: Dependencies, *requirements: str, seconds: float = 5
) -> list[tuple[Level, str]]:
    """Return the levels and messages of the findings on requirements."""
    findings = await dependencies.findings(Wanted(requirements), seconds=seconds)
    return [(one.level, one.message) for one in findings]


async def test_findings() -> None:
    """What the index does not have is a warning each; the project's name may be spelled freely."""
    dependencies = Dependencies(FakePages(PAGES))

    assert await found(dependencies, "IDNA>=99", "six", "nosuch", "idna>=2") == [
        (Level.WARN, "Requires-Dist IDNA>=99: no release of IDNA satisfies >=99 on PyPI."),
        (Level.WARN, "Requires-Dist nosuch: PyPI has no project nosuch."),
    ]


async def test_each_project_is_asked_once() -> None:
    """An answer holds for some minutes, also that there is no such project."""
    index = FakePages(PAGES)
    now = [0.0]
    dependencies = Dependencies(index, now=lambda: now[0])

    for _ in range(2):
        await found(dependencies, "idna>=2", "idna<4", "nosuch")
    assert index.asked == ["idna", "nosuch"]
    now[0] = 3600
    await found(dependencies, "idna")
    assert index.asked == ["idna", "nosuch", "idna"]


async def test_no_answer() -> None:
    """An index that does not answer in time, or fails, makes one finding of unknown level."""
    index = FakePages(PAGES, silent=["six"], failing=["attrs"])

    answers = await found(Dependencies(index), "attrs", "idna>=99", "six", seconds=0.2)

    assert answers == [
        (Level.WARN, "Requires-Dist idna>=99: no release of idna satisfies >=99 on PyPI."),
        (Level.UNKNOWN, "These dependencies could not be looked up on PyPI: attrs, six."),
    ]


async def test_failures_are_not_remembered() -> None:
    """After a failure the index is asked again."""
    index = FakePages(PAGES, failing=["idna"])
    dependencies = Dependencies(index)
    await found(dependencies, "idna")
    index.failing = ()

    assert await found(dependencies, "idna") == []


async def test_bounds() -> None:
    """At most a hundred projects are looked up, and a few at a time."""
    index = FakePages({})

    answers = await found(Dependencies(index), *(f"p{number}" for number in range(130)))

    assert len(index.asked) == 100
    assert index.most <= 8
    assert answers[-1][0] is Level.UNKNOWN
    assert answers[-1][1].endswith("and 25 more.")
