"""The release that a stage is compared with: the last one of its channel.

A channel is what its users have today. Who installs pre-releases has the newest release of
all, who wants final ones has the newest final one, and who stays on a maintenance branch its
last release.
"""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

from packaging.version import Version

from stageproxy.core.index.pages import ListedFile, Listing
from stageproxy.core.index.releases import Release, releases_in
from stageproxy.core.review.review import Baseline

FINAL, PRE_RELEASE = "final", "pre-release"


def choose_baseline(version: str, listing: Listing) -> Baseline | None:
    """Return the release that *version* is compared with, `None` for the first one.

    A release whose files are all yanked is none.
    """
    own, releases = Version(version), releases_in(listing)
    before = next((one for one in _in_question(own, releases) if one.files), None)
    if before is None:
        return None
    return Baseline(
        version=str(before.version),
        channel=_channel(own, before.version, releases),
        published_at=min(_upload_times(before.files), default=None),
        files=tuple(one.filename for one in before.files),
    )


def _in_question(own: Version, releases: Sequence[Release]) -> Iterable[Release]:
    """Return the releases before *own*, the one that fits best first."""
    older = [one for one in releases if one.version < own]
    if own.is_prerelease:
        return older
    return sorted(older, key=lambda one: one.version.is_prerelease)


def _channel(own: Version, before: Version, releases: Iterable[Release]) -> str:
    if before.is_prerelease:
        return PRE_RELEASE
    finals = (one for one in releases if not one.version.is_prerelease)
    is_behind = any(one.version > own and one.files for one in finals)
    return f"{before.major}.{before.minor}" if is_behind else FINAL


def _upload_times(files: Sequence[ListedFile]) -> Iterable[datetime]:
    for one in files:
        try:
            time = datetime.fromisoformat(one.upload_time or "")
        except ValueError:
            continue
        yield time if time.tzinfo else time.replace(tzinfo=UTC)
