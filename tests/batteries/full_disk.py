"""What a server does on a disk without a free byte, when it starts there, and with room again."""

import asyncio
import hashlib
import io
import json
import os
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any
from urllib.parse import urlsplit

from aiohttp import FormData

from tests.batteries.report import SEED, BatteryReport
from tests.batteries.restartable_server import RestartableServer
from tests.batteries.small_disk import SmallDisk
from tests.batteries.uploaders import half_written
from tests.support.builders.distributions import Distribution, a_wheel, upload_form
from tests.support.servers.processes import Server, StageLinks

DISK_MIB = 24
TOO_MUCH = 22 * 2**20
DONE = range(200, 300)
FULL = 507
PATIENCE = 30
META = {"meta": {"api-version": "2.0"}}
SESSION = {"Content-Type": "application/vnd.pypi.upload.v2+json"}


@dataclass(slots=True)
class FullDisk:
    """A server on a small disk. *counts*: what was tried; *violations*: what should not be."""

    disk: SmallDisk
    servers: RestartableServer
    random: Random = field(default_factory=lambda: Random(SEED))
    counts: Counter[str] = field(default_factory=Counter)
    violations: list[str] = field(default_factory=list)
    number: int = 0

    async def round(self) -> None:
        """Make a stage for each action, fill the disk, and try all of them in a random order."""
        await self.upload_too_much()
        stages = {name: await self.servers.running.stage(self.wheel(name)) for name in ACTIONS}
        stages["promote"] = await self.servers.running.stage(self.wheel("promote"))
        token = await self.servers.running.make_token(project="demo", can="upload")
        self.disk.fill()
        for name in self.random.sample([*ACTIONS], len(ACTIONS)):
            self.disk.fill()
            await self.expect(name, *await ACTIONS[name](self, stages[name]))
        await self.expect("revoke", *await self.ask("DELETE", f"tokens/{token['id']}"))
        await self.sweep()
        if not await self.restart(stages["upload"]):
            return
        await self.expect("promote", *await self.promote(stages["promote"]))
        self.disk.free()
        await self.expect("upload with room", *await self.upload(self.wheel("later")))
        self.violations += [f"half written: {one}" for one in await half_written(self.server)]

    async def upload_too_much(self) -> None:
        """Send a file that does not fit, then one that does, to the same process."""
        large = self.wheel("large", self.random.randbytes(TOO_MUCH))
        await self.expect("too large a file", *await self.upload(large), wanted=(FULL,))
        left = [*(self.disk.folder / "files" / "incoming").iterdir()]
        self.violations += [f"left of a refused upload: {one.name}" for one in left]
        await self.expect("a smaller file", *await self.upload(self.wheel("small")))

    async def restart(self, stage: StageLinks) -> bool:
        """Stop the server on the full disk, fill what that has freed, and start it again."""
        await self.servers.end()
        self.disk.fill()
        self.counts["restarts"] += 1
        try:
            await self.servers.start()
        except AssertionError as error:
            self.violations.append(f"restart: {str(error).splitlines()[-1]}")
            return False
        await self.expect(
            "read after the restart", *await self.server.ask("GET", _path(stage.only))
        )
        status, body = await self.server.ask("GET", "/health/ready")
        if status != 503 or "storage.min_free" not in json.loads(body)["checks"]["disk"]:
            self.violations.append(f"ready on a full disk: {status} {body.decode()}")
        await self.expect("rotate", *await self.ask("POST", f"stages/{stage.id}/rotate"))
        return True

    async def sweep(self) -> None:
        """Delete old files: there has to be more room afterwards."""
        old = self.disk.folder / "files" / "incoming" / "left"
        self.disk.free()
        old.write_bytes(bytes(2**20))
        os.utime(old, (0, 0))
        self.disk.fill()
        await self.expect("sweep", *await self.ask("POST", "sweep", {"dry-run": False}))
        if old.exists():
            self.violations.append("a sweep on a full disk deleted nothing")

    async def promote(self, stage: StageLinks) -> tuple[int, bytes]:
        """Publish a release, and wait for its end."""
        plan = {"publisher": "server"}
        path = f"stages/{stage.id}/promotion"
        status, body = await self.ask("POST", f"{path}/plan", plan)
        if status not in DONE:
            return status, body
        shown = json.loads(body)
        order = {"manifest-digest": shown["manifest-digest"], "publisher": "server"}
        order |= {"acknowledged": shown["warnings-digest"]}
        status, body = await self.ask("POST", path, order)
        async with asyncio.timeout(PATIENCE):
            while status in DONE and json.loads(body)["status"] == "processing":
                status, body = await self.ask("GET", path)
        progress = set(self.servers.progress(stage).values())
        if status in DONE and progress != {"confirmed"}:
            self.violations.append(f"promotion: the journal has {progress}")
        return status, body

    async def expect(
        self, what: str, status: int, body: bytes, wanted: range | tuple[int, ...] = DONE
    ) -> None:
        """Count an action, and note it unless it has a wanted status."""
        self.counts[what] += 1
        if status not in wanted:
            self.violations.append(f"{what}: {status} {body[:300].decode(errors='replace')}")

    async def ask(
        self, method: str, path: str, body: Mapping[str, Any] | None = None
    ) -> tuple[int, bytes]:
        """Return the answer of the API."""
        return await self.server.ask(method, f"/api/{path}", body=body)

    async def upload(self, wheel: Distribution) -> tuple[int, bytes]:
        """Upload a file by the legacy API."""
        form = FormData([*upload_form(wheel), ("staged", "true")])
        form.add_field("content", io.BytesIO(wheel.content), filename=wheel.filename)
        return await self.server.ask("POST", "/legacy/", form=form)

    def wheel(self, what: str, noise: bytes = b"") -> Distribution:
        """Return a new wheel."""
        self.number += 1
        noise = noise or self.random.randbytes(1000)
        return a_wheel(f"{what.replace(' ', '-')}-{self.number}", extra={"noise": noise})

    @property
    def server(self) -> Server:
        """The running server."""
        return self.servers.running

    def report(self, planted: str = "") -> BatteryReport:
        """Return what was found, in the log too."""
        lines = (self.servers.folder / "stderr").read_text().splitlines()
        traces = [f"log: {one}" for one in lines if "Traceback" in one]
        return BatteryReport(
            "full-disk", SEED, dict(self.counts), [*self.violations, *traces], planted
        )


async def _upload(full: FullDisk, _: StageLinks) -> tuple[int, bytes]:
    """Upload another file: refused, with what to do."""
    status, body = await full.upload(full.wheel("refused"))
    is_clear = status == FULL and b"free" in body
    return (200, b"") if is_clear else (status, body)


async def _announce(full: FullDisk, stage: StageLinks) -> tuple[int, bytes]:
    """Announce a file by PEP 694: refused, with what to do."""
    wheel = full.wheel("announced")
    document = {
        **META,
        "filename": wheel.filename,
        "size": len(wheel.content),
        "hashes": {"sha256": hashlib.sha256(wheel.content).hexdigest()},
        "mechanism": "http-post-bytes",
    }
    path = f"/upload/2.0/sessions/{stage.id}/files"
    status, body = await full.server.ask("POST", path, body=document, headers=SESSION)
    is_clear = status == FULL and b"free" in body
    return (200, b"") if is_clear else (status, body)


async def _withdraw(full: FullDisk, stage: StageLinks) -> tuple[int, bytes]:
    _status, body = await full.ask("GET", f"stages/{stage.id}")
    [name] = json.loads(body)["files"]
    return await full.ask("DELETE", f"stages/{stage.id}/files/{name}")


async def _extend(full: FullDisk, stage: StageLinks) -> tuple[int, bytes]:
    return await full.ask("POST", f"stages/{stage.id}/extend", {"extend-for": "3d"})


async def _rotate(full: FullDisk, stage: StageLinks) -> tuple[int, bytes]:
    return await full.ask("POST", f"stages/{stage.id}/rotate")


async def _cancel(full: FullDisk, stage: StageLinks) -> tuple[int, bytes]:
    return await full.ask("DELETE", f"stages/{stage.id}")


async def _read(full: FullDisk, stage: StageLinks) -> tuple[int, bytes]:
    status, body = await full.server.ask("GET", _path(stage.only))
    return status, body


ACTIONS: Mapping[str, Callable[[FullDisk, StageLinks], Awaitable[tuple[int, bytes]]]] = {
    "upload": _upload,
    "announce": _announce,
    "withdraw": _withdraw,
    "extend": _extend,
    "rotate": _rotate,
    "cancel": _cancel,
    "read": _read,
}


def _path(url: str) -> str:
    """Return the path of a URL: after a restart, the server has another port."""
    return urlsplit(url).path


async def run(folder: Path, rounds: int, *, planted: str = "", **settings: str) -> BatteryReport:
    """Run the battery with a disk and a server of its own."""
    with SmallDisk.mounted(folder / "data", DISK_MIB) as disk:
        async with RestartableServer.open(folder, **settings) as servers:
            full = FullDisk(disk, servers)
            for number in range(rounds):
                if number:
                    # A start makes the reserve again, which a running server does each minute.
                    await servers.end()
                    await servers.start()
                await full.round()
        return full.report(planted)
