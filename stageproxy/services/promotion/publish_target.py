"""The target of promotions: where a stage is published, and which index confirms it."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta

from stageproxy.core.errors import ConflictError
from stageproxy.core.promotion.plan import Pace
from stageproxy.core.promotion.promotion import PublishUrls
from stageproxy.ports import UploadClient
from stageproxy.services.promotion.confirmed_listing import ConfirmedListing
from stageproxy.services.promotion.credentials import PromotionCredentials
from stageproxy.services.upstream_state import UpstreamReader


@dataclass(frozen=True, slots=True)
class PublishTarget:
    """Where stages are published and confirmed: with which clients, which credentials, how fast.

    *reader* and *confirmed_listing* read the index that confirms, which may
    be another one than the index that is previewed. *count* is called with the
    kind of each reply to an upload.
    """

    urls: PublishUrls
    reader: UpstreamReader
    confirmed_listing: ConfirmedListing
    upload_client: UploadClient
    credentials: PromotionCredentials
    pace: Pace
    pause: Callable[[timedelta], Awaitable[None]]
    count: Callable[[str], None]


def get_publish_target(publish_target: PublishTarget | None) -> PublishTarget:
    """Return where stages are published. Raise `ConflictError` if the settings name none."""
    if publish_target is None:
        raise ConflictError(
            "This server has no index to publish on, because its upstream is not PyPI. Set "
            "promotion.repository_url and promotion.index_url."
        )
    return publish_target
