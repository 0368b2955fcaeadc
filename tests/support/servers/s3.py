"""S3-compatible servers for tests: moto for semantics, ministack for signed URLs.

moto takes every signature. ministack refuses signed URLs that were changed or have expired.
Neither checks the secret of a request, or a checksum.
"""

import os
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from secrets import token_hex
from time import sleep
from typing import Any

import boto3

ACCESS_KEY = "a-test-key"
SECRET = "a-test-secret"
REGION = "us-east-1"
LISTED_AT_ONCE = 50
"""How many objects are on one page of a list."""

_START_SECONDS = 60
_STOP_SECONDS = 20


@dataclass(frozen=True, slots=True)
class S3Server:
    """A running S3-compatible server."""

    endpoint: str

    def create_bucket(self) -> str:
        """Create a bucket, and return its name."""
        name = f"bucket-{token_hex(6)}"
        self._client().create_bucket(Bucket=name)
        return name

    def replace(self, bucket: str, sha256: str, content: bytes) -> None:
        """Put other bytes in the place of the one object of a file, behind the server's back."""
        [key] = [one for one in self.keys(bucket) if sha256 in one]
        self._client().put_object(Bucket=bucket, Key=key, Body=content)

    def keys(self, bucket: str) -> list[str]:
        """Return the names of all objects of a bucket."""
        pages = self._client().get_paginator("list_objects_v2").paginate(Bucket=bucket)
        return [one["Key"] for page in pages for one in page.get("Contents", [])]

    def _client(self) -> Any:
        return boto3.client(
            "s3",
            endpoint_url=self.endpoint,
            aws_access_key_id=ACCESS_KEY,
            aws_secret_access_key=SECRET,
            region_name=REGION,
        )

    def settings(self, bucket: str, prefix: str = "files") -> Mapping[str, str]:
        """Return the settings of a server that uses a bucket, as variables without their prefix."""
        return {
            "STORAGE__FILES": f"s3://{bucket}/{prefix}",
            "S3__ENDPOINT": self.endpoint,
            "S3__REGION": REGION,
            "S3__ACCESS_KEY_ID": ACCESS_KEY,
            "S3__SECRET_ACCESS_KEY": SECRET,
        }


@contextmanager
def running_moto(folder: Path) -> Iterator[S3Server]:
    """Run moto until the block ends: it keeps everything in memory."""
    port = _free_port()
    command = ["-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    given = {"MOTO_S3_DEFAULT_MAX_KEYS": str(LISTED_AT_ONCE)}
    with _running(command, folder, port, given) as server:
        yield server


@contextmanager
def running_ministack(folder: Path) -> Iterator[S3Server]:
    """Run ministack until the block ends, with its files in a folder."""
    port = _free_port()
    given = {
        "BIND_HOST": "127.0.0.1",
        "GATEWAY_PORT": str(port),
        "TMPDIR": str(folder),
        "AWS_ACCESS_KEY_ID": ACCESS_KEY,
        "AWS_SECRET_ACCESS_KEY": SECRET,
    }
    command = ["-c", "from ministack.app import main; main()"]
    with _running(command, folder, port, given) as server:
        yield server


@contextmanager
def _running(
    command: Sequence[str], folder: Path, port: int, given: Mapping[str, str]
) -> Iterator[S3Server]:
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "log").open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, *command], env={**os.environ, **given}, stdout=log, stderr=log
        )
    try:
        _wait_until_it_listens(process, port)
        yield S3Server(f"http://127.0.0.1:{port}")
    finally:
        process.terminate()
        try:
            process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait_until_it_listens(process: subprocess.Popen[bytes], port: int) -> None:
    for _ in range(_START_SECONDS * 50):
        assert process.poll() is None, "the S3 server has ended"
        with suppress(ConnectionRefusedError), socket.create_connection(("127.0.0.1", port)):
            return
        sleep(0.02)
    raise AssertionError("the S3 server does not listen")


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as found:
        return int(found.getsockname()[1])
