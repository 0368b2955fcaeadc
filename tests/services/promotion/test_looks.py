"""Recording what was shown of stages."""

import pytest

from stageproxy.core.promotion.looks import LookKind
from stageproxy.core.rights import ApiToken, TokenKind
from stageproxy.core.stage.stage import Status
from stageproxy.services.promotion.looks import Looks
from tests.support.builders.stages import a_stage, an_artifact
from tests.support.ports.clock import NOON, FakeClock
from tests.support.ports.fake_catalogue import FakeCatalogue

STAGE = a_stage("2.0", an_artifact())


def a_token(kind: TokenKind = TokenKind.MANAGE, project: str = "demo") -> ApiToken:
    """Return an API token."""
    return ApiToken("t1", kind, project, None, "d" * 64, NOON)


@pytest.fixture
async def catalogue() -> FakeCatalogue:
    """Return a catalogue with the stage."""
    catalogue = FakeCatalogue()
    await catalogue.write(lambda rows: rows.stages.save(STAGE))
    return catalogue


@pytest.fixture
def looks(catalogue: FakeCatalogue) -> Looks:
    """Return what records looks."""
    return Looks(catalogue, FakeClock())


async def recorded(catalogue: FakeCatalogue) -> list[LookKind]:
    """Return the kinds of the looks at the stage."""
    return [one.kind for one in await catalogue.read(lambda rows: rows.looks.list(STAGE.id))]


async def test_look(looks: Looks, catalogue: FakeCatalogue) -> None:
    """A look by a token that may publish the stage is recorded."""
    await looks.record(a_token(), STAGE, LookKind.PAGE)

    assert await recorded(catalogue) == [LookKind.PAGE]
    history = await looks.history(a_token(), STAGE)
    assert (history.since_look.changes, history.resumes) == ([], None)


@pytest.mark.parametrize(
    "token",
    [None, a_token(TokenKind.UPLOAD), a_token(project="other")],
    ids=["nobody", "upload token", "another project"],
)
async def test_no_right(looks: Looks, catalogue: FakeCatalogue, token: ApiToken | None) -> None:
    """Whoever may not publish the stage is not remembered."""
    await looks.record(token, STAGE, LookKind.PAGE)

    assert await recorded(catalogue) == []


@pytest.mark.parametrize("status", [Status.PUBLISHED, Status.CANCELED])
async def test_ended_stage(looks: Looks, catalogue: FakeCatalogue, status: Status) -> None:
    """Looks at a stage that has ended are not recorded: nothing can be published from it."""
    await looks.record(a_token(), a_stage("2.0", status=status), LookKind.PAGE)

    assert await recorded(catalogue) == []


async def test_forgotten_stage(looks: Looks, catalogue: FakeCatalogue) -> None:
    """A look at a stage that is forgotten meanwhile is not an error."""
    await catalogue.write(lambda rows: rows.stages.remove(STAGE.id))

    await looks.record(a_token(), STAGE, LookKind.PAGE)

    assert await recorded(catalogue) == []


async def test_full_disk(looks: Looks, catalogue: FakeCatalogue) -> None:
    """A full disk does not keep anybody from looking; the next plan shows more than needed."""
    catalogue.is_full = True

    await looks.record(a_token(), STAGE, LookKind.PAGE)

    assert await recorded(catalogue) == []
