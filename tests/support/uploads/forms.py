"""The form of an upload to a fake index."""

import hashlib
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, cast

from aiohttp import web
from packaging.metadata import RawMetadata

from tests.support.builders.distributions import FORM_NAMES, Distribution

ABSENT = "UNKNOWN"
BOUNDARY = re.compile(r'boundary="?([^";]+)')
NAME = re.compile(rb'\bname="([^"]*)"')
FILENAME = re.compile(rb'\bfilename="([^"]*)"')
CONTENT = re.compile(rb'\bname="content"; filename="([^"]*)"[^\n]*\r\n')
LISTS = frozenset(
    {
        "classifiers", "dynamic", "import_names", "import_namespaces", "license_files",
        "platforms", "provides_extra", "requires_dist", "supported_platforms",
    }
)  # fmt: skip
METADATA_NAMES = {form: raw for raw, form in FORM_NAMES.items()}


@dataclass(frozen=True, slots=True)
class Form:
    """A form: its text fields in order, and the file, if there is one."""

    fields: tuple[tuple[str, str], ...]
    file: Distribution | None

    def first(self, name: str) -> str:
        """Return the first value of a field, empty if there is none; PyPI drops `UNKNOWN`."""
        values = (value for key, value in self.fields if key == name and value != ABSENT)
        return next(values, "")

    @property
    def metadata(self) -> RawMetadata:
        """Return the fields of core metadata, under packaging's names."""
        raw: dict[str, Any] = {}
        for key, value in self.fields:
            name = METADATA_NAMES.get(key, key)
            if name not in RawMetadata.__annotations__ or value in {"", ABSENT}:
                continue
            if name in LISTS:
                raw.setdefault(name, []).append(value)
            elif name == "project_urls":
                label, _, url = value.partition(",")
                raw.setdefault(name, {})[label.strip()] = url.strip()
            else:
                raw[name] = value.split(",") if name == "keywords" else value
        return cast("RawMetadata", raw)

    @property
    def sha256(self) -> str:
        """Return the digest of the file, empty if there is none."""
        return hashlib.sha256(self.file.content).hexdigest() if self.file else ""


def read_form(content_type: str, body: bytes) -> Form:
    """Return the form of a whole body."""
    found = BOUNDARY.search(content_type)
    parts = list(_parts(body, b"--" + found[1].encode())) if found else []
    fields = [
        (_decoded(NAME, head), content.decode(errors="replace"))
        for head, content in parts
        if not FILENAME.search(head)
    ]
    files = [
        Distribution(_decoded(FILENAME, head), content)
        for head, content in parts
        if FILENAME.search(head) and _decoded(NAME, head) == "content"
    ]
    return Form(tuple(fields), files[0] if files else None)


@dataclass(slots=True)
class IncomingBody:
    """A body that is being received."""

    request: web.Request
    received: bytes = b""

    async def until(self, is_enough: Callable[["IncomingBody"], bool]) -> None:
        """Read until there *is_enough*, or the body ends."""
        while not is_enough(self):
            chunk = await self.request.content.readany()
            if not chunk:
                return
            self.received += chunk

    @property
    def filename(self) -> str | None:
        """Return the name of the file, if it was received."""
        found = CONTENT.search(self.received)
        return found[1].decode() if found else None

    @property
    def form(self) -> Form:
        """Return the form of the whole body."""
        return read_form(self.request.headers.get("Content-Type", ""), self.received)


def has_filename(body: IncomingBody) -> bool:
    """Return whether the filename was received."""
    return body.filename is not None


def has_half(body: IncomingBody) -> bool:
    """Return whether half of the announced length was received."""
    return 2 * len(body.received) >= (body.request.content_length or 0)


def _parts(body: bytes, delimiter: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Return the headers and the content of each part."""
    for part in (b"\r\n" + body).split(b"\r\n" + delimiter)[1:-1]:
        head, _, content = part.removeprefix(b"\r\n").partition(b"\r\n\r\n")
        yield head, content


def _decoded(pattern: re.Pattern[bytes], head: bytes) -> str:
    found = pattern.search(head)
    return found[1].decode() if found else ""


def raw_headers(request: web.Request) -> Sequence[tuple[str, str]]:
    """Return the headers of a request unchanged, in order."""
    return [
        (name.decode("latin-1"), value.decode("latin-1")) for name, value in request.raw_headers
    ]
