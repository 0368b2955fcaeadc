"""Style sheets and scripts: small, kept forever, and nothing but ours."""

import re

import pytest

from stageproxy.web.assets import asset_path, assets
from tests.support.servers.service import RunningService

ALL_PAGES = 40_000
"""Bytes of all assets together, before compression."""


@pytest.mark.parametrize(
    ("name", "content_type"),
    [("page.css", "text/css; charset=UTF-8"), ("page.js", "text/javascript; charset=UTF-8")],
)
async def test_an_asset_is_kept_forever(
    service: RunningService, name: str, content_type: str
) -> None:
    """A browser asks once for an asset: its name changes with its content."""
    answer = await service.get(f"/{asset_path(name)}", Accept_Encoding="gzip")

    assert answer.status == 200
    assert answer.headers["Content-Type"] == content_type
    assert answer.headers["Cache-Control"] == "public, max-age=31536000, immutable"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize("name", ["page-0000000000000000.css", "page.css", "layout.html"])
async def test_another_version_is_not_found(service: RunningService, name: str) -> None:
    """The name of another version is not answered with this one, which would be kept for it."""
    answer = await service.get(f"/assets/{name}")

    assert answer.status == 404


def test_assets_name_no_other_host() -> None:
    """No asset has a URL, so that none of them can ask another host."""
    bodies = [one.document.body for one in assets().values()]

    assert not [one for one in bodies if re.search(rb"https?:|url\(|@import|['\"]//", one)]
    assert sum(map(len, bodies)) < ALL_PAGES
