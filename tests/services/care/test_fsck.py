"""The check of a data directory beside a server that changes it."""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace

from stageproxy.core.audit import AuditRecord
from stageproxy.core.care.snapshot import FoundFile, Place, Reading, Snapshot
from stageproxy.core.stage.digests import FileDigests
from stageproxy.services.care.fsck import CheckReport, Fsck
from stageproxy.store.catalogue_reader import CatalogueReader
from stageproxy.store.found_files import FoundFiles
from tests.support.builders.distributions import a_wheel
from tests.support.builders.stages import a_stage, an_artifact
from tests.support.ports.clock import NOON, FakeClock
from tests.support.servers.service import RunningService

WHEEL = an_artifact()
WHOLE = FileDigests(WHEEL.size, WHEEL.sha256, WHEEL.blake2b_256, WHEEL.md5)
STAGED = Snapshot(
    stages=[a_stage("2.0", WHEEL)],
    stored={WHEEL.sha256: WHEEL.size},
    core_metadata={("s1", WHEEL.filename): WHEEL.core_metadata_sha256},
)
EMPTY = Snapshot()
ORPHAN = FoundFile(f"files/kept/ab/{WHEEL.sha256}", Place.KEPT, 1, NOON.replace(year=2001))


@dataclass(slots=True)
class ChangingDirectory:
    """A data directory that is read several times, and is another one each time."""

    snapshots: list[Snapshot]
    readings: list[Reading] = field(default_factory=list)
    files: list[Sequence[FoundFile]] = field(default_factory=lambda: [[], []])

    def damage(self) -> Sequence[str]:
        """Return that the database is whole."""
        return []

    def missing_from_schema(self) -> Sequence[str]:
        """Return that nothing is missing."""
        return []

    def snapshot(self) -> Snapshot:
        """Return the next snapshot."""
        return self.snapshots.pop(0)

    def audit_pages(self) -> Iterator[Sequence[AuditRecord]]:
        """Return an empty trail."""
        return iter(())

    def list_files(self) -> Sequence[FoundFile]:
        """Return the files as they are found next."""
        return self.files.pop(0)

    def read(self, sha256: str, report: Callable[[int], None]) -> Reading:
        """Return the next reading of the one file."""
        assert sha256 == WHEEL.sha256
        report(1)
        return self.readings.pop(0)

    def list_exposed(self) -> Sequence[str]:
        """Return that nothing is exposed."""
        return []


@dataclass(slots=True)
class Counted:
    """How much of how much was read."""

    total: int = 0
    count: int = 0

    def begin(self, total: int) -> None:
        """Begin with a total."""
        self.total = total

    def advance(self, count: int) -> None:
        """Count bytes."""
        self.count += count


def kinds_in(directory: ChangingDirectory) -> list[str]:
    """Check a directory, and return the kinds of its faults but for the secret that is missing."""
    report = Fsck(directory, directory, FakeClock(), Counted(), None).check()
    return [one.kind for one in report.faults if one.kind != "secret-missing"]


def test_lasting_damage() -> None:
    """A file that is missing at a second look, too, is a fault."""
    assert kinds_in(ChangingDirectory([STAGED, STAGED], [None, None])) == ["file-missing"]


def test_file_that_is_withdrawn_meanwhile() -> None:
    """A file that a sweep has deleted with its row is no fault."""
    assert kinds_in(ChangingDirectory([STAGED, EMPTY], [None, None])) == []


def test_file_that_is_restored_meanwhile() -> None:
    """A file that an upload has restored is no fault any more."""
    assert kinds_in(ChangingDirectory([STAGED, STAGED], [None, WHOLE])) == []


def test_orphan_that_gets_a_row() -> None:
    """A file that an upload names meanwhile is no orphan."""
    named = replace(EMPTY, stored={WHEEL.sha256: 1})

    directory = ChangingDirectory([EMPTY, named], files=[[ORPHAN], [ORPHAN]])

    assert kinds_in(directory) == []


def test_orphan_that_is_deleted() -> None:
    """A file that a sweep deletes meanwhile is no orphan."""
    assert kinds_in(ChangingDirectory([EMPTY, EMPTY], files=[[ORPHAN], []])) == []


async def test_beside_uploads(service: RunningService) -> None:
    """While uploads arrive and files are replaced, nothing is wrong."""
    tags = [f"cp3{minor}-cp3{minor}-manylinux_2_17_x86_64" for minor in range(10, 20)]
    wheels = [a_wheel(version="2.0", tag=tag, summary=text) for tag in tags for text in ("", "b")]

    def check() -> CheckReport:
        with CatalogueReader(service.data / "catalogue.db") as reader:
            secret = (service.data / "secret").read_text().strip().encode()
            files = FoundFiles(service.data)
            return Fsck(reader, files, service.clock, Counted(), secret).check()

    async def check_often() -> list[CheckReport]:
        return [await asyncio.to_thread(check) for _ in range(5)]

    async with asyncio.TaskGroup() as group:
        checking = group.create_task(check_often())
        uploads = [group.create_task(service.upload(one)) for one in wheels]

    assert [report.problems for report in checking.result()] == [[]] * 5
    assert {one.result().status for one in uploads} == {200}
    assert (await asyncio.to_thread(check)).files == len(tags)
