"""What the server has read in other processes, and for whom."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.support.builders.distributions import a_wheel
from tests.support.builders.forms import form_parts
from tests.support.index.fake_index import FakeIndex
from tests.support.ports.in_process_inspector import InProcessInspector
from tests.support.servers.service import RunningService, running_service

WHEEL = a_wheel(requires_dist=["six"])


@pytest.fixture
def inspector() -> InProcessInspector:
    """Return an inspector that knows what it was asked."""
    return InProcessInspector()


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
