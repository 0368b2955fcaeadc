"""Opening, listing, extending, rotating and canceling stages, and removing artifacts."""

import logging
import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from packaging.utils import NormalizedName

from stageproxy.catalogue import Catalogue, PagePosition, Rows
from stageproxy.core.audit import SERVER, AuditAction, PlainValue
from stageproxy.core.errors import (
    ConflictError,
    ForbiddenError,
    NotFoundError,
    TooManyStagesError,
)
from stageproxy.core.rights import EVERY_PROJECT, Action, ApiToken
from stageproxy.core.stage.events import artifact_details, stage_event
from stageproxy.core.stage.lifetime import as_of, edited, limit_notice, make_room, shortest_notice
from stageproxy.core.stage.listing import rfc3339
from stageproxy.core.stage.paging import Wanted
from stageproxy.core.stage.stage import (
    Stage,
    Status,
    Step,
    ended,
    expiry_after_extension,
    same_version,
)
from stageproxy.ports import Clock
from stageproxy.services.access import require, require_everywhere, require_on, require_still
from stageproxy.services.live_stages import (
    check_release_is_free,
    end_expired,
    get_live,
    get_stage,
    withdraw,
)
from stageproxy.services.quotas import Quotas, Rates
from stageproxy.services.stage_urls import StageUrls

log = logging.getLogger(__name__)

CANCELED = "It was canceled."

Changed = tuple[Stage, Mapping[str, PlainValue]]
"""A stage after a change, and the details for the audit trail."""

_ACTIONS: Mapping[Action, AuditAction] = {
    Action.EXTEND: AuditAction.EXTENDED,
    Action.CANCEL: AuditAction.CANCELED,
    Action.ROTATE: AuditAction.ROTATED,
    Action.REMOVE: AuditAction.WITHDRAWN,
}


@dataclass(frozen=True, slots=True)
class StageLimits:
    """The lifetimes of stages, and how many live ones a project can have.

    *empty_lifetime*: how long a stage without files can be in the way of others.
    *min_lifetime*: the shortest lifetime that a client can ask for.
    """

    lifetime: timedelta
    max_lifetime: timedelta
    max_per_project: int
    empty_lifetime: timedelta
    min_lifetime: timedelta = timedelta(0)

    @property
    def shortest(self) -> timedelta:
        """The shortest lifetime of a stage. That of the settings may be shorter."""
        return min(self.min_lifetime, self.lifetime)


@dataclass(frozen=True, slots=True)
class Stages:
    """Changes of stages, except uploads and promotions."""

    catalogue: Catalogue
    clock: Clock
    urls: StageUrls
    limits: StageLimits
    quotas: Quotas = field(default_factory=Quotas)
    rates: Rates = field(default_factory=Rates)

    async def open(
        self,
        token: ApiToken,
        project: NormalizedName,
        version: str | None,
        lifetime: timedelta | None,
        expects: tuple[str, ...] = (),
    ) -> Stage:
        """Open a stage. Raise `StageExistsError` if the release already has one."""
        require(token, Action.OPEN, project, version)
        new = self.new(project, version, self.clock.now(), lifetime)
        stage = replace(new, expects=expects)

        def work(rows: Rows) -> None:
            require_still(rows, token, Action.OPEN, project, version, self.clock.now())
            self.add(rows, stage, token.id)

        await self.catalogue.write(work)
        log.info("stage %s: opened for %s by token %s", stage.id, stage.release, token.label)
        return stage

    def new(
        self,
        project: NormalizedName,
        version: str | None,
        now: datetime,
        lifetime: timedelta | None = None,
    ) -> Stage:
        """Return a new stage, which is not stored yet."""
        wanted = max(lifetime or self.limits.lifetime, self.limits.shortest)
        granted = min(wanted, self.limits.max_lifetime)
        return Stage(
            id=secrets.token_hex(8),
            project=project,
            version=version,
            status=Status.OPEN,
            revision=0,
            rotation=0,
            lifetime=granted,
            opened_at=now,
            expires_at=now + granted,
        )

    def limit_notice(self, stage: Stage, wanted: timedelta | None) -> str | None:
        """Return the sentence for who *wanted* a stage to live longer or shorter than it may."""
        if wanted is None:
            return None
        if wanted < self.limits.shortest:
            return shortest_notice(self.limits.shortest)
        return limit_notice(stage, self.limits.max_lifetime)

    def add(self, rows: Rows, stage: Stage, actor: str) -> None:
        """Store a new stage that *actor* opens, within a transaction."""
        self.rates.check_opening(actor, stage.project, stage.opened_at)
        end_expired(rows, stage.project, self.clock.earliest())
        self._make_room(rows, stage.project, self.clock.earliest())
        check_release_is_free(rows, stage.project, stage.version)
        rows.stages.save(stage)
        rows.stages.save_token(self.urls.token_of(stage).digest, stage.id, stage.rotation)
        until = rfc3339(stage.expires_at)
        rows.audit.add(
            stage_event(stage, AuditAction.OPENED, actor, stage.opened_at, expires_at=until)
        )

    def _make_room(self, rows: Rows, project: NormalizedName, now: datetime) -> None:
        """End stages that have been empty for long. Raise if there is no room for another stage."""
        live = rows.stages.list_live(project)
        excess = len(live) + 1 - self.limits.max_per_project
        if excess <= 0:
            return
        over = make_room(live, excess, now, empty_lifetime=self.limits.empty_lifetime)
        if len(over) < excess:
            raise TooManyStagesError(project, len(live), sum(one.is_empty for one in live))
        for stage in over:
            rows.stages.save(stage)
            rows.audit.add(stage_event(stage, AuditAction.EXPIRED, SERVER, now))

    def save_edited(self, rows: Rows, stage: Stage, now: datetime) -> Stage:
        """Store a stage whose content has changed, within a transaction, and return it."""
        rows.stages.save(self._edited(stage, now))
        return get_stage(rows, stage.id)

    async def list(
        self,
        token: ApiToken,
        wanted: Wanted,
        *,
        after: PagePosition | None = None,
        limit: int | None = None,
        most_files: int | None = None,
    ) -> Sequence[Stage]:
        """Return the wanted stages that *token* can show, the latest first.

        They follow a position in the list, and are no more than *limit*. Behind the one with
        which they have more than *most_files* there is at most one more.
        """
        if not _may_list(token, wanted):
            return []
        own = None if token.project == EVERY_PROJECT else token.project
        stages = await self.catalogue.read(
            lambda rows: rows.stages.list(
                wanted.project or own,
                version=token.version or wanted.version,
                statuses=wanted.statuses,
                after=after,
                limit=limit,
                most_files=most_files,
            )
        )
        now = self.clock.now()
        return [as_of(stage, now) for stage in stages]

    async def get(self, token: ApiToken, stage_id: str, action: Action = Action.SHOW) -> Stage:
        """Return a stage on which *token* permits *action*.

        The errors for a stage of another project and for one that does not exist are the same.
        """
        stage = await self.catalogue.read(lambda rows: rows.stages.find(stage_id))
        if stage is None:
            require_everywhere(token, action)
            raise NotFoundError(f"There is no stage {stage_id}.")
        require_on(token, action, stage.project, stage.version)
        return as_of(stage, self.clock.now())

    async def get_latest(self, token: ApiToken, project: str, version: str | None) -> Stage:
        """Return the latest stage of a release or a project, a live one if possible."""
        require(token, Action.SHOW, project, version or token.version)
        now, wanted = self.clock.now(), version or token.version

        def work(rows: Rows) -> Stage | None:
            live = (
                stage
                for stage in rows.stages.list_live(project)
                if stage.is_live(now) and (not wanted or _is_of(stage, wanted))
            )
            return next(live, None) or rows.stages.find_latest(project, wanted)

        found = await self.catalogue.read(work)
        if found is None:
            raise NotFoundError(f"There is no stage of {project} {version or ''}".rstrip() + ".")
        return as_of(found, now)

    async def extend(self, token: ApiToken, stage_id: str, by: timedelta) -> Stage:
        """Extend the lifetime of a stage, up to the limit."""
        longest = self.limits.max_lifetime

        def extended(_rows: Rows, stage: Stage, _now: datetime) -> Changed:
            stage.after(Step.EXTEND)
            until = expiry_after_extension(stage, by, longest=longest)
            return replace(stage, expires_at=until), {"expires_at": rfc3339(until)}

        return await self._change(token, stage_id, Action.EXTEND, extended)

    async def cancel(self, token: ApiToken, stage_id: str, *, only_if_empty: bool = False) -> Stage:
        """Cancel a stage. Its files are no longer accessible.

        An upload token can cancel a stage that it opened itself, while that is empty.
        """

        def canceled(rows: Rows, stage: Stage, now: datetime) -> Changed:
            _require_cancel(rows, token, stage)
            stage.after(Step.CANCEL)
            if only_if_empty and not stage.is_empty:
                raise ConflictError(f"Stage {stage.release} is not empty, and was not canceled.")
            return ended(stage, CANCELED, now), {}

        return await self._change(token, stage_id, Action.CANCEL, canceled, needs=Action.SHOW)

    async def rotate(self, token: ApiToken, stage_id: str) -> Stage:
        """Replace the URL of a stage. The old URL stops working."""

        def rotated(rows: Rows, stage: Stage, _now: datetime) -> Changed:
            changed = replace(stage, rotation=stage.rotation + 1)
            rows.stages.save_token(self.urls.token_of(changed).digest, stage.id, changed.rotation)
            return changed, {"rotation": changed.rotation}

        return await self._change(token, stage_id, Action.ROTATE, rotated)

    async def remove(self, token: ApiToken, stage_id: str, filename: str) -> Stage:
        """Withdraw an artifact from a stage."""

        def without(rows: Rows, stage: Stage, now: datetime) -> Changed:
            stage.after(Step.EDIT)
            artifact = stage.find_artifact(filename)
            if artifact is None:
                raise NotFoundError(f"Stage {stage.release} has no file {filename}.")
            withdraw(rows, stage, artifact)
            return self._edited(stage, now), artifact_details(artifact)

        return await self._change(token, stage_id, Action.REMOVE, without)

    async def _change(
        self,
        token: ApiToken,
        stage_id: str,
        action: Action,
        change: Callable[[Rows, Stage, datetime], Changed],
        *,
        needs: Action | None = None,
    ) -> Stage:
        """Change a stage as *action*, which *token* must permit; or *needs*, if that is less."""
        needed = needs or action
        await self.get(token, stage_id, needed)

        def work(rows: Rows) -> Stage:
            now = self.clock.now()
            stage = get_live(rows, stage_id, now)
            require_still(rows, token, needed, stage.project, stage.version, now)
            changed, details = change(rows, stage, now)
            if changed != stage:
                rows.stages.save(changed)
                rows.audit.add(stage_event(changed, _ACTIONS[action], token.id, now, **details))
            return get_stage(rows, stage_id)

        stage = await self.catalogue.write(work)
        log.info("stage %s: %s by token %s", stage.id, action, token.label)
        return stage

    def _edited(self, stage: Stage, now: datetime) -> Stage:
        return edited(stage, now, longest=self.limits.max_lifetime)


def _may_list(token: ApiToken, wanted: Wanted) -> bool:
    """Return whether *token* can show any of the wanted stages."""
    project, version = wanted.project, wanted.version
    is_of_project = project is None or token.project in {EVERY_PROJECT, project}
    is_of_version = not (version and token.version) or same_version(token.version, version)
    return is_of_project and is_of_version


def _is_of(stage: Stage, version: str) -> bool:
    return stage.version is not None and same_version(stage.version, version)


def _require_cancel(rows: Rows, token: ApiToken, stage: Stage) -> None:
    if token.permits(Action.CANCEL, stage.project, stage.version):
        return
    opened = rows.audit.list(stage.id, limit=1)
    is_own = bool(opened) and opened[0].event.actor == token.id
    if not (is_own and stage.is_empty):
        raise ForbiddenError(
            f"This API token cannot cancel {stage.project}. An upload token can only cancel "
            "an empty stage that it opened."
        )
