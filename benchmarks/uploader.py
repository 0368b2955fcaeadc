"""A client of uploads that costs as little as possible: the kernel sends the file."""

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import urlsplit

_BOUNDARY = "a-boundary-between-the-parts-of-a-form"
_SECONDS = 300


@dataclass(frozen=True, slots=True)
class Uploader:
    """A file that is sent to one URL, with the fields of its form."""

    url: str
    file: Path
    fields: Mapping[str, str]
    token: str = field(default="", repr=False)

    async def seconds(self) -> float:
        """Upload the file, and return how long it took until the answer."""
        return await asyncio.to_thread(self._upload)

    def _upload(self) -> float:
        parts = urlsplit(self.url)
        connection = HTTPConnection(parts.netloc, timeout=_SECONDS)
        head, tail = self._around()
        began = time.perf_counter()
        with self.file.open("rb") as content:
            connection.putrequest("POST", parts.path)
            connection.putheader("Content-Type", f"multipart/form-data; boundary={_BOUNDARY}")
            length = len(head) + self.file.stat().st_size + len(tail)
            connection.putheader("Content-Length", str(length))
            if self.token:
                connection.putheader("Authorization", f"Bearer {self.token}")
            connection.endheaders(head)
            connection.sock.sendfile(content)
            connection.send(tail)
        answer = connection.getresponse()
        text = answer.read().decode()
        took = time.perf_counter() - began
        connection.close()
        if not 200 <= answer.status < 300:  # noqa: PLR2004
            raise RuntimeError(f"An upload got {answer.status}: {text}")
        return took

    def _around(self) -> tuple[bytes, bytes]:
        """Return what comes before the file, and after it."""
        disposition = "Content-Disposition: form-data; name="
        fields = "".join(
            f'--{_BOUNDARY}\r\n{disposition}"{name}"\r\n\r\n{text}\r\n'
            for name, text in self.fields.items()
        )
        content = f'{disposition}"content"; filename="{self.file.name}"'
        kind = "Content-Type: application/octet-stream"
        head = f"{fields}--{_BOUNDARY}\r\n{content}\r\n{kind}\r\n\r\n"
        return head.encode(), f"\r\n--{_BOUNDARY}--\r\n".encode()
