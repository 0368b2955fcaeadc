"""A server that is killed during PEP 694 uploads: what it stored is there afterwards."""

import asyncio
import hashlib
import json
from contextlib import AbstractAsyncContextManager, suppress
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientError, ClientSession

from tests.support.builders.distributions import Distribution, a_wheel, an_sdist
from tests.support.clients.pep694 import META, ROOT, UPLOAD_2_0
from tests.support.index.fake_index import FakeIndex, Quirks
from tests.support.servers.processes import Server, running_server

pytestmark = pytest.mark.journey

WHEEL = a_wheel(version="2.0")
SDIST = an_sdist(version="2.0")
OTHER = a_wheel(version="2.0", tag="py2-none-any")


class _KilledError(Exception):
    """The server was killed."""


def started(folder: Path, index: FakeIndex) -> AbstractAsyncContextManager[Server]:
    """Start a server on the data of the last one."""
    settings = {"UPSTREAM__URL": index.url}
    return running_server(folder / "data", logs=folder, settings=settings)


async def request(
    server: Server, method: str, url: str, body: Any = None, kind: str = UPLOAD_2_0
) -> Any:
    """Return the answer of a server to a URL, whose port was another before the restart."""
    path = url if url.startswith("/") else "/" + url.split("/", 3)[3]
    data = body if isinstance(body, bytes) else json.dumps({"meta": META} | (body or {})).encode()
    headers = {"Authorization": f"Bearer {server.admin_token}", "Content-Type": kind}
    sent = None if method == "GET" else data
    async with (
        ClientSession(headers=headers) as session,
        session.request(method, server.url + path, data=sent) as response,
    ):
        answer = await response.read()
        assert response.status < 500, answer
        return json.loads(answer) if answer else {}


async def sent(server: Server, session: Any, file: Distribution) -> Any:
    """Announce a file and send its bytes; return the upload."""
    announced = {
        "filename": file.filename,
        "size": len(file.content),
        "hashes": {"sha256": hashlib.sha256(file.content).hexdigest()},
        "mechanism": "http-post-bytes",
    }
    upload = await request(server, "POST", session["links"]["upload"], announced)
    url = upload["mechanism"]["file_url"]
    await request(server, "POST", url, file.content, "application/octet-stream")
    return upload


async def test_killed_during_uploads(tmp_path: Path, index: FakeIndex) -> None:
    """Received files can be completed after a restart; examined ones are in error.

    No acknowledged byte has to be sent again.
    """
    created = {"name": "demo", "version": "2.0"}
    with suppress(_KilledError):
        async with started(tmp_path, index) as server:
            session = await request(server, "POST", ROOT, created)
            pending = [await sent(server, session, one) for one in (WHEEL, SDIST)]
            hit = await sent(server, session, OTHER)
            index.quirks = Quirks(hold=asyncio.Event())
            await asyncio.gather(_complete_in_vain(server, hit), _kill_meanwhile(server, hit))
    index.quirks = Quirks()

    async with started(tmp_path, index) as server:
        before = (await request(server, "GET", session["links"]["session"]))["files"]
        completed = [await request(server, "POST", one["links"]["complete"]) for one in pending]
        await request(server, "DELETE", hit["links"]["file-upload-session"])
        again = await sent(server, session, OTHER)
        completed.append(await request(server, "POST", again["links"]["complete"]))
        after = (await request(server, "GET", session["links"]["session"]))["files"]

    assert {name: one["status"] for name, one in before.items()} == {
        WHEEL.filename: "pending",
        SDIST.filename: "pending",
        OTHER.filename: "error",
    }
    assert before[OTHER.filename]["notices"] == [
        "The server stopped while it was checking the file. Delete this upload and start again."
    ]
    assert [one["status"] for one in completed] == ["completed"] * 3
    assert {name: one["hashes"]["sha256"] for name, one in after.items()} == {
        one.filename: one.sha256 for one in (WHEEL, SDIST, OTHER)
    }


async def _complete_in_vain(server: Server, upload: Any) -> None:
    with suppress(ClientError, OSError):
        await request(server, "POST", upload["links"]["complete"])


async def _kill_meanwhile(server: Server, upload: Any) -> None:
    url = upload["links"]["file-upload-session"]
    while (await request(server, "GET", url))["status"] != "processing":
        pass
    server.process.kill()
    await server.process.wait()
    raise _KilledError
