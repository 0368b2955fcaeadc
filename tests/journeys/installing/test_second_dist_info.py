"""What pip, uv and twine make of a wheel with metadata of another release."""

import io
from collections.abc import Mapping

import pytest
from twine.package import PackageFile

from stageproxy.core.archives.filenames import parse_distribution_name
from stageproxy.core.archives.reader import read_contents
from tests.support.builders.distributions import a_wheel, metadata_of, wheel_file
from tests.support.clients.clients import INSTALLERS, Clients, Installer

pytestmark = pytest.mark.journey

WHOLE = {
    "METADATA": metadata_of("demo", "0.9").encode(),
    "WHEEL": wheel_file("py3-none-any"),
    "RECORD": b"",
}
NOT_INSTALLED = {
    "whole": {f"demo-0.9.dist-info/{name}": content for name, content in WHOLE.items()},
    "METADATA alone": {"demo-0.9.dist-info/METADATA": WHOLE["METADATA"]},
    "RECORD alone": {"demo-0.9.dist-info/RECORD": b""},
    "empty": {"demo-0.9.dist-info/": b""},
    "of another project": {"other-1.0.dist-info/METADATA": metadata_of("other", "1.0").encode()},
}
INSTALLED = {
    "in purelib": {
        f"demo-1.0.data/purelib/demo-0.9.dist-info/{name}": content
        for name, content in WHOLE.items()
    },
    "an egg-info": {"demo-0.9.egg-info/PKG-INFO": WHOLE["METADATA"]},
}


async def install(clients: Clients, installer: Installer, path: str) -> int:
    """Install a file into a folder, and return the exit code."""
    into = ["--no-deps", "--no-index", "--target", str(clients.new_folder("target")), path]
    if installer == "pip":
        return (await clients.pip("install", *into)).code
    return (await clients.uv("pip", "install", *into)).code


def suspicions(content: bytes, filename: str) -> str:
    """Return the warnings on a file in one text."""
    contents = read_contents(io.BytesIO(content), parse_distribution_name(filename))
    return " ".join(contents.suspicions)


@pytest.mark.parametrize("installer", INSTALLERS)
@pytest.mark.parametrize("more", NOT_INSTALLED.values(), ids=NOT_INSTALLED)
async def test_wheel_is_not_installed(
    clients: Clients, installer: Installer, more: Mapping[str, bytes]
) -> None:
    """Pip and uv do not install such a wheel, as the warning says."""
    wheel = a_wheel(extra=more)
    (path,) = clients.save(wheel)

    assert "pip and uv do not install such a wheel" in suspicions(wheel.content, wheel.filename)
    assert await install(clients, installer, path) != 0


@pytest.mark.parametrize("installer", INSTALLERS)
@pytest.mark.parametrize("more", INSTALLED.values(), ids=INSTALLED)
async def test_metadata_is_installed_as_well(
    clients: Clients, installer: Installer, more: Mapping[str, bytes]
) -> None:
    """Pip and uv install such metadata beside that of the wheel, as the warning says."""
    wheel = a_wheel(extra=more)
    (path,) = clients.save(wheel)

    assert "install metadata of other releases beside" in suspicions(wheel.content, wheel.filename)
    assert await install(clients, installer, path) == 0


@pytest.mark.parametrize("more", NOT_INSTALLED.values(), ids=NOT_INSTALLED)
def test_twine_sends_the_metadata_of_one(clients: Clients, more: Mapping[str, bytes]) -> None:
    """Twine sends the metadata of the folder that the warning names."""
    wheel = a_wheel(extra=more)
    (path,) = clients.save(wheel)

    sent = PackageFile.from_filename(path, None).metadata

    folder = f"'{sent['name']}-{sent['version']}.dist-info'"
    assert f"twine sends the metadata in {folder}" in suspicions(wheel.content, wheel.filename)
