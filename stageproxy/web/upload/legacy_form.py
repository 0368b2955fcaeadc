"""The multipart form of the legacy upload API."""

import email.message
import email.utils
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, field

from aiohttp import hdrs, web

from stageproxy.core.errors import InvalidRequestError, Problem, RefusedError, TooLargeError
from stageproxy.core.rights import ApiToken
from stageproxy.core.rules.table import refusals
from stageproxy.ports import IncomingFile
from stageproxy.services.upload.examine import IncomingUpload
from stageproxy.services.upload.uploads import Uploads
from stageproxy.web.bodies import LONGEST_FORM
from stageproxy.web.upload.form_parts import FormParts
from stageproxy.web.upload.form_scanner import PartHead
from stageproxy.web.upload.starts import Start

LONGEST_FIELD = 2**20
MOST_PARTS = 1000
MOST_FILES = 64

_CONTENT = "content"
_SIGNATURE = "gpg_signature"
Pieces = AsyncIterator[memoryview]


@dataclass(slots=True)
class FormReader:
    """Reads a form part by part: fields into memory, bounded; the file onto the disk.

    `fields` are those for PyPI, in the order of the form.
    """

    uploads: Uploads
    token: ApiToken
    stack: AsyncExitStack
    fields: list[tuple[str, str]] = field(default_factory=list)
    length: int = 0
    size: int = 0
    skipped: int = 0
    filename: str | None = None
    content_type: str | None = None
    file: IncomingFile | None = None
    wants_session: bool = False
    problems: list[Problem] = field(default_factory=list)

    async def read(self, request: web.Request) -> None:
        """Read the form to its end. Raise if it cannot be read, or is too large."""
        self.length = request.content_length or 0
        parts = FormParts(request)
        count = 0
        async for head in parts.heads():
            count += 1
            if count > MOST_PARTS:
                raise TooLargeError(f"The form has more than {MOST_PARTS} parts.")
            await self._read_part(head, parts.content())

    def value_of(self, name: str) -> str | None:
        """Return a field's first value."""
        return next((value for key, value in self.fields if key == name), None)

    async def incoming_upload(self) -> IncomingUpload:
        """Return the upload. Raise `RefusedError` with every problem of the form itself."""
        if self.problems:
            raise RefusedError(self.problems)
        if self.file is None or self.filename is None:
            raise await self._missing_file()
        return IncomingUpload(tuple(self.fields), self.filename, self.content_type, self.file)

    async def _read_part(self, head: PartHead, content: Pieces) -> None:
        if head.is_form:
            raise InvalidRequestError("The form contains a nested form.")
        if head.filename is None:
            await self._read_field(head.name, content)
        elif head.name == _CONTENT and self.file is None:
            await self._read_file(head, content)
        else:
            await self._skip(head.name, content)

    async def _read_field(self, name: str, content: Pieces) -> None:
        value = bytearray()
        async for chunk in content:
            value += chunk
            self.size += len(chunk)
            if len(value) > LONGEST_FIELD or self.size > LONGEST_FORM:
                raise TooLargeError(f"The field {name[:80]} is too long.")
        try:
            text = value.decode()
        except UnicodeDecodeError:
            self.problems.append(Problem(name, f"{name}: the value is not UTF-8."))
            return
        if not _is_utf8(name):
            self.problems.append(Problem(name, f"{name}: the name is not UTF-8."))
        elif name == "staged":
            self.wants_session = text.lower() == "true"
        elif name == _CONTENT:
            self.problems.append(Problem(name, "Upload payload does not have a file."))
        else:
            self.fields.append((name, text))

    async def _read_file(self, head: PartHead, content: Pieces) -> None:
        """Read the file onto the disk. It is refused as soon as it is known why."""
        self.filename = _filename_of(head)
        named = self.filename or ""
        project, sha256 = self.value_of("name") or "", self.value_of("sha256_digest")
        allowance = await self.uploads.allowance(self.token, project, named, sha256)
        allowance.check(self.length - LONGEST_FORM)
        # The session object, which has it, would otherwise wait until the file is read again.
        md5 = self.wants_session or self.value_of("md5_digest") is not None
        file = await self.stack.enter_async_context(self.uploads.receive(md5=md5))
        start = Start(named)
        async for chunk in content:
            allowance.check(file.size + len(chunk))
            if error := start.find_error(chunk):
                # PyPI looks at the size first. That of the body is hardly larger.
                allowance.check(self.length - self.size)
                raise error
            await file.write(chunk)
        self.file = file
        self.content_type = head.headers.get("Content-Type")

    async def _skip(self, name: str, content: Pieces) -> None:
        """Read a file that is not used to its end. PyPI ignores signatures."""
        if name == _CONTENT:
            self.problems.append(Problem(name, "Upload payload has more than one file."))
        elif name != _SIGNATURE:
            self.problems.append(Problem(name, f"{name}: Should not be a tuple."))
        self.skipped += 1
        if self.skipped > MOST_FILES:
            raise TooLargeError(f"The form has more than {MOST_FILES} files.")
        async for chunk in content:
            self.size += len(chunk)
            if self.size > LONGEST_FORM:
                raise TooLargeError(f"The part {name[:80]} is too long.")

    async def _missing_file(self) -> RefusedError:
        """Return the problems of a form without a file, in PyPI's order."""
        found = await self.uploads.examiner.form_findings(self.token, tuple(self.fields))
        refused = refusals(found)
        problems = [Problem(one.source, one.message) for one in refused]
        return RefusedError([*problems, Problem(_CONTENT, "Upload payload does not have a file.")])


def _is_utf8(name: str) -> bool:
    """Return whether a name, which may be in an encoding of the client's choice, is text."""
    return not any("\ud800" <= one <= "\udfff" for one in name)


def _filename_of(head: PartHead) -> str | None:
    """Return the filename as it was sent. aiohttp removes leading slashes, which PyPI refuses."""
    message = email.message.Message()
    message["Content-Disposition"] = head.headers[hdrs.CONTENT_DISPOSITION]
    value = message.get_param("filename", header="Content-Disposition")
    if not isinstance(value, tuple):
        return value
    try:
        return email.utils.collapse_rfc2231_value(value)
    except UnicodeError as error:
        raise InvalidRequestError("Invalid Form Data.") from error
