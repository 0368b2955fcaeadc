"""A promotion with its stage and its journal, as it is shown."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from stageproxy.core.promotion.journal import Journal
from stageproxy.core.promotion.promotion import Promotion
from stageproxy.core.stage.stage import Stage


@dataclass(frozen=True, slots=True)
class PromotionView:
    """The present state of a promotion; `sent`: how many bytes of each file this server sent."""

    stage: Stage
    promotion: Promotion
    journal: Journal
    sent: Mapping[str, int] = field(default_factory=dict)
