"""The object by which servers see that their files are in the same place."""

from secrets import token_hex

from stageproxy.core.errors import FailedBucketError
from stageproxy.store.s3.bucket import Bucket

INSTALLATION = "installation"
_BYTES = 16


async def installation_of(bucket: Bucket) -> str:
    """Return the random id of the place, which the first server that asks for it writes."""
    await bucket.put_new(INSTALLATION, token_hex(_BYTES).encode())
    found = await bucket.find(INSTALLATION)
    if found is None:
        raise FailedBucketError("it does not have what it has just stored")
    return b"".join([piece async for piece in bucket.read(INSTALLATION, 0, found.size)]).decode()
