"""A bucket of an S3-compatible store: objects by their names below a prefix."""

import re
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

import obstore
from obstore.exceptions import (
    AlreadyExistsError,
    BaseError,
    PermissionDeniedError,
    UnauthenticatedError,
)
from obstore.store import ObjectStore, S3Store

from stageproxy.core.errors import FailedBucketError
from stageproxy.store.bucket_address import BucketAddress
from stageproxy.store.unusable import UnusableBucketError

PART = 8 * 2**20
"""Bytes of each part of a multipart upload; smaller files are sent in one request."""
_PARTS_AT_ONCE = 2
_PIECE = 2 * 2**20
"""Bytes that one request reads, so that a slow reader holds no request open."""
_TRIES_AGAIN = 3
_HALF_A_KEY = (
    "The bucket {} cannot be used with these settings. Set s3.access_key_id and "
    "s3.secret_access_key, or neither: then the usual variables of AWS have to name both."
)
_STATUS = re.compile(r"status code: (\d{3})")


@dataclass(frozen=True, slots=True)
class StoredObject:
    """An object as it is listed."""

    key: str
    size: int
    stored_at: datetime


@dataclass(frozen=True, slots=True, repr=False)
class Bucket:
    """A bucket, or the part of it below a prefix.

    Everything raises `FailedBucketError` if the store does not answer in time, or refuses.
    """

    _store: ObjectStore

    async def put(self, key: str, body: bytes) -> None:
        """Store a small object, in the place of one that has its name."""
        with _failures():
            await obstore.put_async(self._store, key, body, use_multipart=False)

    async def put_new(self, key: str, body: bytes) -> bool:
        """Store a small object unless there is one with its name; return whether it was stored."""
        with _failures():
            try:
                await obstore.put_async(self._store, key, body, mode="create")
            except AlreadyExistsError:
                return False
        return True

    async def put_parts(self, key: str, chunks: AsyncIterator[bytes]) -> None:
        """Store a large object part by part. It is there only once *chunks* have ended."""
        with _failures():
            await obstore.put_async(
                self._store,
                key,
                chunks,
                use_multipart=True,
                chunk_size=PART,
                max_concurrency=_PARTS_AT_ONCE,
            )

    async def copy(self, key: str, to: str) -> None:
        """Copy an object within the store. Raise `FileNotFoundError` if there is none."""
        with _failures(may_be_missing=True):
            await obstore.copy_async(self._store, key, to)

    async def find(self, key: str) -> StoredObject | None:
        """Return the size and time of an object, if it exists."""
        try:
            with _failures(may_be_missing=True):
                found = await obstore.head_async(self._store, key)
        except FileNotFoundError:
            return None
        return StoredObject(key, found["size"], found["last_modified"])

    async def list(self, prefix: str) -> Sequence[StoredObject]:
        """Return all objects below a folder, page by page."""
        with _failures():
            return [
                StoredObject(one["path"], one["size"], one["last_modified"])
                async for page in obstore.list(self._store, prefix, chunk_size=1000)
                for one in page
            ]

    async def read(self, key: str, first: int, end: int) -> AsyncIterator[bytes]:
        """Yield the bytes of an object from *first* to before *end*, in pieces.

        Raise `FileNotFoundError` if it does not exist.
        """
        while first < end:
            until = min(first + _PIECE, end)
            with _failures(may_be_missing=True):
                found = await obstore.get_range_async(self._store, key, start=first, end=until)
            piece = bytes(found)
            if len(piece) != until - first:
                raise FailedBucketError("it sent fewer bytes of a file than it has")
            yield piece
            first = until

    async def delete(self, keys: Sequence[str]) -> None:
        """Delete objects, those that exist."""
        if keys:
            with _failures():
                await obstore.delete_async(self._store, keys)

    async def signed_url(self, key: str, lifetime: timedelta) -> str:
        """Return a URL that opens an object for anybody, for a short time. It is a secret."""
        if not isinstance(self._store, S3Store):
            raise TypeError(self._store)
        with _failures():
            return await obstore.sign_async(self._store, "GET", key, lifetime)


def open_bucket(address: BucketAddress) -> Bucket:
    """Return the bucket at an address. What it leaves out, the AWS variables say.

    Raise `UnusableBucketError` if they say too little.

    Threads of the store's own library run from the first request on: no process may be forked
    after it.
    """
    parts = urlsplit(address.url)
    given = {
        "endpoint": address.endpoint,
        "region": address.region,
        "access_key_id": address.access_key_id,
        "secret_access_key": address.secret_access_key,
    }
    config: Any = {
        "virtual_hosted_style_request": not address.path_style,
        **{name: value for name, value in given.items() if value},
    }
    try:
        store = S3Store(
            parts.netloc,
            prefix=parts.path.strip("/") or None,
            config=config,
            client_options={
                "allow_http": address.endpoint.startswith("http://"),
                "connect_timeout": address.timeout,
                "timeout": address.timeout,
            },
            retry_config={"max_retries": _TRIES_AGAIN, "retry_timeout": address.timeout},
        )
    except BaseError as error:
        raise UnusableBucketError(_HALF_A_KEY.format(address.url)) from error
    return Bucket(store)


@contextmanager
def _failures(*, may_be_missing: bool = False) -> Iterator[None]:
    """Raise what an error of the store means, without what its answer said: that may be secret.

    `FileNotFoundError` is left if what was asked for *may be missing*. Otherwise it is a failure:
    there is no bucket, or a file in parts was complete though its last answer was late.
    """
    try:
        yield
    except (PermissionDeniedError, UnauthenticatedError) as error:
        raise FailedBucketError("it refuses the server's access key") from error
    except (BaseError, OSError) as error:
        if may_be_missing and isinstance(error, FileNotFoundError):
            raise
        raise FailedBucketError(_reason_of(error)) from error


def _reason_of(error: Exception) -> str:
    if isinstance(error, FileNotFoundError):
        return "it does not have the bucket, or what was being stored"
    status = _STATUS.search(str(error))
    return f"it answered with status {status[1]}" if status else "it did not answer in time"
