"""What goes out for an artifact that was downloaded from a stage."""

from pathlib import Path

import pytest
from yarl import URL

from stageproxy.cli.client import open_client
from stageproxy.cli.promote.downloads import DownloadedUploadRequests
from stageproxy.core.errors import UpstreamUnavailableError
from tests.support.builders.stages import an_artifact


async def test_server_that_is_away(tmp_path: Path) -> None:
    """A server that starts anew just when its form is wanted is waited for."""
    async with open_client(URL("http://127.0.0.1:1"), None) as client:
        upload_requests = DownloadedUploadRequests(client, "s1", tmp_path, None, lambda _: None)

        with pytest.raises(UpstreamUnavailableError, match="cannot be reached"):
            await upload_requests.request_for(an_artifact("demo-2.0.tar.gz"))
