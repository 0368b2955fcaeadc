"""The index documents that a staged release changes, as if it were published."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from urllib.parse import quote, unquote

from packaging.utils import canonicalize_name

from stageproxy.caching import LoadingCache
from stageproxy.catalogue import Catalogue
from stageproxy.core.errors import NotFoundError, UpstreamFailedError
from stageproxy.core.index.feed import add_to_feed
from stageproxy.core.index.links import PageLinks
from stageproxy.core.index.negotiation import ACCEPT_FOR, SimpleType, simple_type
from stageproxy.core.index.other_pages import OtherPage, plain_body
from stageproxy.core.index.pages import (
    FEED_TYPES,
    JSON_TYPES,
    NEVER_STALE,
    PAGE_TYPES,
    Document,
    UnreadablePageError,
    judged_by_content,
    own_document,
)
from stageproxy.core.index.release_json import (
    StagedRelease,
    add_to_project_json,
    add_to_release_json,
    has_release,
    new_project_json,
    new_release_json,
)
from stageproxy.core.index.simple import add_to_page, new_list, new_page
from stageproxy.core.index.staleness import Freshness, outage_notice
from stageproxy.core.stage.listing import feed_item, staged_files, staged_release
from stageproxy.core.stage.order import in_promotion_order
from stageproxy.core.stage.stage import Stage, same_version
from stageproxy.ports import PreviewedIndex
from stageproxy.services.md5s import Md5s
from stageproxy.services.stage_urls import StageUrls

_TO_ROOT = "../../"
_TO_ROOT_FROM_ONLY = "../../../"
_LONGEST = 2**26
"""The largest page of another project whose links are replaced, in bytes."""
_JSON = "application/json"
_XML = "application/rss+xml, text/xml;q=0.9, */*;q=0.1"

Edit = Callable[[Document], bytes]


@dataclass(frozen=True, slots=True)
class StagedDocuments:
    """Documents about the staged project. Edited ones are cached until one side changes."""

    catalogue: Catalogue
    index: PreviewedIndex
    urls: StageUrls
    md5s: Md5s
    cache: LoadingCache[tuple[object, ...], Document] = field(repr=False)

    async def project_page(self, stage: Stage, accept: str, freshness: Freshness) -> Document:
        """Return the project's page with the staged files on it.

        Raise if upstream fails: a page with only the staged files would hide
        every published release.
        """
        page = await self.upstream_page(stage, accept, freshness)
        if page is None:
            return await self._new_page(stage, accept, _TO_ROOT)
        page = judged_by_content(page, PAGE_TYPES)
        if page.simple_type is None:
            raise _wrong_type(page, "a page")

        def edit(document: Document) -> bytes:
            staged = staged_files(stage, _TO_ROOT)
            return add_to_page(document, stage.project, staged, links)

        links = self._links(stage, page.url, f"simple/{stage.project}/")
        return await self._edited("page", stage, page, edit)

    async def with_links(self, stage: Stage, page: OtherPage, path: str) -> Document | None:
        """Return upstream's page of another project, with links that lead to its files.

        *path* is that of the page below the stage. `None` for a page that cannot be read, or
        has no link that leaves the stage.
        """
        sent = page.sent

        async def make() -> Document:
            links = self._links(stage, sent.url, path)
            return await asyncio.to_thread(_with_links, sent, path, links)

        # Links contain signatures of the stage, so that no other stage gets the page.
        key = ("links", stage.id, stage.rotation, path, sent.url, sent.digest, sent.content_type)
        edited = await self.cache.get(key, make)
        return None if edited.digest == sent.digest else edited

    async def upstream_page(
        self, stage: Stage, accept: str, freshness: Freshness
    ) -> Document | None:
        """Return upstream's page of the project, or `None` if there is none."""
        upstream_accept = ACCEPT_FOR[simple_type(accept)]
        return await self.index.find_to_show(f"simple/{stage.project}/", upstream_accept, freshness)

    async def only_page(self, stage: Stage, accept: str) -> Document:
        """Return the page that lists only the staged release."""
        page = await self._new_page(stage, accept, _TO_ROOT_FROM_ONLY)
        return replace(page, fresh_until=NEVER_STALE)

    async def only_list(self, stage: Stage, accept: str) -> Document:
        """Return the list of projects that contains only the project of the stage."""
        kind = simple_type(accept)
        names = [stage.project] if stage.artifacts else []
        body = new_list(kind, names)
        return own_document(body, _content_type(kind), fresh_until=NEVER_STALE)

    async def project_json(self, stage: Stage, freshness: Freshness) -> Document | None:
        """Return /pypi/<project>/json, or `None` where PyPI would have none.

        The document cannot be made if a mirror has the project but no JSON API.
        """
        path = f"pypi/{stage.project}/json"
        upstream = await self.index.find_to_show(path, _JSON, freshness)
        if not stage.artifacts:
            return upstream
        if upstream is None and await self._has_project(stage, freshness):
            return None
        staged = await self._release(stage)
        if upstream is None:
            return own_document(await asyncio.to_thread(new_project_json, staged), _JSON)
        return await self._edited(
            "json",
            stage,
            _checked(upstream, "json", JSON_TYPES),
            lambda document: add_to_project_json(
                document.body, self._links(stage, document.url, path), staged
            ),
        )

    async def release_json(
        self, stage: Stage, version: str, freshness: Freshness
    ) -> Document | None:
        """Return /pypi/<project>/<version>/json of the staged or of any other release."""
        path = f"pypi/{stage.project}/{quote(version, safe='')}/json"
        upstream = await self.index.find_to_show(path, _JSON, freshness)
        if not _has_files_of(stage, version):
            return upstream
        staged = await self._release(stage)
        if upstream is not None:
            return await self._edited(
                path,
                stage,
                _checked(upstream, "json", JSON_TYPES),
                lambda document: add_to_release_json(
                    document.body, self._links(stage, document.url, path), staged
                ),
            )
        project = await self.index.find_to_show(f"pypi/{stage.project}/json", _JSON, freshness)
        if project is None and await self._has_project(stage, freshness):
            return None
        return await self._new_release(
            stage, staged, project and _checked(project, "json", JSON_TYPES)
        )

    async def feed(self, stage: Stage, freshness: Freshness) -> Document | None:
        """Return the feed of releases, or `None` if upstream has none."""
        path = f"rss/project/{stage.project}/releases.xml"
        upstream = await self.index.find_to_show(path, _XML, freshness)
        if upstream is None or not stage.artifacts:
            return upstream
        item = feed_item(stage, self._project_url(stage))
        return await self._edited(
            "feed",
            stage,
            _checked(upstream, "xml", FEED_TYPES),
            lambda document: add_to_feed(document.body, item),
        )

    def outage_notice(self, stage: Stage) -> str:
        """Return what readers have to know while upstream has no answer; otherwise nothing."""
        outage = self.index.outage
        if outage is None or not outage.is_silence:
            return ""
        return outage_notice(outage, self.index.copied_at(f"simple/{stage.project}/"))

    async def is_new(self, stage: Stage, freshness: Freshness) -> bool:
        """Return whether the stage is the first release of its project."""
        return bool(stage.artifacts) and not await self._has_project(stage, freshness)

    async def _new_release(
        self, stage: Stage, staged: StagedRelease, project: Document | None
    ) -> Document | None:
        """Return the document of an unpublished release; `None` if the project lists it."""
        try:
            document = await asyncio.to_thread(_new_release_if_missing, staged, project)
        except UnreadablePageError as error:
            raise _unreadable(stage, error) from error
        if document is None:
            return None
        stale_seconds = project.stale_seconds if project else None
        return replace(own_document(document, _JSON), stale_seconds=stale_seconds)

    async def _has_project(self, stage: Stage, freshness: Freshness) -> bool:
        return await self.upstream_page(stage, SimpleType.V1_JSON, freshness) is not None

    async def _release(self, stage: Stage) -> StagedRelease:
        first = in_promotion_order(stage.artifacts)[0]
        form = await self.catalogue.read(
            lambda rows: rows.artifacts.find_form(stage.id, first.filename)
        )
        return staged_release(
            await self.md5s.complete(stage),
            form,
            root=self.urls.url_of(stage),
            project_url=self._project_url(stage),
        )

    def _links(self, stage: Stage, url: str, path: str) -> PageLinks:
        """Return the links of upstream's page at *url*, which is served at a *path*."""
        sign = partial(self.urls.signature_of, stage)
        return PageLinks(self.index.space, url, path, self.urls.url_of(stage), sign)

    def _project_url(self, stage: Stage) -> str:
        return f"{self.index.site}project/{stage.project}/"

    async def _edited(self, name: str, stage: Stage, document: Document, edit: Edit) -> Document:
        """Return the edited document, made once for each state of the stage and of upstream."""

        async def make() -> Document:
            try:
                return await asyncio.to_thread(lambda: document.with_body(edit(document)))
            except UnreadablePageError as error:
                raise _unreadable(stage, error) from error

        key = (name, stage.id, stage.revision, stage.rotation, document.digest)
        edited = await self.cache.get((*key, document.content_type), make)
        return replace(
            edited,
            headers=document.headers,
            stale_seconds=document.stale_seconds,
            fresh_until=document.fresh_until,
        )

    async def _new_page(self, stage: Stage, accept: str, to_root: str) -> Document:
        if not stage.artifacts:
            raise NotFoundError
        kind = simple_type(accept)
        body = new_page(kind, stage.project, staged_files(stage, to_root))
        return own_document(body, _content_type(kind))


def _with_links(sent: Document, path: str, links: PageLinks) -> Document:
    """Return a page with other links, or as it was *sent* if there is nothing to replace."""
    body = plain_body(sent, _LONGEST)
    if body is None:
        return sent
    page = replace(sent, body=body)
    project = canonicalize_name(unquote(path).rstrip("/").rpartition("/")[2])
    try:
        edited = add_to_page(page, project, [], links)
    except UnreadablePageError:
        return sent
    return sent if edited is body else page.with_body(edited)


def _has_files_of(stage: Stage, version: str) -> bool:
    is_same = stage.version is not None and same_version(stage.version, version)
    return is_same and bool(stage.artifacts)


def _new_release_if_missing(staged: StagedRelease, project: Document | None) -> bytes | None:
    if project and has_release(project.body, staged.project, staged.version):
        return None
    return new_release_json(staged, project.body if project else None)


def _checked(document: Document, kind: str, types: Mapping[bytes, str]) -> Document:
    """Return a document that is to be edited. Raise unless its Content-Type names *kind*."""
    document = judged_by_content(document, types)
    if kind not in document.content_type.lower():
        raise _wrong_type(document, kind.upper())
    return document


def _wrong_type(document: Document, expected: str) -> UpstreamFailedError:
    content_type = document.content_type or "a document without Content-Type"
    return UpstreamFailedError(f"PyPI returned {content_type} instead of {expected}.")


def _unreadable(stage: Stage, error: UnreadablePageError) -> UpstreamFailedError:
    return UpstreamFailedError(f"PyPI's document about {stage.project} cannot be read: {error}.")


def _content_type(kind: SimpleType) -> str:
    return f"{kind}; charset=UTF-8" if kind is SimpleType.HTML else kind.value
