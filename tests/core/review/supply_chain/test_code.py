"""Code of two releases: what is new, and what is not."""

import base64
from collections.abc import Mapping

import pytest

from stageproxy.core.review.supply_chain.code import capability_deltas
from stageproxy.core.rules.findings import Level
from tests.support.builders.distributions import Distribution, a_wheel
from tests.support.builders.reviewed import PLAIN, findings_on, read_pair

DECODES = f"import base64\nexec(base64.b64decode({base64.b64encode(b'x = 1').decode()!r}))\n"
LIBRARY = b"\x7fELF\x02\x01\x01" + bytes(9) + b"\x03\x00" + bytes(200)


def wheel(version: str, modules: Mapping[str, str]) -> Distribution:
    """Return a wheel with the plain modules and others."""
    return a_wheel(version=version, modules={**PLAIN, **modules})


def codes(after: Distribution, before: Distribution | None) -> set[str]:
    """Return the codes of the findings."""
    return {one.code for one in findings_on(after, before)}


def test_another_change_of_a_loud_module() -> None:
    """A module that was loud before, and changes in another place, is quiet."""
    before, after = (
        wheel(version, {"demo/core.py": f"{DECODES}VERSION = {version!r}\n"})
        for version in ("1.0", "1.1")
    )

    assert codes(after, before) == set()


def test_moved_module() -> None:
    """A module that was moved as it is has no new code."""
    before, after = wheel("1.0", {"demo/a.py": DECODES}), wheel("1.1", {"demo/b/c.py": DECODES})

    assert codes(after, before) == set()
    assert capability_deltas(read_pair(after, before).before, read_pair(after, before).after) == ()


def test_counterpart_that_was_cut() -> None:
    """A counterpart that cannot be read to its end is none: nothing is new, and nothing removed."""
    before, after = (
        a_wheel(version=version, modules=PLAIN, extra={"demo/_fast.abi3.so": LIBRARY})
        for version in ("1.0", "1.1")
    )
    cut = Distribution(before.filename, before.content[:-30])

    assert read_pair(after, cut).before != read_pair(after, before).before
    assert codes(after, cut) == {"not-compared"}
    assert codes(after, a_wheel(version="1.0", modules=PLAIN)) == {"first-compiled-code"}


CAPABILITIES: Mapping[str, str] = {
    "import urllib.request\nurllib.request.urlopen('x')": "network",
    "from socket import create_connection as c\nc(('x', 1))": "network",
    "import requests as r\nr.get('x')": "network",
    "import os\nos.popen('x')": "process",
    "from subprocess import run\nrun([])": "process",
    "import asyncio\nasyncio.create_subprocess_exec('x')": "process",
    "open('x', 'w')": "files",
    "from pathlib import Path\nPath('x').write_text('')": "files",
    "import shutil\nshutil.rmtree('x')": "files",
    "eval('1')": "code",
    "import importlib\nimportlib.import_module('x')": "code",
    "import pickle\npickle.loads(b'')": "code",
    "import ctypes\nctypes.CDLL('x')": "native",
    "import os\nos.environ['X']": "environment",
    "from os import getenv\ngetenv('X')": "environment",
    "__import__('subprocess').run([])": "process",
    "import os\ngetattr(os, 'sys' + 'tem')('x')": "process",
}


@pytest.mark.parametrize("source", CAPABILITIES)
def test_capability(source: str) -> None:
    """What a module can newly do is listed with its line, and is no finding."""
    before, after = wheel("1.0", {}), wheel("1.1", {"demo/core.py": source + "\n"})
    reading = read_pair(after, before)

    [delta] = capability_deltas(reading.before, reading.after)

    assert delta.module == "demo/core.py"
    assert delta.before == ()
    assert CAPABILITIES[source] in delta.after
    assert f"demo/core.py:{source.count(chr(10)) + 1}" in delta.places
    assert codes(after, before) == set()


@pytest.mark.parametrize(
    "source", ["open('x')", "x = open\n", "'exec'", "import re\nre.compile('x')", "a.system('x')"]
)
def test_no_capability(source: str) -> None:
    """Reading files, texts and other functions of the same name are no capabilities."""
    reading = read_pair(wheel("1.1", {"demo/core.py": source + "\n"}), wheel("1.0", {}))

    assert capability_deltas(reading.before, reading.after) == ()


def test_module_that_cannot_be_parsed() -> None:
    """A module that is no Python is named once as not known, and only if it was known before."""
    before, after = wheel("1.0", {}), wheel("1.1", {"demo/core.py": "def (:\n"})
    later = wheel("1.2", {"demo/core.py": "def ((:\n"})

    [finding] = findings_on(after, before)

    assert (finding.level, finding.code) == (Level.UNKNOWN, "module-not-read")
    assert codes(later, after) == set()
