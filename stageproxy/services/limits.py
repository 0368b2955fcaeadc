"""What the limits are, and how much is used of each."""

from dataclasses import dataclass

from stageproxy.catalogue import Catalogue, Rows
from stageproxy.core.limits import Amounts, Quota, Scope, is_near
from stageproxy.core.rights import Action, ApiToken
from stageproxy.ports import Clock
from stageproxy.services.access import require
from stageproxy.services.quotas import Quotas, Rates


@dataclass(frozen=True, slots=True)
class Use:
    """How much is used of a limit: its setting, of whom it is, and the limit, 0 for none."""

    setting: str
    of: str
    limit: int
    used: int

    @property
    def is_near(self) -> bool:
        """Whether the limit is nearly or wholly used."""
        return is_near(self.used, self.limit)


@dataclass(frozen=True, slots=True)
class Limits:
    """Shows the limits, and how much is used of each."""

    catalogue: Catalogue
    clock: Clock
    quotas: Quotas
    rates: Rates
    max_per_project: int

    async def of_token(self, token: ApiToken) -> list[Use]:
        """Return the limits of the server, and those of an API token."""
        used = await self.catalogue.read(lambda rows: rows.usage(Scope(token.id)))
        changes = self.rates.changes
        tried = changes.used((token.id, ""), self.clock.now())
        return [
            self._use("server", Quota.TOTAL_BYTES, used),
            self._use("token", Quota.TOKEN_BYTES, used),
            self._use("token", Quota.TOKEN_UPLOADS, used),
            Use("limits.changes_per_hour", "token", changes.rate.most, tried),
        ]

    async def of_project(self, token: ApiToken, project: str) -> list[Use]:
        """Return the limits of a project, on which *token* permits to show stages."""
        require(token, Action.SHOW, project, token.version)

        def work(rows: Rows) -> tuple[Amounts, int]:
            return rows.usage(Scope(None, project)), len(rows.stages.list_live(project))

        used, live = await self.catalogue.read(work)
        openings = self.rates.openings
        opened = openings.used((token.id, project), self.clock.now())
        return [
            self._use("project", Quota.PROJECT_BYTES, used),
            Use("stage.max_per_project", "project", self.max_per_project, live),
            Use("limits.openings_per_hour", "token", openings.rate.most, opened),
        ]

    def _use(self, of: str, quota: Quota, used: Amounts) -> Use:
        return Use(f"limits.{quota}", of, self.quotas.limits.get(quota, 0), used[quota])
