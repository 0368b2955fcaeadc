"""Multipart forms, as uploaders send them and as they should not."""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from urllib.parse import quote

from tests.support.builders.distributions import Distribution, upload_form

UNQUOTABLE = re.compile(r"[\x01-\x1f\x7f\\]")
BOUNDARY = "2b9c8a7d6e5f4a3b"
FORM = f"multipart/form-data; boundary={BOUNDARY}"


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a form; a part with a filename is a file."""

    name: str
    content: bytes
    filename: str | None = None
    content_type: str | None = None

    def encoded(self) -> bytes:
        """Return the bytes of the part."""
        filename = "" if self.filename is None else f"; {_filename_parameter(self.filename)}"
        lines = [f'Content-Disposition: form-data; name="{self.name}"{filename}']
        if self.content_type is not None:
            lines.append(f"Content-Type: {self.content_type}")
        return "\r\n".join([*lines, "", ""]).encode() + self.content + b"\r\n"


def _filename_parameter(filename: str) -> str:
    """Return a filename as a parameter of a header, if necessary by RFC 5987."""
    if UNQUOTABLE.search(filename):
        return f"filename*=UTF-8''{quote(filename)}"
    return f'filename="{filename}"'


def twine_form(distribution: Distribution, **changes: str) -> list[Part]:
    """Return the form with which twine sends *distribution*, the file last."""
    return [*form_parts(upload_form(distribution, **changes)), content_part(distribution)]


def form_parts(fields: Iterable[tuple[str, str]]) -> list[Part]:
    """Return text fields as parts."""
    return [Part(name, value.encode()) for name, value in fields]


def content_part(distribution: Distribution) -> Part:
    """Return the file as a part."""
    return Part("content", distribution.content, distribution.filename, "application/octet-stream")


def without(parts: Iterable[Part], *names: str) -> list[Part]:
    """Return the parts without those of some *names*."""
    return [part for part in parts if part.name not in names]


def changed(parts: Iterable[Part], name: str, **changes: str | bytes | None) -> list[Part]:
    """Return the parts with changes to the one of that *name*."""
    return [replace(part, **changes) if part.name == name else part for part in parts]  # type: ignore[arg-type] # names of fields


def body_of(parts: Sequence[Part], boundary: str = BOUNDARY) -> bytes:
    """Return the bytes of the form."""
    return b"".join(_pieces(parts, boundary.encode()))


def _pieces(parts: Sequence[Part], boundary: bytes) -> Iterator[bytes]:
    for part in parts:
        yield b"--" + boundary + b"\r\n" + part.encoded()
    yield b"--" + boundary + b"--\r\n"
