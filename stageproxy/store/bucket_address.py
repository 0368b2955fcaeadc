"""Where a bucket is: known without the library that reaches it."""

from dataclasses import dataclass, field
from datetime import timedelta


@dataclass(frozen=True, slots=True)
class BucketAddress:
    """Where a bucket is, as `s3://BUCKET/PREFIX`, and how it is reached."""

    url: str
    endpoint: str = ""
    region: str = ""
    access_key_id: str = ""
    secret_access_key: str = field(default="", repr=False)
    path_style: bool = True
    timeout: timedelta = timedelta(seconds=30)
