"""Upload requests for artifacts that were downloaded from a stage."""

from pathlib import Path

import pytest
from yarl import URL

from stageproxy.cli.client import open_client
from stageproxy.cli.promote.downloads import DownloadedUploadRequests
from stageproxy.core.errors import UpstreamUnavailableError
from tests.support.builders.stages import an_artifact


async def test_unreachable_server(tmp_path: Path) -> None:
    """An unreachable server is reported as an upstream failure, which is retried."""
    async with open_client(URL("http://127.0.0.1:1"), None) as client:
        upload_requests = DownloadedUploadRequests(client, "s1", tmp_path, None, lambda _: None)

        with pytest.raises(UpstreamUnavailableError, match="cannot be reached"):
            async with upload_requests.request_for(an_artifact("demo-2.0.tar.gz")):
                pass
