"""Parity of a pure wheel with the sdist."""

import io
from collections.abc import Mapping

import pytest

from stageproxy.core.review.supply_chain.parity import read_parity
from stageproxy.core.rules.findings import Level
from tests.support.builders.distributions import Distribution, a_wheel, an_sdist

MODULES = {"demo/__init__.py": "", "demo/core.py": "x = 1\n", "demo/data/table.json": "{}"}


def parity(
    wheel: Mapping[str, str], sdist: Mapping[str, str], tag: str = "py3-none-any"
) -> dict[str, tuple[Level, str]]:
    """Return the level and the message of each finding by its code."""
    pair = a_wheel(modules=wheel, tag=tag), an_sdist(modules=sdist)
    found = read_parity(*((io.BytesIO(one.content), one.filename) for one in pair))
    return {one.code: (one.level, one.message) for one in found}


@pytest.mark.parametrize("folder", ["", "src/", "python/lib/"], ids=["flat", "src", "nested"])
def test_equal_files(folder: str) -> None:
    """A wheel that has what the sdist holds, in whichever layout, has no findings."""
    assert parity(MODULES, {f"{folder}{path}": text for path, text in MODULES.items()}) == {}


@pytest.mark.parametrize(
    "generated", ["demo/_version.py", "demo/locale/de/x.mo", "demo/api_pb2.py", "demo/__about__.py"]
)
def test_generated_files(generated: str) -> None:
    """Files that builds usually make may be missing from the sdist."""
    assert parity({**MODULES, generated: "version = '1.0'\n"}, MODULES) == {}


def test_module_that_the_sdist_lacks() -> None:
    """A module without a source in the sdist is loud: the wheel was built from something else."""
    found = parity({**MODULES, "demo/late.py": "x = 1\n"}, MODULES)

    assert found == {
        "not-in-sdist": (
            Level.WARN,
            "The wheel has modules that the sdist does not hold: demo/late.py.",
        )
    }


def test_module_that_differs() -> None:
    """A module with another content than in the sdist is named."""
    found = parity({**MODULES, "demo/core.py": "x = 2\n"}, MODULES)

    assert found["other-than-in-sdist"][1].endswith(": demo/core.py.")


def test_files_that_the_wheel_lost() -> None:
    """Data that the sdist holds beside the modules, and the wheel does not have, is named."""
    lost = {f"demo/data/{number}.json": "{}" for number in range(9)}

    level, message = parity(MODULES, {**MODULES, **lost})["not-in-wheel"]

    assert level is Level.NOTE
    assert message.endswith("demo/data/4.json and 4 more.")


def test_module_that_the_wheel_lost() -> None:
    """A module that the wheel does not have is loud: importing it fails."""
    found = parity(MODULES, {**MODULES, "demo/lost.py": "x = 1\n"})

    assert found["not-in-wheel"][0] is Level.WARN


def test_what_no_wheel_has() -> None:
    """Tests, sources of extensions and files of the project itself are not missing."""
    others = {"demo/tests/test_core.py": "", "demo/_fast.pyx": "", "README.md": "", "docs/a.py": ""}

    assert parity(MODULES, {**MODULES, **others}) == {}


def test_platform_wheels() -> None:
    """Wheels with compiled code are not compared: the build makes much of them."""
    assert parity({**MODULES, "demo/x.py": ""}, MODULES, tag="cp313-cp313-win_amd64") == {}


def test_sdist_that_cannot_be_read() -> None:
    """Of an archive that cannot be read nothing is said but that."""
    wheel, sdist = a_wheel(), Distribution("demo-1.0.tar.gz", b"no tar")

    [finding] = read_parity(
        (io.BytesIO(wheel.content), wheel.filename), (io.BytesIO(sdist.content), sdist.filename)
    )

    assert (finding.level, finding.code) == (Level.UNKNOWN, "not-compared")
