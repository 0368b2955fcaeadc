"""A reader of everything below a stage URL, in every form, again and again."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import urlsplit

from tests.support.clients.http import Answer
from tests.support.servers.service import JSON_PAGE, PIP, RunningService, prefix_of

BROWSER = "text/html,application/xhtml+xml,*/*;q=0.8"
DOCUMENTS: Mapping[str, tuple[str, str | None]] = {
    "page": ("simple/demo/", PIP),
    "page as HTML": ("simple/demo/", "text/html"),
    "only": ("+only/simple/demo/", PIP),
    "only list": ("+only/simple/", PIP),
    "list": ("simple/", PIP),
    "project": ("pypi/demo/json", None),
    "release": ("pypi/demo/2.0/json", None),
    "feed": ("rss/project/demo/releases.xml", None),
    "wheel": ("{wheel}", None),
    "metadata": ("{wheel}.metadata", None),
    "stage": ("", "application/json"),
    "stage page": ("", BROWSER),
    "other": ("simple/other/", PIP),
    "missing": ("simple/missing/", PIP),
}
"""What is read, by name: its path below the stage, and the Accept header."""

OWN = frozenset({"only", "only list", "wheel", "metadata", "stage", "stage page"})
"""What is answered without upstream."""
FORMS: Mapping[str, tuple[str, Mapping[str, str]]] = {
    "plain": ("GET", {}),
    "gzip": ("GET", {"Accept-Encoding": "gzip"}),
    "known": ("GET", {"If-None-Match": "{etag}"}),
    "head": ("HEAD", {}),
}
"""How it is read: the method and further headers, in which the last ETag is written."""
OF_ONE_ANSWER = frozenset({"date", "x-request-id", "age", "keep-alive"})

Readings = Mapping[tuple[str, str], Answer]
"""Answers by document and form."""


@dataclass(slots=True)
class PreviewReader:
    """A reader of a stage with one wheel, which remembers the ETag of each document.

    *prefix* and *wheel* are paths: of the stage, and of the wheel below it.
    """

    service: RunningService
    stage: Any = field(repr=False)
    prefix: str
    wheel: str
    etags: dict[str, str] = field(default_factory=dict)
    documents: Collection[str] = tuple(DOCUMENTS)
    forms: Collection[str] = tuple(FORMS)

    @classmethod
    def of(cls, service: RunningService, stage: Any) -> "PreviewReader":
        """Return a reader of a stage."""
        prefix = urlsplit(prefix_of(stage)).path
        [link] = [file["link"] for name, file in stage["files"].items() if name.endswith(".whl")]
        return cls(service, stage, prefix, urlsplit(link).path.removeprefix(prefix))

    @property
    def token(self) -> str:
        """The stage token in the URL."""
        return self.prefix.split("/")[3]

    def path_of(self, document: str) -> str:
        """Return the path of a document on the server."""
        return self.prefix + DOCUMENTS[document][0].format(wheel=self.wheel)

    async def read(self, document: str, form: str = "plain", **headers: str) -> Answer:
        """Return the answer to one request."""
        _, accept = DOCUMENTS[document]
        method, added = FORMS[form]
        etag = self.etags.get(document, '"unknown"')
        given = {name: value.format(etag=etag) for name, value in added.items()} | {
            name.replace("_", "-"): value for name, value in headers.items()
        }
        given |= {"Accept": accept} if accept else {}
        return await self.service.send(method, self.path_of(document), given)

    async def read_all(self) -> Readings:
        """Return the answers to all requests, of which each one is sent once."""
        return {
            (document, form): await self.read(document, form)
            for document in self.documents
            for form in self.forms
        }

    async def warm(self) -> Readings:
        """Read everything twice in each form, and return the last answers."""
        readings = await self.read_all()
        self.etags = {
            document: answer.headers["ETag"]
            for (document, form), answer in readings.items()
            if form == "plain" and "ETag" in answer.headers
        }
        return await self.read_all()

    def beside(self, service: RunningService) -> "PreviewReader":
        """Return a reader of the same stage at another server, which knows the same ETags."""
        return replace(self, service=service)


def shown_by(answer: Answer) -> tuple[int, Mapping[str, str], bytes]:
    """Return what two readers of the same state must see alike."""
    headers = {
        name.lower(): value
        for name, value in answer.headers.items()
        if name.lower() not in OF_ONE_ANSWER
    }
    return answer.status, headers, answer.body


def differing(first: Readings, second: Readings) -> Mapping[tuple[str, str], str]:
    """Return the requests whose answers differ, each with its statuses."""
    return {
        one: f"{first[one].status} and {second[one].status}"
        for one in first
        if shown_by(first[one]) != shown_by(second[one])
    }


def filenames_on(page: Answer) -> list[str]:
    """Return the filenames on a JSON page."""
    assert page.headers["Content-Type"] == JSON_PAGE, page
    return [one["filename"] for one in page.document["files"]]
