"""What the server has read in other processes, and for whom."""

from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest

from stageproxy.core.errors import NoTurnError
from stageproxy.core.rules.table import PlacedFinding
from stageproxy.core.rules.upload import Upload
from stageproxy.core.stage.dependencies import NOT_READ
from tests.support.builders.distributions import a_wheel
from tests.support.builders.forms import form_parts
from tests.support.clients.pep694 import Pep694Client
from tests.support.index.fake_index import FakeIndex
from tests.support.ports.in_process_inspector import InProcessInspector
from tests.support.servers.service import RunningService, running_service

WHEEL = a_wheel(requires_dist=["six"])


@pytest.fixture
def inspector() -> InProcessInspector:
    """Return an inspector that knows what it was asked."""
    return InProcessInspector()


class Overloaded(InProcessInspector):
    """An inspector without time for some questions."""

    def __init__(self, *, no_turn: bool = False) -> None:
        super().__init__()
        self.no_turn = no_turn

    async def findings(self, upload: Upload, asker: str) -> Sequence[PlacedFinding]:
        """Return the findings, or raise if there is no turn."""
        if self.no_turn:
            raise NoTurnError
        return await super().findings(upload, asker)

    async def form_of(self, *_: object) -> None:
        """Return nothing."""

    async def wanted_of(self, *_: object) -> None:
        """Return nothing."""


@pytest.fixture
async def inspected(
    tmp_path: Path, index: FakeIndex, inspector: InProcessInspector
) -> AsyncIterator[RunningService]:
    """Return a service that has its uploads read by the inspector."""
    async with running_service(tmp_path / "data", index, inspected_by=inspector) as service:
        yield service


async def test_upload(inspected: RunningService, inspector: InProcessInspector) -> None:
    """The archive and the rules are for the token, the list of findings is for the project."""
    await inspected.staged(WHEEL)

    kinds, askers = zip(*inspector.asked, strict=True)
    assert kinds == ("archive", "rules", "dependencies")
    assert askers[0] == askers[1]
    assert askers[2] == "demo"


async def test_form_without_a_file(
    inspected: RunningService, inspector: InProcessInspector
) -> None:
    """A form without a file, or without a project, is read as one with a file is."""
    answer = await inspected.post(form_parts([(":action", "file_upload"), ("name", "-")]))

    assert answer.status == 400
    assert [kind for kind, _ in inspector.asked] == ["form"]


async def test_check_before_an_upload(
    inspected: RunningService, inspector: InProcessInspector
) -> None:
    """A form that is only checked is read there, too."""
    for name in ("demo", "-"):
        await inspected.api("POST", "check", filename=WHEEL.filename, form={"name": name})

    assert [kind for kind, _ in inspector.asked] == ["rules", "form"]


async def test_dependencies_are_read_once(
    inspected: RunningService, inspector: InProcessInspector
) -> None:
    """The dependencies of a stage are read again only when they have changed."""
    stage = await inspected.staged(WHEEL)
    for _ in range(2):
        await inspected.api("GET", f"stages/{stage['id']}")

    assert [kind for kind, _ in inspector.asked].count("dependencies") == 1


async def test_file_upload(inspected: RunningService, inspector: InProcessInspector) -> None:
    """A file that arrives by PEP 694 is read as one by the legacy upload API, and its METADATA."""
    client = Pep694Client(inspected)
    answer = await client.upload(await client.session(version="1.0"), WHEEL)

    kinds = [kind for kind, _ in inspector.asked]
    assert (answer.status, kinds[:4]) == (201, ["archive", "metadata", "archive", "rules"])


async def test_dependencies_that_take_too_long(tmp_path: Path, index: FakeIndex) -> None:
    """A stage whose dependencies take too long to read says so."""
    async with running_service(tmp_path, index, inspected_by=Overloaded()) as service:
        stage = await service.staged(WHEEL)

    assert NOT_READ in [one["message"] for one in stage["findings"]]


async def test_metadata_that_takes_too_long(tmp_path: Path, index: FakeIndex) -> None:
    """A file that has no form but its METADATA is refused if that takes too long."""
    async with running_service(tmp_path, index, inspected_by=Overloaded()) as service:
        client = Pep694Client(service)
        answer = await client.upload(await client.session(version="1.0"), WHEEL)

    assert answer.status == 400
    assert "Its metadata takes too long to read." in answer.text


async def test_upload_without_a_turn(tmp_path: Path, index: FakeIndex) -> None:
    """An upload whose turn does not come in time is answered 429, and leaves no file."""
    async with running_service(tmp_path, index, inspected_by=Overloaded(no_turn=True)) as service:
        answer = await service.upload(WHEEL)

    assert (answer.status, answer.headers.get("Retry-After")) == (429, "60"), answer.text
    assert [one for one in (tmp_path / "files").rglob("*") if one.is_file()] == []
