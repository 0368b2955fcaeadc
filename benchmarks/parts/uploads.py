"""Uploads of a large wheel, beside minimal servers that do the same with it."""

import asyncio
import hashlib
import json
import os
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.goals import Figure, Goal, Row, Samples
from benchmarks.processor import forget_peak_of, memory_of, seconds_of
from benchmarks.profiles import explained
from benchmarks.rounds import alternate
from benchmarks.run import Part, Run
from benchmarks.servers.children import running_child
from benchmarks.servers.stageproxy import Profiled, running_stageproxy
from benchmarks.servers.upstream import SMALL
from benchmarks.uploader import Uploader
from tests.support.builders.large_wheel import write_large_wheel
from tests.support.servers.processes import Server

_SAME = "a bare handler with the same digests"
_SHA256 = "a bare handler with sha256 alone"
_MIB = 2**20

TO_SAME = Goal("upload of a large wheel", _SAME, unit="MiB/s", least=0.95)
TO_SHA256 = Goal(
    "upload of a large wheel",
    _SHA256,
    unit="MiB/s",
    least=0.65,
    reason="Processors have instructions for SHA-256 and none for BLAKE2b, which names the file:"
    " its digest takes longer than everything else, however many cores there are.",
)
MEMORY = Goal("memory that an upload adds", unit="MiB", figure=Figure.ALONE, most=64)


@dataclass(frozen=True, slots=True)
class StagedUpload:
    """Uploads to a server that is in the same state before each of them."""

    ours: Profiled
    uploader: Uploader
    grown: list[float] = field(default_factory=list)

    async def rate(self) -> float:
        """Upload the file to a new stage, and return MiB a second."""
        await end_stages(self.ours.server)
        before = memory_of(self.ours.pid)
        forget_peak_of(self.ours.pid)
        rate = await rate_of(self.uploader)
        self.grown.append((memory_of(self.ours.pid, "VmHWM") - before) / _MIB)
        return rate


async def rate_of(uploader: Uploader) -> float:
    """Upload the file, and return MiB a second."""
    return uploader.file.stat().st_size / _MIB / await uploader.seconds()


async def end_stages(server: Server) -> None:
    """Cancel all open stages."""
    _, body = await server.ask("GET", "/api/stages")
    for stage in json.loads(body)["stages"]:
        if stage["status"] == "open":
            await server.ask("DELETE", f"/api/stages/{stage['id']}")


def form_of(wheel: Path, version: str) -> dict[str, str]:
    """Return the fields of the form of a wheel."""
    with wheel.open("rb") as opened:
        sha256 = hashlib.file_digest(opened, "sha256").hexdigest()
    return {
        ":action": "file_upload",
        "protocol_version": "1",
        "metadata_version": "2.4",
        "name": SMALL,
        "version": version,
        "filetype": "bdist_wheel",
        "pyversion": "py3",
        "sha256_digest": sha256,
    }


async def measure(run: Run) -> AsyncIterator[Row]:
    """Upload a large wheel to each server, one at a time."""
    wheel = await asyncio.to_thread(write_large_wheel, run.folder, run.size, version="2.0")
    form = await asyncio.to_thread(form_of, wheel, "2.0")
    limit = await asyncio.to_thread(_limit, wheel)
    async with (
        running_child("upstream") as upstream,
        running_child("bare_uploads", str(run.new_folder("bare"))) as bare,
        running_stageproxy(run, upstream__url=upstream.url) as ours,
    ):
        token = ours.server.admin_token
        staged = StagedUpload(ours, Uploader(f"{ours.server.url}/legacy/", wheel, form, token))
        same, sha256 = (Uploader(f"{bare.url}/{name}", wheel, form) for name in ("same", "sha256"))
        used = seconds_of(ours.pid), seconds_of(bare.pid)
        numbers = await alternate(
            run.rounds, staged.rate, lambda: rate_of(same), lambda: rate_of(sha256)
        )
        limit += _processor_time(
            run, seconds_of(ours.pid) - used[0], seconds_of(bare.pid) - used[1]
        )
        rows = [
            Row(TO_SAME, Samples(numbers[0], numbers[1]), limit),
            Row(TO_SHA256, Samples(numbers[0], numbers[2]), limit),
            Row(MEMORY, Samples(tuple(staged.grown))),
        ]
        for row in rows:
            yield await explained(row, ours, staged.rate)


def _processor_time(run: Run, ours: float, bare: float) -> str:
    return (
        f" Processor time for an upload: {ours / run.rounds:.2f} s in stageproxy,"
        f" {bare / run.rounds / 2:.2f} s in the bare handlers on average."
    )


def _limit(wheel: Path) -> str:
    """Return how fast this machine hashes the wheel on one core, and writes it to the disk."""
    rates = {name: _hashing(wheel, name) for name in ("sha256", "blake2b", "md5")}
    each = ", ".join(f"{name} {rate:,.0f} MiB/s" for name, rate in rates.items())
    return (
        f"The wheel has {wheel.stat().st_size / _MIB:,.0f} MiB."
        f" On one core, {each}; written and flushed {_writing(wheel):,.0f} MiB/s."
    )


def _hashing(wheel: Path, name: str) -> float:
    began = time.thread_time()
    with wheel.open("rb") as opened:
        hashlib.file_digest(opened, name)
    return wheel.stat().st_size / _MIB / (time.thread_time() - began)


def _writing(wheel: Path) -> float:
    copy = wheel.with_suffix(".copy")
    began = time.perf_counter()
    with wheel.open("rb") as opened, copy.open("wb", buffering=0) as written:
        while chunk := opened.read(_MIB):
            written.write(chunk)
        os.fsync(written.fileno())
    took = time.perf_counter() - began
    copy.unlink()
    return wheel.stat().st_size / _MIB / took


PART = Part(
    "uploads",
    "uploads of a wheel of 1 GiB (`--size`)",
    (TO_SAME, TO_SHA256, MEMORY),
    measure,
)
