"""Suspicious contents of wheels."""

import io
import stat
import zipfile
from collections.abc import Mapping

import pytest

from stageproxy.core.archives.filenames import parse_distribution_name
from stageproxy.core.archives.reader import read_contents
from stageproxy.core.archives.wheels import read_wheel
from tests.support.builders.archives import zip_of
from tests.support.builders.distributions import Distribution, a_wheel, wheel_file

ROOT = "demo-1.0.dist-info"


def suspicions(content: bytes, filename: str = "demo-1.0-py3-none-any.whl") -> tuple[str, ...]:
    """Return the suspicious things of an archive."""
    return read_contents(io.BytesIO(content), parse_distribution_name(filename)).suspicions


def rebuilt(wheel: Distribution, changes: Mapping[str, bytes]) -> bytes:
    """Return a wheel with other bytes in some members and the old RECORD."""
    with zipfile.ZipFile(io.BytesIO(wheel.content)) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    return zip_of({**members, **changes}.items())


def test_file_that_differs_from_record_is_reported() -> None:
    """PyPI accepts a wheel whose files differ from RECORD; most installers refuse it."""
    wheel = a_wheel(modules={"demo.py": "x = 1\n"})

    assert suspicions(rebuilt(wheel, {"demo.py": b"x = 2\n"})) == (
        "The digests in RECORD do not match these files: 'demo.py'.",
    )


def test_very_large_wheel_is_not_compared() -> None:
    """Only the code of a very large wheel is unpacked, to search it for encryption."""
    changes = {"demo/data": b"x", "demo/code.py": b"__pyarmor_enter__"}
    file = io.BytesIO(rebuilt(a_wheel(), changes))

    name = parse_distribution_name("demo-1.0-py3-none-any.whl")
    *_, contents = read_wheel(file, name, longest=10)

    assert contents.unread == (
        "The files were not compared with RECORD because that would take too long.",
    )
    assert "PyArmor" in contents.problems[0]


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (
            wheel_file("py2-none-any"),
            "The tags in WHEEL do not match the filename: 'py2-none-any'.",
        ),
        (b"Wheel-Version: 1.0\n", "The tags in WHEEL do not match the filename: none."),
        (
            b"Wheel-Version: 2.0\nTag: py3-none-any\n",
            "WHEEL has Wheel-Version: '2.0'; installers support 1.0.",
        ),
    ],
    ids=["other tags", "no tags", "another version"],
)
def test_wheel_file_with_other_tags_is_reported(content: bytes, sentence: str) -> None:
    """Installers use WHEEL where people read the filename."""
    changes = {f"{ROOT}/WHEEL": content}

    assert sentence in suspicions(rebuilt(a_wheel(), changes))


def test_compressed_tag_sets_are_accepted() -> None:
    """A tag set on one line means the same as its tags on several lines."""
    tag = "py2.py3-none-manylinux_2_17_x86_64.manylinux2014_x86_64"
    content = b"Wheel-Version: 1.0\nTag: " + tag.encode() + b"\n"
    changed = rebuilt(a_wheel(tag=tag), {f"{ROOT}/WHEEL": content})

    found = suspicions(changed, f"demo-1.0-{tag}.whl")

    assert [one for one in found if one.startswith("WHEEL")] == []


def test_links_in_a_wheel_are_reported() -> None:
    """Wheels cannot contain links or devices."""
    buffer = io.BytesIO(a_wheel().content)
    link = zipfile.ZipInfo("link")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(buffer, "a") as archive:
        archive.writestr(link, b"/etc/passwd")

    assert "The wheel contains links or devices: 'link'." in suspicions(buffer.getvalue())


def test_damaged_member_is_reported() -> None:
    """PyPI publishes wheels without unpacking them; installers unpack them."""
    wheel = zip_of([("a.txt", b"x" * 100), (f"{ROOT}/WHEEL", wheel_file("py3-none-any"))])
    place = wheel.index(b"PK\x01\x02") + 16
    damaged = wheel[:place] + b"\0\0\0\0" + wheel[place + 4 :]

    assert suspicions(damaged) == (
        "Local headers of the zip do not match its central directory: 'a.txt'.",
        "Files cannot be unpacked: 'a.txt'.",
    )
