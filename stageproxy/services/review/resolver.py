"""Whether a release can be installed today: pages and requirements are looked up as needed."""

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace

from packaging.utils import NormalizedName
from packaging.version import Version

from stageproxy.core.archives.filenames import parse_distribution_name
from stageproxy.core.errors import StageproxyError
from stageproxy.core.index.pages import ListedFile, Listing, UnreadablePageError, resolved
from stageproxy.core.review.impact.choices import Offer, candidates_among
from stageproxy.core.review.resolving.facts import Facts, NeededError, NotKnownError, Pick
from stageproxy.core.review.resolving.metadata import (
    LONGEST_METADATA,
    Required,
    required_in,
    required_in_json,
    required_in_metadata,
)
from stageproxy.core.review.resolving.pythons import linux
from stageproxy.core.review.resolving.resolution import Outcome, Resolution
from stageproxy.core.review.resolving.resolve import resolve
from stageproxy.core.stage.stage import Stage
from stageproxy.ports import BaselineDownloads, Index, Inspector
from stageproxy.services.review.counterparts import Budget, Counterparts, NotComparedError
from stageproxy.services.upstream_state import read_project_page

_AT_ONCE = 8
_MOST_PAGES = 300
_MOST_METADATA = 600
_SECONDS = 60.0
"""How long the resolution for one Python may take."""
_LONGEST_FILE = 64 * 2**20
_MOST_DOWNLOADED = 512 * 2**20
"""How many bytes files may have whose metadata is wanted, one of them and all together."""
_JSON = "application/json"
_METADATA = ".metadata"


@dataclass(slots=True)
class Knowledge:
    """What was found out for one review, which its Pythons share."""

    facts: Facts
    budget: Budget
    page_urls: dict[NormalizedName, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ReleaseResolver:
    """Resolves the release of a stage over an index.

    If the index has neither METADATA files nor a JSON API, files are downloaded for their
    metadata, within a budget, and read in the child process that reads uploads.
    """

    index: Index
    downloads: BaselineDownloads
    counterparts: Counterparts
    inspector: Inspector
    monotonic: Callable[[], float] = time.monotonic
    seconds: float = _SECONDS

    def knowledge(self) -> Knowledge:
        """Return the knowledge to begin with: none."""
        return Knowledge(Facts(), Budget(_MOST_DOWNLOADED))

    async def resolve(self, stage: Stage, python: str, known: Knowledge) -> Resolution:
        """Return what would be installed for one Python, or why that is not known."""
        deadline = self.monotonic() + self.seconds
        release = _release_of(stage, python, known.facts)
        try:
            async with asyncio.timeout(self.seconds):
                return await self._resolve(release, python, known, deadline)
        except TimeoutError:
            reason = f"It was not finished after {self.seconds:.0f} seconds."
        except NotKnownError as error:
            reason = str(error)
        return Resolution(python, Outcome.UNKNOWN, reason=reason)

    async def pages_of(
        self, projects: Sequence[NormalizedName], known: Knowledge
    ) -> Mapping[NormalizedName, Listing | None]:
        """Return the pages of some projects, without those that cannot be read now."""
        missing = [one for one in projects[:_MOST_PAGES] if one not in known.facts.pages]
        with suppress(NotKnownError, TimeoutError):
            async with asyncio.timeout(self.seconds):
                await self._find_out(NeededError(pages=missing), known)
        pages = known.facts.pages
        return {one: pages[one] for one in projects if one in pages}

    async def _resolve(
        self, release: Pick, python: str, known: Knowledge, deadline: float
    ) -> Resolution:
        def check_time() -> None:
            if self.monotonic() > deadline:
                raise NotKnownError(f"It was not finished after {self.seconds:.0f} seconds.")

        while True:
            try:
                return await asyncio.to_thread(resolve, release, python, known.facts, check_time)
            except NeededError as needed:
                await self._find_out(needed, known)

    async def _find_out(self, needed: NeededError, known: Knowledge) -> None:
        """Look up what is needed, some of it at the same time. Raise if it is too much."""
        if len(known.facts.pages) + len(needed.pages) > _MOST_PAGES:
            raise NotKnownError(f"It takes the pages of more than {_MOST_PAGES} projects.")
        if len(known.facts.required) + len(needed.metadata) > _MOST_METADATA:
            raise NotKnownError(f"It takes the metadata of more than {_MOST_METADATA} files.")
        places = asyncio.Semaphore(_AT_ONCE)
        failures: list[str] = []
        async with asyncio.TaskGroup() as group:
            for project in needed.pages:
                group.create_task(self._read_page(project, known, places, failures))
            for pick in needed.metadata:
                group.create_task(self._read_required(pick, known, places))
        if failures:
            raise NotKnownError(failures[0])

    async def _read_page(
        self,
        project: NormalizedName,
        known: Knowledge,
        places: asyncio.Semaphore,
        failures: list[str],
    ) -> None:
        """Read the page of a project. One that cannot be read is asked for again by the next."""
        async with places:
            try:
                page = await read_project_page(self.index, project, fresh=False)
            except StageproxyError as error:
                failures.append(f"The page of {project} cannot be read: {error.sentence}")
                return
        known.page_urls[project] = page.url
        known.facts.pages[project] = page.listing if page.listing.exists else None

    async def _read_required(self, pick: Pick, known: Knowledge, places: asyncio.Semaphore) -> None:
        async with places:
            known.facts.required[pick] = await self._required(pick, known)

    async def _required(self, pick: Pick, known: Knowledge) -> Required:
        """Return what a file requires: by the METADATA beside it, or else by the JSON API."""
        listed = known.facts.listed(pick)
        try:
            if listed is not None and listed.has_metadata:
                url = known.page_urls.get(pick.project, "")
                return await self._in_metadata(listed, url)
            document = await self.index.find(f"pypi/{pick.project}/{pick.version}/json", _JSON)
        except StageproxyError as error:
            return Required(why_not=error.sentence.rstrip("."))
        if document is None:
            return await self._in_file(pick, listed, known)
        return await asyncio.to_thread(required_in_json, document.body)

    async def _in_metadata(self, listed: ListedFile, page_url: str) -> Required:
        try:
            link = resolved(page_url, listed.link).partition("#")[0]
        except UnreadablePageError:
            return Required(why_not="its link is no URL")
        body = await self.downloads.read(f"{link}{_METADATA}", size=LONGEST_METADATA)
        return await asyncio.to_thread(required_in_metadata, body)

    async def _in_file(self, pick: Pick, listed: ListedFile | None, known: Knowledge) -> Required:
        if listed is None:
            return Required(why_not="the index does not list its file any more")
        if listed.size is not None and listed.size > _LONGEST_FILE:
            return Required(why_not="the index has no metadata of it, and its file is too large")
        page_url = known.page_urls.get(pick.project, "")
        small = replace(self.counterparts, max_file_size=_LONGEST_FILE)
        try:
            async with small.fetched(listed, page_url, known.budget) as file:
                name = parse_distribution_name(file.filename)
                contents = await self.inspector.read_contents(file.path, name, pick.project)
        except NotComparedError as error:
            return Required(why_not=f"the index has no metadata of it. {error}".rstrip("."))
        except (StageproxyError, ValueError):
            return Required(why_not="its file cannot be read")
        if contents.core_metadata is None:
            return Required(why_not="its file has no metadata")
        return await asyncio.to_thread(
            required_in_metadata, contents.core_metadata, is_wheel=name.is_wheel
        )


def _release_of(stage: Stage, python: str, facts: Facts) -> Pick:
    """Return the staged release with the file that is chosen, whose requirements are stored."""
    found = Offer(candidates_among(stage.artifacts)).best_for(linux(python))
    filename = found.filename if found else ""
    release = Pick(stage.project, Version(stage.version or "0"), filename)
    artifact = stage.find_artifact(filename)
    if artifact is not None:
        facts.required[release] = required_in(artifact.requires_dist)
    return release
