"""A client of PEP 694, message by message."""

import asyncio
import hashlib
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from tests.support.builders.distributions import Distribution
from tests.support.clients.http import Answer
from tests.support.index.fake_index import Quirks
from tests.support.servers.service import RunningService

UPLOAD_2_0 = "application/vnd.pypi.upload.v2+json"
ROOT = "/upload/2.0/"
META = {"api-version": "2.0"}


@dataclass(frozen=True, slots=True)
class Pep694Client:
    """A client with its own token, or the admin's."""

    service: RunningService
    token: str | None = None

    @property
    def _bearer(self) -> str:
        return f"Bearer {self.token or self.service.admin}"

    async def ask(self, method: str, url: str, document: Any = None, **headers: str) -> Answer:
        """Return the answer to a message; `meta` is added to the document."""
        data = None if document is None else json.dumps({"meta": META} | document).encode()
        return await self.say(method, url, data, **headers)

    async def say(self, method: str, url: str, data: bytes | None, **headers: str) -> Answer:
        """Return the answer to a message of any bytes."""
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        sent = {"Authorization": self._bearer, "Content-Type": UPLOAD_2_0} | given
        return await self.service.send(method, url, sent, data=data)

    async def session(self, name: str = "demo", version: str | None = "2.0") -> Any:
        """Return a new session."""
        return (await self.ask("POST", ROOT, {"name": name, "version": version})).document

    async def announce(self, session: Any, file: Distribution, **changes: Any) -> Answer:
        """Return the answer to the announcement of a file."""
        document = {
            "filename": file.filename,
            "size": len(file.content),
            "hashes": {"sha256": hashlib.sha256(file.content).hexdigest()},
            "mechanism": "http-post-bytes",
        }
        return await self.ask("POST", session["links"]["upload"], document | changes)

    async def send(self, upload: Any, content: bytes, **headers: str) -> Answer:
        """Return the answer to the bytes of a file."""
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        sent = {"Authorization": self._bearer, "Content-Type": "application/octet-stream"} | given
        url = upload["mechanism"]["file_url"]
        return await self.service.send("POST", url, sent, data=content)

    async def complete(self, upload: Any) -> Answer:
        """Return the answer to the completion of an upload."""
        return await self.ask("POST", upload["links"]["complete"], {})

    async def upload(self, session: Any, file: Distribution, **changes: Any) -> Answer:
        """Announce, send and complete a file; return the last answer."""
        announced = await self.announce(session, file, **changes)
        assert announced.status == 202, announced.text
        await self.send(announced.document, file.content)
        return await self.complete(announced.document)

    async def sent(self, session: Any, file: Distribution, **changes: Any) -> Any:
        """Announce a file and send its bytes; return the pending upload."""
        announced = await self.announce(session, file, **changes)
        assert announced.status == 202, announced.text
        answer = await self.send(announced.document, file.content)
        assert answer.status == 201, answer.text
        return announced.document

    async def attest(self, upload: Any, attestations: Any) -> Answer:
        """Return the answer to attestations; bytes are sent unchanged."""
        is_raw = isinstance(attestations, bytes)
        data = attestations if is_raw else json.dumps(attestations).encode()
        url = upload["mechanism"]["attestations_url"]
        sent = {"Authorization": self._bearer, "Content-Type": "application/json"}
        return await self.service.send("POST", url, sent, data=data)

    async def try_everything(self, upload: str, path: str) -> list[Answer]:
        """Return the answers to every request for a path below the URL of an upload."""
        match path:
            case "":
                return [await self.ask(one, upload) for one in ("GET", "HEAD", "DELETE")]
            case "/bytes":
                return [await self.send({"mechanism": {"file_url": upload + path}}, b"x")]
            case "/attestations":
                return [await self.attest({"mechanism": {"attestations_url": upload + path}}, [])]
            case _:
                return [await self.ask("POST", upload + path, {"extend-for": 60})]

    async def extend(self, upload: Any, seconds: int) -> Answer:
        """Return the answer to the extension of an upload."""
        return await self.ask("POST", upload["links"]["extend"], {"extend-for": seconds})

    async def delete(self, upload: Any) -> Answer:
        """Return the answer to the deletion of an upload."""
        return await self.ask("DELETE", upload["links"]["file-upload-session"])

    async def publish(self, session: Any, **document: Any) -> Answer:
        """Return the answer to the publication of a session."""
        return await self.ask("POST", f"{session['links']['session']}/publish", document)

    async def show(self, session: Any) -> Any:
        """Return a session as it is now."""
        return (await self.ask("GET", session["links"]["session"])).document

    async def until_over(self, session: Any) -> Any:
        """Wait until a session is not processing any more, and return it."""
        async with asyncio.timeout(60):
            while (answer := await self.show(session))["status"] == "processing":
                pass
        return answer

    async def status(self, upload: Any) -> str:
        """Return the status of an upload, from its own URL."""
        answer = await self.ask("GET", upload["links"]["file-upload-session"])
        return str(answer.document["status"])

    async def files(self, session: Any) -> dict[str, str]:
        """Return the status of each file of a session."""
        answer = (await self.ask("GET", session["links"]["session"])).document
        return {name: one["status"] for name, one in answer["files"].items()}

    @asynccontextmanager
    async def processing(self, upload: Any) -> AsyncIterator[asyncio.Task[Answer]]:
        """Complete an upload, which is being processed while the block runs.

        The value is a task with the answer, which is complete after the block.
        """
        released, index = asyncio.Event(), self.service.index
        asked = len(index.requests)
        index.quirks = Quirks(hold=released)
        async with asyncio.TaskGroup() as group:
            completing = group.create_task(self.complete(upload))
            while len(index.requests) == asked:
                assert await self.status(upload) in {"pending", "processing"}
            index.quirks = Quirks()
            try:
                yield completing
            finally:
                released.set()
