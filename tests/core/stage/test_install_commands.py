"""The commands that install a release from its stage."""

import shlex

import pytest

from stageproxy.core.stage.install_commands import install_commands, upload_command

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


def test_commands_of_a_project() -> None:
    """Poetry and pdm get the stage as a source, and use nothing that they remember."""
    commands = install_commands("https://stage.example/tmp/demo/x/", "demo", "2.0")

    index, only = (f"https://stage.example/tmp/demo/x/{one}simple/" for one in ("", "+only/"))
    assert commands.poetry == f"poetry source add stage {index} && poetry --no-cache add demo==2.0"
    assert commands.poetry_beside == (
        f"poetry source add --priority explicit stage {only} && "
        "poetry --no-cache add --source stage demo==2.0"
    )
    assert commands.pdm == f"PDM_PYPI_URL={index} pdm --no-cache add demo==2.0"
    assert commands.pdm_beside == (
        f"pdm config --local pypi.stage.url {only} && pdm --no-cache add demo==2.0"
    )


def test_pdm_trusts_a_stage_without_tls() -> None:
    """Over HTTP to another machine, pdm is told to trust the stage."""
    commands = install_commands("http://stage.example/tmp/demo/x/", "demo", "2.0")

    assert commands.pdm.startswith("pdm config --local pypi.verify_ssl false && PDM_PYPI_URL=")
    assert "&& pdm config --local pypi.stage.verify_ssl false &&" in commands.pdm_beside


def test_upload_command() -> None:
    """Twine uploads into the stage itself."""
    command = upload_command("https://stage.example/tmp/demo/x/")

    assert command == (
        "twine upload --repository-url https://stage.example/tmp/demo/x/legacy/ dist/*"
    )
