"""What waits for somebody who may publish."""

from dataclasses import replace

import pytest

from stageproxy.core.promotion.waiting import Waiting, waiting_for
from stageproxy.core.rights import TokenKind
from stageproxy.core.stage.stage import Stage, Status
from tests.store.builders import DAY, HOUR, NOW, a_stage, an_api_token, an_artifact

MANAGE = an_api_token(kind=TokenKind.MANAGE)
FLAWLESS = replace(an_artifact(), findings=())
OPEN = replace(a_stage("s1"), artifacts=(FLAWLESS,))
FAILED = replace(OPEN, status=Status.ERROR)


@pytest.mark.parametrize(
    ("stage", "reason"),
    [
        pytest.param(OPEN, Waiting.READY, id="ready"),
        pytest.param(replace(OPEN, artifacts=()), None, id="empty"),
        pytest.param(replace(OPEN, artifacts=(an_artifact(),)), Waiting.FINDINGS, id="findings"),
        pytest.param(replace(OPEN, expires_at=NOW + DAY), Waiting.EXPIRES_SOON, id="soon"),
        pytest.param(replace(OPEN, expires_at=NOW + DAY + HOUR), Waiting.READY, id="later"),
        pytest.param(FAILED, Waiting.STOPPED, id="stopped"),
        pytest.param(replace(FAILED, sent=True), Waiting.HALF_PUBLISHED, id="half published"),
        pytest.param(replace(OPEN, status=Status.PROCESSING), None, id="being published"),
        pytest.param(replace(OPEN, status=Status.PUBLISHED), None, id="published"),
        pytest.param(replace(OPEN, status=Status.CANCELED), None, id="ended"),
    ],
)
def test_reasons(stage: Stage, reason: Waiting | None) -> None:
    """Each stage waits for its most urgent reason, or not at all."""
    assert waiting_for(MANAGE, [stage], NOW) == ({reason: [stage]} if reason else {})


def test_only_what_one_may_publish() -> None:
    """Nothing waits for who may not publish it."""
    assert waiting_for(an_api_token(), [OPEN], NOW) == {}
    assert waiting_for(an_api_token(kind=TokenKind.MANAGE, version="2"), [OPEN], NOW) == {}


def test_most_urgent_first() -> None:
    """The most urgent reasons come first."""
    half = replace(FAILED, sent=True)

    assert [*waiting_for(MANAGE, [OPEN, FAILED, half], NOW)] == [
        Waiting.HALF_PUBLISHED,
        Waiting.STOPPED,
        Waiting.READY,
    ]
