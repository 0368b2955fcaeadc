"""PEP 694 as a client speaks it, message by message."""

import hashlib
import json
from dataclasses import dataclass
from typing import Any

from tests.support.asking import Answer
from tests.support.distributions import Distribution
from tests.support.service import RunningService

UPLOAD_2_0 = "application/vnd.pypi.upload.v2+json"
ROOT = "/upload/2.0/"
META = {"api-version": "2.0"}


@dataclass(frozen=True, slots=True)
class Pep694:
    """A client with a token of its own, or the admin's."""

    service: RunningService
    token: str | None = None

    async def ask(self, method: str, url: str, document: Any = None, **headers: str) -> Answer:
        """Return the answer to a message; a document gets its `meta` if it has none."""
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        bearer = f"Bearer {self.token or self.service.admin}"
        sent = {"Authorization": bearer, "Content-Type": UPLOAD_2_0} | given
        data = None if document is None else json.dumps({"meta": META} | document).encode()
        return await self.service.send(method, url, sent, data=data)

    async def session(self, name: str = "demo", version: str | None = "2.0") -> Any:
        """Return a new session."""
        return (await self.ask("POST", ROOT, {"name": name, "version": version})).document

    async def announce(self, session: Any, file: Distribution, **changes: Any) -> Answer:
        """Return the answer to a file that is announced."""
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
        bearer = f"Bearer {self.token or self.service.admin}"
        sent = {"Authorization": bearer, "Content-Type": "application/octet-stream"} | given
        url = upload["mechanism"]["file_url"]
        return await self.service.send("POST", url, sent, data=content)

    async def complete(self, upload: Any) -> Answer:
        """Return the answer to an upload that is said to be complete."""
        return await self.ask("POST", upload["links"]["complete"], {})

    async def upload(self, session: Any, file: Distribution, **changes: Any) -> Answer:
        """Announce, send and complete a file; return the last answer."""
        announced = await self.announce(session, file, **changes)
        assert announced.status == 202, announced.text
        await self.send(announced.document, file.content)
        return await self.complete(announced.document)
