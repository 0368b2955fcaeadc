"""The whole service in this process, over a fake index, with a clock that tests set."""

import base64
import json
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aiohttp import ClientSession
from multidict import CIMultiDict
from yarl import URL

from stageproxy.config import Config, load_config
from stageproxy.ports import Inspector, ReviewInspector
from stageproxy.server.inspectors import Inspectors
from stageproxy.server.run import listening
from stageproxy.server.wiring import Service
from stageproxy.store.directory import DataDirectory
from stageproxy.web.keys import OPENAPI
from tests.support.builders.distributions import Distribution, a_wheel
from tests.support.builders.forms import FORM, Part, body_of, twine_form
from tests.support.clients.api_description import ApiDescription
from tests.support.clients.http import Answer, send
from tests.support.index.fake_index import FakeIndex
from tests.support.ports.clock import FakeClock
from tests.support.ports.fake_review_inspector import FakeReviewInspector
from tests.support.ports.in_process_inspector import InProcessInspector

JSON_PAGE = "application/vnd.pypi.simple.v1+json"
HTML_PAGE = "application/vnd.pypi.simple.v1+html"
PIP = f"{JSON_PAGE}, {HTML_PAGE}; q=0.1, text/html; q=0.01"
UV = f"{JSON_PAGE}, {HTML_PAGE};q=0.2, text/html;q=0.01"
SECRET = "the secret of all servers over one database"
NOT_SENT_BY_ITSELF = ("Accept", "Accept-Encoding", "User-Agent", "Content-Type")


@dataclass(slots=True)
class RunningService:
    """A running service and its parts."""

    url: str
    index: FakeIndex
    clock: FakeClock
    data: Path
    parts: Service
    session: ClientSession = field(repr=False)
    admin: str = field(repr=False)
    description: ApiDescription = field(repr=False)

    @property
    def index_name(self) -> str:
        """The index that releases are published on, as findings name it."""
        return URL(self.index.url).authority

    async def get(
        self, path: str, accept: str | None = None, *, method: str = "GET", **headers: str
    ) -> Answer:
        """Return the answer to GET of a path or URL of this server."""
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        return await self.send(method, path, given | ({"Accept": accept} if accept else {}))

    async def send(
        self,
        method: str,
        path: str,
        headers: Mapping[str, str] = {},
        *,
        data: bytes | None = None,
    ) -> Answer:
        """Return the answer to a request whose path is sent unchanged.

        Every answer of `/api/` in any test is compared with its description.
        """
        url = self.url + path if path.startswith("/") else path
        answer = await send(self.session, method, URL(url, encoded=True), headers, data=data)
        if path.startswith("/api/") and method != "HEAD":
            self.description.check(f"{method} {path}", answer, data)
        return answer

    async def api(
        self, method: str, path: str, token: str | None = None, /, **document: Any
    ) -> Answer:
        """Return the answer of `/api/…` to a document, with a token, by default the admin's."""
        headers = {"Authorization": f"Bearer {token or self.admin}"}
        data = json.dumps(document).encode() if document else None
        return await self.send(method, f"/api/{path}", headers, data=data)

    async def token(self, can: str = "upload", project: str = "demo", **order: str) -> str:
        """Return a new API token."""
        made = await self.api("POST", "tokens", can=can, project=project, **order)
        return str(made.document["token"])

    async def open_stage(self, project: str = "demo", version: str | None = "2.0") -> Any:
        """Return a new stage as the admin sees it."""
        return (await self.api("POST", "stages", name=project, version=version)).document

    async def post(
        self,
        parts: Sequence[Part] | bytes,
        *,
        to: str = "/legacy/",
        token: str | None = None,
        **headers: str,
    ) -> Answer:
        """Return the answer to a form, by default with the admin token."""
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        sent = {"Content-Type": FORM, "Authorization": basic(token or self.admin), **given}
        data = parts if isinstance(parts, bytes) else body_of(parts)
        return await self.send("POST", to, CIMultiDict(sent), data=data)

    async def upload(self, distribution: Distribution, **more: str) -> Answer:
        """Return the answer to an upload by twine's form; *more* is passed to `post`."""
        return await self.post(twine_form(distribution), **more)

    async def staged(self, *distributions: Distribution) -> Any:
        """Return the stage of *distributions*, uploaded one by one; by default one wheel."""
        document = None
        for distribution in distributions or (a_wheel(version="2.0"),):
            answer = await self.post(twine_form(distribution, staged="true"))
            document = answer.document
        return document


@asynccontextmanager
async def running_service(
    data: Path,
    index: FakeIndex,
    /,
    *,
    inspected_by: Inspector | None = None,
    reviewed_by: ReviewInspector | None = None,
    clock: FakeClock | None = None,
    **settings: Mapping[str, Any],
) -> AsyncIterator[RunningService]:
    """Serve on a free local port, as `stageproxy serve` does.

    Archives are read in this process, unless another *inspected_by* is given.
    """
    lines: list[str] = []
    clock = clock or FakeClock()
    directory = DataDirectory(data)
    async with (
        listening(
            config_of(data, index, settings),
            directory,
            lines.append,
            clock,
            inspectors_for_tests(inspected_by, reviewed_by),
        ) as parts,
        ClientSession(auto_decompress=False, skip_auto_headers=NOT_SENT_BY_ITSELF) as session,
    ):
        url = lines[-1].rpartition(" ")[2]
        admin = directory.admin_token.read_text().strip()
        description = ApiDescription(json.loads(parts.app[OPENAPI].body))
        yield RunningService(url, index, clock, data, parts, session, admin, description)


def inspectors_for_tests(
    uploads: Inspector | None = None, reviews: ReviewInspector | None = None
) -> Inspectors:
    """Return inspectors without processes of their own, unless others are given."""
    return Inspectors(
        nullcontext(uploads or InProcessInspector()),
        nullcontext(reviews or FakeReviewInspector()),
    )


def config_of(data: Path, index: FakeIndex, settings: Mapping[str, Mapping[str, Any]]) -> Config:
    """Return the settings of a service for tests, with changes by section.

    No review asks the index in the background unless a test wants it. Servers that share a
    database have the same secret.
    """
    upstream = {"url": index.url, **settings.get("upstream", {})}
    storage = {"data": data, **settings.get("storage", {})}
    server = {"port": 0, **settings.get("server", {})}
    if storage.get("database"):
        server = {"secret": SECRET, **server}
    review = {"background": False, **settings.get("review", {})}
    given = {
        **settings,
        "server": server,
        "upstream": upstream,
        "storage": storage,
        "review": review,
    }
    return load_config(None, {}, **given)


def basic(token: str, user: str = "__token__") -> str:
    """Return the header that twine sends for a token."""
    return f"Basic {base64.b64encode(f'{user}:{token}'.encode()).decode()}"


def prefix_of(stage: Any) -> str:
    """Return the stage URL of a stage's document."""
    return str(stage["links"]["stage"])
