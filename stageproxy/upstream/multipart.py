"""The multipart body of an upload, as twine formats it: the fields, then the file."""

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
"""Escapes of characters that quoted values must not contain, as in browsers and twine."""


class UploadBody:
    """The body of one request, read from *file* while it is sent.

    The last chunk is held back until the size and the SHA-256 of the file are
    verified. If they do not match, the body remains incomplete and the index
    refuses it. *progress* is called with the number of bytes of the file sent.
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
        self._upload_request = upload_request
        self._file = file
        self.progress = progress
        self._digest = hashlib.sha256()
        self._read = 0
        self._next = head
        self._sent: int | None = None
        self.content_type = f"multipart/form-data; boundary={boundary}"
        self.length = len(head) + upload_request.size + len(self._tail)
        self.is_complete = False
        self.damage: DamagedArtifactError | None = None

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> bytes:
        """Return the next chunk, after the previous one was sent."""
        if self._sent is not None:
            self.progress(self._sent)
        if self.is_complete:
            raise StopAsyncIteration
        chunk, self._sent = self._next, self._read
        self._next = await asyncio.to_thread(self._read_next)
        if self._next:
            return chunk
        self.is_complete = True
        return chunk + self._tail

    def _read_next(self) -> bytes:
        """Return the next bytes of the file, none at its end. Raise if the file is damaged."""
        try:
            chunk = self._file.read(_CHUNK)
        except OSError as error:
            raise self._damaged() from error
        self._digest.update(chunk)
        self._read += len(chunk)
        is_end = not chunk or self._read > self._upload_request.size
        expected = (self._upload_request.size, self._upload_request.sha256)
        if is_end and (self._read, self._digest.hexdigest()) != expected:
            raise self._damaged()
        return chunk

    def _damaged(self) -> DamagedArtifactError:
        self.damage = DamagedArtifactError(self._upload_request.filename)
        return self.damage


def _head(boundary: str, fields: FormFields, filename: str) -> bytes:
    """Return the part of the body before the bytes of the file."""
    start = f'--{boundary}\r\nContent-Disposition: form-data; name="'
    texts = [f'{start}{_quoted(name)}"\r\n\r\n{value}\r\n' for name, value in fields]
    file = f'{start}content"; filename="{_quoted(filename)}"\r\n'
    return "".join([*texts, file, "Content-Type: application/octet-stream\r\n\r\n"]).encode()


def _quoted(text: str) -> str:
    return text.translate(_ESCAPES)
