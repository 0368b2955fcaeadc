"""The findings on a stage: the one list that every answer shows."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from stageproxy.caching import LoadingCache
from stageproxy.catalogue import Catalogue
from stageproxy.core.errors import NoTurnError
from stageproxy.core.index.pages import Listing
from stageproxy.core.rules.findings import Finding, FindingsByFile, naming, not_known
from stageproxy.core.rules.unverifiable import ONLY_PYPI
from stageproxy.core.stage.dependencies import NOT_READ, Wanted, Wishes, wishes_of
from stageproxy.core.stage.order import in_promotion_order
from stageproxy.core.stage.release_findings import (
    ExaminedFile,
    IndexAnswer,
    findings_of_release,
    staged_file,
)
from stageproxy.core.stage.replacements import replacement_findings
from stageproxy.core.stage.stage import LIVE, Stage
from stageproxy.ports import Clock, Inspector
from stageproxy.services.dependencies import Dependencies
from stageproxy.services.upstream_state import UpstreamReader, UpstreamState

_MOST_KNOWN = 200
_QUICK_SECONDS = 1.0
"""How long an answer that shows a stage waits for the index."""


@dataclass(frozen=True, slots=True)
class StageFindings:
    """Lists the findings on stages, under the name of the index that they are for."""

    catalogue: Catalogue
    reader: UpstreamReader
    dependencies: Dependencies
    inspector: Inspector
    clock: Clock
    index_name: str
    _known: LoadingCache[str, Wanted] = field(
        default_factory=lambda: LoadingCache(_MOST_KNOWN, lambda _: 1), repr=False
    )

    async def of(self, stage: Stage) -> FindingsByFile:
        """Return the findings on a stage as of now; none once it has ended.

        No archive is read: the findings on the files are stored. What the index does
        not answer at once is a finding of level `unknown`.
        """
        if stage.status not in LIVE or not stage.artifacts:
            return {}
        return await self.of_state(stage, await self.reader.state(stage.project))

    async def of_state(self, stage: Stage, state: UpstreamState) -> FindingsByFile:
        """Return the findings on a stage as `of` does, while the index is in a *state*."""
        if stage.status not in LIVE or not stage.artifacts:
            return {}
        lasting = {one.filename: one.findings for one in stage.artifacts}
        if state.listing is not None:
            state = replace(state, listing=_with_hashes(state.listing, stage))
        return await self.listed(stage, lasting, state, seconds=_QUICK_SECONDS)

    async def listed(
        self,
        stage: Stage,
        lasting: Mapping[str, Sequence[Finding]],
        state: UpstreamState,
        *,
        seconds: float,
    ) -> FindingsByFile:
        """Return the findings on a stage, with the *lasting* ones of each file.

        *state*: that of the index. *seconds*: how long its dependencies may be
        looked up.
        """
        replaced = await self._replaced(stage)
        unknown = [not_known(notice, "index") for notice in state.notices]
        found = {name: [*ones, *replaced.get(name, ()), *unknown] for name, ones in lasting.items()}
        files, wishes = await asyncio.to_thread(_read_stage, stage, found)
        looked_up: Sequence[Finding] = ()
        if state.listing is not None:
            looked_up = await self._dependencies(stage, wishes, seconds)
        answer = IndexAnswer(state.listing, state.similar, (*looked_up, ONLY_PYPI))
        of_release = await asyncio.to_thread(findings_of_release, files, answer, self.clock.now())
        return {
            filename: [naming(one, self.index_name) for one in findings]
            for filename, findings in of_release.items()
        }

    async def _dependencies(
        self, stage: Stage, wishes: Wishes, seconds: float
    ) -> Sequence[Finding]:
        """Return the findings on what the files require, after *seconds* at most."""
        wanted = await self._wanted(stage, wishes, seconds)
        if wanted is None:
            return [not_known(NOT_READ, "requires_dist")]
        return await self.dependencies.findings(wanted, seconds=seconds)

    async def _wanted(self, stage: Stage, wishes: Wishes, seconds: float) -> Wanted | None:
        """Return the dependencies that count, `None` if there was no time to read them."""
        if not wishes.texts:
            return Wanted()
        try:
            async with asyncio.timeout(seconds):
                return await self._known.get(
                    wishes.digest, lambda: self._read(wishes, stage.project)
                )
        except (TimeoutError, NoTurnError):
            return None

    async def _read(self, wishes: Wishes, project: str) -> Wanted:
        wanted = await self.inspector.wanted_of(wishes, project)
        if wanted is None:
            raise TimeoutError
        return wanted

    async def _replaced(self, stage: Stage) -> Mapping[str, Sequence[Finding]]:
        """Return the findings on files that were replaced, by filename."""
        found = await self.catalogue.read(
            lambda rows: replacement_findings(
                stage.artifacts, rows.audit.list(stage.id), rows.tokens.names()
            )
        )
        return {filename: [one] for filename, one in found.items()}


def _read_stage(stage: Stage, found: FindingsByFile) -> tuple[Sequence[ExaminedFile], Wishes]:
    """Return the files of a stage in the order of their promotion, and what they require."""
    ordered = in_promotion_order(stage.artifacts)
    files = [staged_file(one, found.get(one.filename, ())) for one in ordered]
    return files, wishes_of(files)


def _with_hashes(listing: Listing, stage: Stage) -> Listing:
    """Return a listing with the hash of each staged file that the page lists without one.

    Such a file was published from the stage: another one of that name could not have
    been uploaded. A dry run compares the bytes.
    """
    files = {
        one.filename: replace(listed, sha256=one.sha256)
        for one in stage.artifacts
        if (listed := listing.files.get(one.filename)) and listed.sha256 is None
    }
    return replace(listing, files={**listing.files, **files})
