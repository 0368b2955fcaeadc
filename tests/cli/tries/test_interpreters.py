"""The interpreter of a try: by version, by path, and clear words if there is none."""

import sys
from pathlib import Path

import click
import pytest

from stageproxy.cli.output.output import FailedError
from stageproxy.cli.tries.interpreters import find_interpreter

OWN = ".".join(map(str, sys.version_info[:2]))
FULL = ".".join(map(str, sys.version_info[:3]))


def install(folder: Path, name: str, *facts: str) -> Path:
    """Install an interpreter that only says what it is; without facts, it does not run."""
    folder.mkdir(exist_ok=True)
    path = folder / name
    path.write_text(f"#!/bin/sh\necho '{' '.join(facts)}'\n" if facts else "#!/bin/sh\nexit 1\n")
    path.chmod(0o755)
    return path


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the one folder in which commands are found."""
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:/bin")
    return tmp_path / "bin"


async def test_own() -> None:
    """Without a version it is the interpreter of the command, also if its version is named."""
    found = [await find_interpreter(one) for one in (None, OWN, FULL, f"python{OWN}")]

    assert {*found} == {Path(sys.executable)}


@pytest.mark.parametrize(
    ("wanted", "facts"),
    [
        ("3.99", ("cpython", "3.99.1", "free")),
        ("3.99.1", ("cpython", "3.99.1", "free")),
        ("3.99t", ("cpython", "3.99.1", "freet")),
        ("pypy3.99", ("pypy", "3.99.0", "free")),
    ],
)
async def test_on_path(folder: Path, wanted: str, facts: tuple[str, ...]) -> None:
    """A version is found by the name of its interpreter on PATH."""
    name = wanted if wanted.startswith("pypy") else f"python{wanted}"
    installed = install(folder, name, *facts)

    assert await find_interpreter(wanted) == installed


@pytest.mark.parametrize(
    "facts",
    [
        pytest.param((), id="a shim that does not run"),
        pytest.param(("cpython", "3.98.0", "free"), id="another version"),
        pytest.param(("cpython", "3.99.0", "freet"), id="free-threaded"),
        pytest.param(("pypy", "3.99.0", "free"), id="another implementation"),
        pytest.param(("what",), id="something else"),
    ],
)
async def test_not_found(folder: Path, facts: tuple[str, ...]) -> None:
    """What only has the name is not taken, and the error says how to get one."""
    install(folder, "python3.99", *facts)

    with pytest.raises(FailedError, match=r"`uv python install 3\.99`"):
        await find_interpreter("3.99")


async def test_path(tmp_path: Path) -> None:
    """An interpreter can be named by its path, if it runs."""
    works = install(tmp_path, "mine", "cpython", "3.99.0", "free")
    broken = install(tmp_path, "broken")

    assert await find_interpreter(str(works)) == works
    with pytest.raises(FailedError, match="is no Python interpreter that runs"):
        await find_interpreter(str(broken))


@pytest.mark.parametrize("wanted", ["newest", "3.x", "", "3.13 -c"])
async def test_no_version(wanted: str) -> None:
    """What is neither a version nor a path is a usage error."""
    with pytest.raises(click.UsageError):
        await find_interpreter(wanted)
