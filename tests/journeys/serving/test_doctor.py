"""`stageproxy doctor` against a real proxy: it finds what the proxy does to uploads."""

import json
from pathlib import Path

import pytest

from tests.support.index.fake_index import FakeIndex
from tests.support.servers.nginx import Certificates, ProxiedServer, ProxiedServerStart

pytestmark = pytest.mark.journey

AS_DEBIAN_HAS_IT = {
    "client_max_body_size 0;": "client_max_body_size 1m;",
    "proxy_request_buffering off;": "proxy_request_buffering on;",
    "proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;": "",
}


async def said_about_proxy(
    proxied: ProxiedServer, upstream: FakeIndex, certificates: Certificates, folder: Path
) -> list[tuple[str, str]]:
    """Run doctor with the settings of a server, and return what it says about its proxy."""
    settings = folder / "doctor.toml"
    settings.write_text(
        f'[server]\nport = 0\npublic_url = "{proxied.url}"\ntrusted_proxies = ["127.0.0.1"]\n'
        f'[upstream]\nurl = "{upstream.url}"\n'
    )
    ended = await proxied.server.command(
        "doctor", "--config", str(settings), "--json", SSL_CERT_FILE=str(certificates.authority)
    )
    checks = json.loads(ended.stdout)["checks"]
    assert ("ok", "public URL") in {(one["level"], one["topic"]) for one in checks}, checks
    return [(one["level"], one["message"]) for one in checks if one["topic"] == "proxy"]


async def test_documented_proxy(
    proxied_server: ProxiedServer,
    upstream: FakeIndex,
    certificates: Certificates,
    tmp_path: Path,
) -> None:
    """With the documented configuration of nginx, everything is right."""
    said = await said_about_proxy(proxied_server, upstream, certificates, tmp_path)

    assert said == [
        ("ok", "The server sees the addresses of clients behind its proxy."),
        ("ok", "Uploads are passed on while they are received."),
        ("ok", "The proxy accepts bodies up to 2049 MiB, the limit of the server."),
    ]


async def test_proxy_with_its_defaults(
    start_proxied_server: ProxiedServerStart,
    upstream: FakeIndex,
    certificates: Certificates,
    tmp_path: Path,
) -> None:
    """A proxy with its own defaults stores uploads, refuses large ones, and hides clients."""
    async with start_proxied_server(changes=AS_DEBIAN_HAS_IT) as proxied:
        said = await said_about_proxy(proxied, upstream, certificates, tmp_path)

    assert said == [
        (
            "warning",
            "The proxy sends no X-Forwarded-For, so all clients have one address in logs.",
        ),
        ("warning", "The proxy stores whole uploads before it passes them on."),
        ("problem", "The proxy refuses a body of 4 MiB, which the server would accept."),
    ]
