"""A service whose staged files are in a bucket."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from itertools import repeat
from pathlib import Path
from typing import Any

from tests.support.index.fake_index import FakeIndex
from tests.support.servers.faulty_s3 import FaultyS3, S3Fault, faulty_s3
from tests.support.servers.s3 import ACCESS_KEY, REGION, SECRET, S3Server
from tests.support.servers.service import RunningService, running_service

SOON = "2s"
"""How long servers of tests wait for a store that does not answer."""


def settings_of(endpoint: str, bucket: str, **changes: Any) -> Mapping[str, Mapping[str, Any]]:
    """Return the settings of a server that uses a bucket, with *changes* of its section."""
    s3 = {
        "endpoint": endpoint,
        "region": REGION,
        "access_key_id": ACCESS_KEY,
        "secret_access_key": SECRET,
        **changes,
    }
    return {"storage": {"files": f"s3://{bucket}/files"}, "s3": s3}


@dataclass(frozen=True, slots=True)
class FailingBucket:
    """A service, and the proxy to its bucket that fails as it is asked to."""

    name: str
    service: RunningService
    proxy: FaultyS3

    def fail(
        self, fault: S3Fault, method: str, *, which: str = "", times: int | None = None
    ) -> None:
        """Do something wrong to requests of a method whose path contains *which*.

        To all of them until `recover`, or to the first ones.
        """
        self.proxy.affected = lambda request: request.method == method and which in request.path_qs
        self.proxy.faults = repeat(fault) if times is None else iter([fault] * times)

    def recover(self) -> None:
        """Let the bucket work again."""
        self.proxy.recover()


@asynccontextmanager
async def failing_bucket(
    folder: Path, index: FakeIndex, s3: S3Server, **settings: Mapping[str, Any]
) -> AsyncIterator[FailingBucket]:
    """Run a service over an empty bucket, which works until it is asked to fail."""
    async with faulty_s3(s3.endpoint) as proxy:
        name = s3.create_bucket()
        given: Any = {**settings, **settings_of(proxy.url, name, timeout=SOON)}
        async with running_service(folder / "data", index, **given) as service:
            yield FailingBucket(name, service, proxy)
