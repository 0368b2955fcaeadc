"""The environment of a try: what processes get to know, and which file was installed."""

import pytest

from stageproxy.cli.tries.environment import clean_environment, installed_file, without_noise
from stageproxy.cli.tries.running import Ended

WHEEL, SDIST = "demo-2.0-py3-none-any.whl", "demo-2.0.tar.gz"
LOCAL = "demo-2.0+cpu-py3-none-any.whl"
BASE = "http://stage.example/tmp/demo/token/packages/06/5a/8593"
OUTPUTS = {
    "pip": ([f"Downloading {BASE}/{WHEEL}.metadata (1 kB)", f"Downloading {WHEEL} (2 kB)"], WHEEL),
    "an sdist": ([f"Downloading {SDIST} (2 kB)", "Building wheel for demo"], SDIST),
    "uv": ([f"DEBUG Selecting: demo==2.0 [compatible] ({WHEEL})", " + demo==2.0"], WHEEL),
    "an escaped name": ([f"Downloading {BASE}/demo-2.0%2Bcpu-py3-none-any.whl"], LOCAL),
    "only metadata": ([f"Downloading {BASE}/{WHEEL}.metadata (1 kB)"], ""),
    "another release": (["Downloading other-2.0-py3-none-any.whl (2 kB)"], ""),
}


@pytest.mark.parametrize(("lines", "filename"), OUTPUTS.values(), ids=OUTPUTS)
def test_installed_file(lines: list[str], filename: str) -> None:
    """Which staged file was installed is read from the output of the installer."""
    assert installed_file(Ended(0, tuple(lines)), [WHEEL, SDIST, LOCAL]) == filename


def test_no_token_and_no_other_index() -> None:
    """Neither an API token nor another index reaches what is tried; certificates do."""
    kept = {"PATH": "/bin", "HOME": "/home/me", "PIP_CERT": "/ca.pem", "SSL_CERT_FILE": "/ca.pem"}
    removed = {
        "STAGEPROXY_TOKEN": "secret",
        "STAGEPROXY_PROMOTION__TOKEN": "secret",
        "PIP_INDEX_URL": "https://index.example/simple/",
        "PIP_EXTRA_INDEX_URL": "https://index.example/simple/",
        "UV_INDEX": "https://index.example/simple/",
        "UV_PUBLISH_TOKEN": "secret",
        "TWINE_PASSWORD": "secret",
        "POETRY_PYPI_TOKEN_PYPI": "secret",
        "ACTIONS_ID_TOKEN_REQUEST_TOKEN": "secret",
        "MY_TOKEN": f"pypi-AgEIcHlwaS5vcmc{'x' * 60}",
        "MY_STAGING": f"stgu_{'x' * 40}",
        "PYTHONPATH": "/src",
        "VIRTUAL_ENV": "/env",
    }

    assert clean_environment({**kept, **removed}) == kept


def test_noise() -> None:
    """Lines that only the developers of an installer read are left out of the log."""
    assert without_noise(Ended(1, ("DEBUG uv 1.0", "No solution", "TRACE x"))) == "No solution"
