"""Attestations: stored as sent, reported, and not required."""

import pytest

from stageproxy.core.rules.attestations import UNREADABLE
from tests.support.builders.distributions import a_wheel
from tests.support.builders.forms import twine_form
from tests.support.servers.service import RunningService

WHEEL = a_wheel(version="2.0")
LEFT_OUT = (
    "accepts attestations from Trusted Publishers only; "
    "a promotion with an API token leaves them out."
)


@pytest.mark.parametrize(
    ("sent", "count", "notices"),
    [
        pytest.param('[{"version": 1}]', 1, [LEFT_OUT], id="one"),
        pytest.param(
            '[{"version": 9, "new": true}, {}]', 2, [LEFT_OUT], id="two-of-no-known-shape"
        ),
        pytest.param("[]", 0, [], id="none"),
        pytest.param("{}", 0, [UNREADABLE], id="no-array"),
        pytest.param("[1]", 0, [UNREADABLE], id="no-objects"),
        pytest.param("not JSON", 0, [UNREADABLE], id="no-JSON"),
    ],
)
async def test_what_comes_along(
    service: RunningService, sent: str, count: int, notices: list[str]
) -> None:
    """A file is accepted with any attestations, and the stage reports them."""
    answer = await service.post(twine_form(WHEEL, attestations=sent, staged="true"))

    file = answer.document["files"][WHEEL.filename]
    form = await service.parts.database.read(
        lambda rows: rows.artifacts.find_form(answer.document["id"], WHEEL.filename)
    )
    assert answer.status == 200
    told = [one.removeprefix(f"{service.index_name} ") for one in file["notices"]]
    assert (file["attestations"], told) == (count, notices)
    assert ("attestations", sent) in form
