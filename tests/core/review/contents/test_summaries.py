"""Summaries of artifacts: files, kinds, metadata, names."""

import io
from collections.abc import Mapping

import pytest

from stageproxy.core.review.contents.metadata_lines import read_metadata_lines
from stageproxy.core.review.contents.paths import comparable_path
from stageproxy.core.review.contents.secrets import secrets_in
from stageproxy.core.review.contents.summaries import summary_of
from stageproxy.core.review.summary import ArchiveSummary, MemberKind
from tests.support.builders.distributions import Distribution, a_wheel, an_sdist

ELF = b"\x7fELF\x02\x01\x01" + bytes(9)
MACH_O = b"\xcf\xfa\xed\xfe" + bytes(8)


def summary(distribution: Distribution) -> ArchiveSummary:
    """Return the summary of a distribution."""
    return summary_of(io.BytesIO(distribution.content), distribution.filename)


@pytest.mark.parametrize(
    ("path", "filename", "comparable"),
    [
        ("demo-1.0.dist-info/RECORD", "demo-1.0-py3-none-any.whl", "demo-*.dist-info/RECORD"),
        ("demo-1.0.data/scripts/x", "demo-1.0-py3-none-any.whl", "demo-*.data/scripts/x"),
        ("demo/v-1.0.dist-info/x", "demo-1.0-py3-none-any.whl", "demo/v-1.0.dist-info/x"),
        (
            "demo.libs/liba-0123abcd.so.1",
            "demo-1.0-cp39-abi3-linux_x86_64.whl",
            "demo.libs/liba.so.1",
        ),
        ("demo-1.0/src/demo.py", "demo-1.0.tar.gz", "src/demo.py"),
        ("PKG-INFO", "demo-1.0.tar.gz", "PKG-INFO"),
    ],
)
def test_comparable_path(path: str, filename: str, comparable: str) -> None:
    """Paths of two releases are the same but for what names the release."""
    assert comparable_path(path, filename) == comparable


KINDS: Mapping[str, tuple[bytes, MemberKind]] = {
    "demo/a.py": (b"x = 1\n", MemberKind.PYTHON),
    "demo-1.0.data/scripts/run": (b"#!python\nx = 1\n", MemberKind.PYTHON),
    "demo/a.txt": (b"x" + "ä".encode() * 9000, MemberKind.TEXT),
    "demo/a.bin": (b"\0\1\2", MemberKind.BINARY),
    "demo/latin.txt": (b"\xe4\xf6\xfc and more", MemberKind.BINARY),
    "demo/_a.cpython-313-x86_64-linux-gnu.so": (ELF + b"\x03\0", MemberKind.EXTENSION),
    "demo.libs/liba.so.5.0.0": (ELF + b"\x03\0", MemberKind.EXTENSION),
    "demo/a.png": (ELF + b"\x02\0", MemberKind.EXECUTABLE),
    "demo/tool": (ELF + b"\x03\0", MemberKind.EXECUTABLE),
    "demo/a.o": (ELF + b"\x01\0", MemberKind.BINARY),
    "demo/a.pyd": (b"MZ\0", MemberKind.EXTENSION),
    "demo/a.exe": (b"MZ\0", MemberKind.EXECUTABLE),
    "demo/a.dylib": (MACH_O + b"\x06\0\0\0", MemberKind.EXTENSION),
    "demo/mac.so": (MACH_O + b"\x02\0\0\0", MemberKind.EXECUTABLE),
    "demo/A.class": (b"\xca\xfe\xba\xbe\0\0\0\x41", MemberKind.BINARY),
}


def test_kinds() -> None:
    """What a file is shows in its first bytes, whatever it is called."""
    wheel = a_wheel(modules={}, extra={path: content for path, (content, _) in KINDS.items()})

    found = {one.raw_path or one.path: one.kind for one in summary(wheel).members}

    assert {path: found[path] for path in KINDS} == {
        path: kind for path, (_, kind) in KINDS.items()
    }


def test_metadata_of_a_wheel() -> None:
    """The fields have the numbers of their lines, and the description is not among them."""
    text = "Metadata-Version: 2.4\nName: demo\nVersion: 1.0\nSummary: a\n  b\n\nText: no field\n"

    lines = read_metadata_lines(text.encode())

    assert lines.fields[-1] == ("Summary", "a\nb", 4)
    assert lines.description == "Text: no field"


def test_names_of_a_wheel() -> None:
    """Entry points and top-level names are those that the wheel installs."""
    wheel = a_wheel(
        modules={"demo/__init__.py": "", "other.py": ""},
        extra={
            "demo-1.0.dist-info/entry_points.txt": b"[console_scripts]\ndemo = demo:main\n",
            "demo-1.0.data/purelib/late.py": b"",
        },
    )

    found = summary(wheel)

    assert found.entry_points == ("console_scripts: demo = demo:main",)
    assert found.top_level == ("demo", "late", "other")


def test_sdist() -> None:
    """An sdist is read without its top folder, and with the fields of its PKG-INFO."""
    found = summary(an_sdist())

    assert {"PKG-INFO", "setup.py", "demo/__init__.py"} <= {one.path for one in found.members}
    assert ("Name", "demo", 2) in found.metadata
    assert all(one.in_record for one in found.members)


@pytest.mark.parametrize(
    "text",
    [
        "AKIAIOSFODNN7EXAMPLE",
        "ghp_xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
        "-----BEGIN PRIVATE KEY-----...",
        "sk-something-short",
        "pypi-AgEIcHlwaS5vcmc",
    ],
)
def test_examples_are_no_secrets(text: str) -> None:
    """What is obviously an example or a mere prefix is no secret."""
    assert secrets_in(text.encode()) == {}


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("\n-----BEGIN RSA PRIVATE KEY-----\nMIIEow", "private key"),
        ("AKIA" + "Q3EGJ7K2M9PXW5TZ", "AWS access key"),
        ("glpat-" + "Zk3vN8qLs7YtRw2BxPd5", "GitLab token"),
        ("AIza" + "SyB7k2Qm9Xr4Tv1Zw8Lp3Ns6Hd5Gf0Jc7Ye", "Google API key"),
        (
            "pypi-AgE" + "IcHlwaS5vcmcCJDk3Nzg4ZTQ5LTQ0Y2UtNDdmNi1hYmMyLTk5MzQ1NjQ3NzM4",
            "PyPI token",
        ),
    ],
)
def test_secrets(text: str, kind: str) -> None:
    """Keys and tokens of well-known formats are found, with their line."""
    assert secrets_in(f"a\nb = '{text}'\n".encode()) == {kind: 3 if text.startswith("\n") else 2}
