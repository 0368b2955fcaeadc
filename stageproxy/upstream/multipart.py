"""Here is the body of an upload, as twine spells it: the fields, then one file."""

import asyncio
import hashlib
import secrets
from collections.abc import Callable
from typing import BinaryIO, Self

from stageproxy.core.errors import DamagedArtifactError
from stageproxy.core.values import FormFields
from stageproxy.ports import UploadRequest

_CHUNK = 2**18
_ESCAPES = str.maketrans({'"': "%22", "\r": "%0D", "\n": "%0A"})
"""What cannot stand within quotes, as browsers and twine spell it."""


class UploadBody:
    """The body of one request, read from *file* while it goes out.

    The last piece is held back until the whole file has turned out to be what
    the parcel says; if it is not, the body stays incomplete, so that nobody
    can take it for an upload. *progress* is told how many bytes of the file are out.
    """

    def __init__(
        self,
        upload_request: UploadRequest,
        file: BinaryIO,
        progress: Callable[[int], None] = lambda _: None,
    ) -> None:
        boundary = secrets.token_hex(16)
        head = _head(boundary, upload_request.fields, upload_request.filename)
        self._tail = f"\r\n--{boundary}--\r\n".encode()
        self._parcel = upload_request
        self._file = file
        self.progress = progress
        self._digest = hashlib.sha256()
        self._read = 0
        self._next = head
        self._out: int | None = None
        self.content_type = f"multipart/form-data; boundary={boundary}"
        self.length = len(head) + upload_request.size + len(self._tail)
        self.is_whole = False
        self.damage: DamagedArtifactError | None = None

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> bytes:
        """Return the next piece; the one before it is out."""
        if self._out is not None:
            self.progress(self._out)
        if self.is_whole:
            raise StopAsyncIteration
        piece, self._out = self._next, self._read
        self._next = await asyncio.to_thread(self._read_on)
        if self._next:
            return piece
        self.is_whole = True
        return piece + self._tail

    def _read_on(self) -> bytes:
        """Return the next bytes of the file, none at its end; raise if it is another one."""
        try:
            chunk = self._file.read(_CHUNK)
        except OSError as error:
            raise self._damaged() from error
        self._digest.update(chunk)
        self._read += len(chunk)
        is_end = not chunk or self._read > self._parcel.size
        expected = (self._parcel.size, self._parcel.sha256)
        if is_end and (self._read, self._digest.hexdigest()) != expected:
            raise self._damaged()
        return chunk

    def _damaged(self) -> DamagedArtifactError:
        self.damage = DamagedArtifactError(self._parcel.filename)
        return self.damage


def _head(boundary: str, fields: FormFields, filename: str) -> bytes:
    """Return all that goes before the bytes of the file."""
    start = f'--{boundary}\r\nContent-Disposition: form-data; name="'
    texts = [f'{start}{_quoted(name)}"\r\n\r\n{value}\r\n' for name, value in fields]
    file = f'{start}content"; filename="{_quoted(filename)}"\r\n'
    return "".join([*texts, file, "Content-Type: application/octet-stream\r\n\r\n"]).encode()


def _quoted(text: str) -> str:
    return text.translate(_ESCAPES)
