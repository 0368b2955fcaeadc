"""The commands that install a release from its stage."""

import shlex

import pytest

from stageproxy.core.stage.install_commands import install_commands

TRUSTED = {
    "https://stage.example/": None,
    "https://192.0.2.1:8726/": None,
    "https://stage.example/staging/": None,
    "http://127.0.0.1:8726/": None,
    "http://127.1.2.3:8726/": None,
    "http://localhost:8726/": None,
    "http://LOCALHOST/": None,
    "http://[::1]:8726/": None,
    "http://stage.example/": "stage.example",
    "http://stage.example:8726/": "stage.example:8726",
    "http://stage.example:8726/staging/": "stage.example:8726",
    "http://localhost.example:8726/": "localhost.example:8726",
    "http://192.0.2.1:8726/": "192.0.2.1:8726",
    "http://0.0.0.0:8726/": "0.0.0.0:8726",
    "http://[::]:8726/": "[::]:8726",
    "http://[2001:db8::1]:8726/": "[2001:db8::1]:8726",
    "http://[::ffff:127.0.0.1]:8726/": "[::ffff:127.0.0.1]:8726",
}


@pytest.mark.parametrize(("base", "host"), TRUSTED.items(), ids=TRUSTED)
def test_trusted_host(base: str, host: str | None) -> None:
    """Over HTTP to another machine, pip is told to trust the host and its port."""
    url = f"{base}tmp/demo/stgv_x/"

    pip = shlex.split(install_commands(url, "demo", "2.0").pip)

    trusted = ["--trusted-host", host] if host else []
    expected = [*trusted, "--index-url", f"{url}simple/", "demo==2.0"]
    assert pip == ["pip", "--isolated", "install", *expected]


def test_uv_needs_no_trust() -> None:
    """Uv uses an index over HTTP without being told."""
    url = "http://stage.example/tmp/demo/stgv_x/"

    uv = install_commands(url, "demo", "2.0").uv

    assert uv == f"uv pip install --default-index {url}simple/ demo==2.0"


@pytest.mark.parametrize(
    ("version", "requirement"),
    [
        ("2.0rc1", "demo==2.0rc1"),
        ("2.0+cpu", "demo==2.0+cpu"),
        ("1!2.0", "'demo==1!2.0'"),
        (None, "demo"),
    ],
)
def test_version(version: str | None, requirement: str) -> None:
    """The commands install exactly the staged version, also a pre-release, in any shell."""
    commands = install_commands("https://stage.example/tmp/demo/x/", "demo", version)

    assert commands.pip.endswith(f" {requirement}")
    assert commands.uv.endswith(f" {requirement}")


def test_quoting() -> None:
    """A URL with brackets is quoted: some shells look for files of that name."""
    commands = install_commands("http://[::1]:8726/tmp/demo/x/", "demo", "2.0")

    assert " --index-url 'http://[::1]:8726/tmp/demo/x/simple/' " in commands.pip


def test_beside_another_index() -> None:
    """Beside the index that the user has configured, only the staged release is added."""
    url = "http://stage.example/tmp/demo/stgv_x/"

    commands = install_commands(url, "demo", "2.0")

    assert commands.pip_beside == (
        f"pip install --trusted-host stage.example --extra-index-url {url}+only/simple/ demo==2.0"
    )
    assert commands.uv_beside == f"uv pip install --index {url}+only/simple/ demo==2.0"
