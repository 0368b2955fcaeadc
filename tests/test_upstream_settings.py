"""Which settings of pip hold for an upstream that stageproxy's own settings name."""

import pytest

from stageproxy.config import load_config
from stageproxy.server.indexes import upstream_of


@pytest.mark.parametrize(
    ("url", "authorities"),
    [
        ("https://index.example/root", "/etc/authorities.pem"),
        ("http://index.example/root", ""),
    ],
    ids=["https", "http, for which pip is not asked"],
)
def test_network_settings(url: str, authorities: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """An upstream of the settings is reached with pip's certificates, if it needs any."""
    monkeypatch.setenv("PIP_CERT", "/etc/authorities.pem")

    upstream = upstream_of(load_config(None, {}, upstream={"url": url}))

    assert (str(upstream.index.root), upstream.network.authorities) == (f"{url}/", authorities)
