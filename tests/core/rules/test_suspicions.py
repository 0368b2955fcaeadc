"""What PyPI takes and nobody should: paths, records, links, damage, protection."""

import io
import stat
import tarfile
import zipfile
from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stageproxy.core.archives.contents import some
from stageproxy.core.archives.dist_info import parse_record, record_suspicions
from stageproxy.core.archives.filenames import parse_distribution_name
from stageproxy.core.archives.members import suspicious_paths
from stageproxy.core.archives.protection import find_protection
from stageproxy.core.archives.reader import read_contents
from stageproxy.core.archives.wheels import read_wheel
from tests.support.builders.archives import gzip_of, tar_file, tar_of, zip_of
from tests.support.builders.distributions import Distribution, a_wheel, wheel_file

ROOT = "demo-1.0.dist-info"
SDIST = "demo-1.0.tar.gz"
EMPTY = "47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU"


def suspicions(content: bytes, filename: str = "demo-1.0-py3-none-any.whl") -> tuple[str, ...]:
    """Return what is suspicious in an archive."""
    return read_contents(io.BytesIO(content), parse_distribution_name(filename)).suspicions


def rebuilt(wheel: Distribution, changes: Mapping[str, bytes]) -> bytes:
    """Return a wheel with other bytes in some members, and RECORD as it was."""
    with zipfile.ZipFile(io.BytesIO(wheel.content)) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    return zip_of({**members, **changes}.items())


@pytest.mark.parametrize(
    ("path", "sentence"),
    [
        ("a/../../b", "Paths contain `..`: 'a/../../b'."),
        ("a\\..\\b", "Paths contain `..`: 'a\\\\..\\\\b'."),
        ("/etc/x", "Paths are absolute: '/etc/x'."),
        ("C:x", "Paths are absolute: 'C:x'."),
        ("a\u202eb", "Paths contain invisible characters: 'a\\u202eb'."),
        ("a\x1bb", "Paths contain invisible characters: 'a\\x1bb'."),
        ("a//b", "Paths contain backslashes, empty parts or single dots: 'a//b'."),
        ("aux.py", "Windows does not allow these names: 'aux.py'."),
        ("a./b", "Windows does not allow these names: 'a./b'."),
    ],
    ids=ascii,
)
def test_an_odd_path_is_told(path: str, sentence: str) -> None:
    """Paths that lead elsewhere, or that differ from what is seen, are told (C45, C46)."""
    assert sentence in list(suspicious_paths([path, "a/b/c.py"]))


def test_a_long_path_is_told() -> None:
    """File systems end paths at 255 bytes a name."""
    assert list(suspicious_paths(["x" * 256])) == [
        f"Paths are longer than 255 bytes: '{'x' * 256}'."
    ]


@pytest.mark.parametrize(
    ("one", "other"), [("a/B.py", "a/b.py"), ("\u00e9", "e\u0301"), ("a", "a/")], ids=ascii
)
def test_paths_that_some_systems_take_for_one_are_told(one: str, other: str) -> None:
    """Case, the spelling of accents, and a file with the name of a directory (C46)."""
    alike = some([one, other])

    assert list(suspicious_paths([one, other])) == [
        f"Some systems do not distinguish these names: {alike}."
    ]


def test_of_many_only_some_are_told() -> None:
    """A sentence stays one that can be read."""
    assert some(["d", "c", "b", "a"]) == "'a', 'b', 'c' and 1 more"


@given(st.lists(st.text()))
def test_any_paths_are_looked_at(paths: list[str]) -> None:
    """For any names, what is told can be printed."""
    assert all(sentence.isascii() for sentence in suspicious_paths(paths))


def test_files_beside_the_record_are_told() -> None:
    """PyPI mails owners of such a wheel, and takes it (C43)."""
    record = {"a.py": f"sha256={EMPTY}", "gone.py": "", "b.py": "sha256=x", "c.py": "sha512=y"}
    empty = bytes.fromhex("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")
    digests = dict.fromkeys(["a.py", "b.py", "c.py", "new.py", f"{ROOT}/RECORD"], empty)

    assert list(record_suspicions(record, digests, ROOT)) == [
        "RECORD does not list these files of the wheel: 'new.py'.",
        "RECORD lists files that are not in the wheel: 'gone.py'.",
        "The digest in RECORD does not match the file: 'b.py'.",
    ]


@pytest.mark.parametrize("content", [b"\xff", b'a,"b\n', b'a,"b"c\n'], ids=str)
def test_a_record_that_nobody_can_read_is_none(content: bytes) -> None:
    """PyPI says of such a wheel that it has no RECORD."""
    with pytest.raises(ValueError, match=r"."):
        parse_record(content)


def test_a_changed_file_is_told() -> None:
    """A wheel whose files are not those of RECORD is taken by PyPI, and by few installers."""
    wheel = a_wheel(modules={"demo.py": "x = 1\n"})

    assert suspicions(rebuilt(wheel, {"demo.py": b"x = 2\n"})) == (
        "The digest in RECORD does not match the file: 'demo.py'.",
    )


def test_a_very_large_wheel_is_not_compared() -> None:
    """Of such a wheel only code is unpacked, in which PyPI looks for protection."""
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
def test_a_wheel_file_that_says_something_else_is_told(content: bytes, sentence: str) -> None:
    """Installers go by WHEEL, people by the filename."""
    changes = {f"{ROOT}/WHEEL": content}

    assert sentence in suspicions(rebuilt(a_wheel(), changes))


def test_tags_may_be_told_at_once() -> None:
    """A set of tags in one line means the same to installers; they were taken for others."""
    tag = "py2.py3-none-manylinux_2_17_x86_64.manylinux2014_x86_64"
    content = b"Wheel-Version: 1.0\nTag: " + tag.encode() + b"\n"
    changed = rebuilt(a_wheel(tag=tag), {f"{ROOT}/WHEEL": content})

    told = suspicions(changed, f"demo-1.0-{tag}.whl")

    assert [one for one in told if one.startswith("WHEEL")] == []


def test_links_in_a_wheel_are_told() -> None:
    """Installers make files of them, or worse (C45)."""
    buffer = io.BytesIO(a_wheel().content)
    link = zipfile.ZipInfo("link")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(buffer, "a") as archive:
        archive.writestr(link, b"/etc/passwd")

    assert "The wheel contains links or devices: 'link'." in suspicions(buffer.getvalue())


def test_a_damaged_member_is_told() -> None:
    """PyPI does not unpack what it publishes; installers do."""
    wheel = zip_of([("a.txt", b"x" * 100), (f"{ROOT}/WHEEL", wheel_file("py3-none-any"))])
    place = wheel.index(b"PK\x01\x02") + 16
    damaged = wheel[:place] + b"\0\0\0\0" + wheel[place + 4 :]

    assert suspicions(damaged) == (
        "Local headers of the zip do not match its central directory: 'a.txt'.",
        "Files cannot be unpacked: 'a.txt'.",
    )


def member(path: str, kind: bytes, target: str = "") -> tuple[tarfile.TarInfo, bytes]:
    """Return a member of a tar that is no file."""
    entry, content = tar_file(path, b"")
    entry.type, entry.linkname = kind, target
    return entry, content


@pytest.mark.parametrize(
    ("odd", "told"),
    [
        (member("d/x", tarfile.SYMTYPE, "../.."), ("Links point outside the sdist: 'd/x'.",)),
        (member("d/x", tarfile.SYMTYPE, "/etc"), ("Links point outside the sdist: 'd/x'.",)),
        (member("d/x", tarfile.LNKTYPE, "e/f"), ("Links point outside the sdist: 'd/x'.",)),
        (
            member("d/x", tarfile.FIFOTYPE),
            ("These members are not files, directories or links: 'd/x'.",),
        ),
        (member("d/x", tarfile.SYMTYPE, "PKG-INFO"), ()),
        (member("d/x", tarfile.LNKTYPE, "d/PKG-INFO"), ()),
        (member("d/x", tarfile.DIRTYPE), ()),
    ],
    ids=["up", "absolute", "hard", "a pipe", "within", "hard and within", "a directory"],
)
def test_members_that_are_no_files_are_told(
    odd: tuple[tarfile.TarInfo, bytes], told: tuple[str, ...]
) -> None:
    """Links out of the tree and devices are taken by PyPI, and refused by installers (C47)."""
    content = gzip_of(tar_of([tar_file("d/PKG-INFO", b"Name: demo\n"), odd]))

    assert suspicions(content, SDIST) == told


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"__pyarmor__(__name__, __file__, b'')", "PyArmor-encrypted content is not allowed."),
        (b"x __pyarmor_exit__ y", "PyArmor-encrypted content is not allowed."),
        (
            b"---BEGIN PYE FILE---\n---END PYE FILE---",
            "SourceDefender-encrypted content is not allowed.",
        ),
        (b"---BEGIN PYE FILE---", None),
        (b"import pyarmor", None),
    ],
    ids=["PyArmor", "another mark of it", "SourceDefender", "half of it", "a word"],
)
def test_protection_is_found(content: bytes, sentence: str | None) -> None:
    """PyPI takes no encrypted code."""
    assert find_protection(content) == sentence


@pytest.mark.parametrize(
    ("path", "found"), [("demo/a.py", True), ("demo/a.pye", True), ("demo/a.txt", False)], ids=str
)
def test_code_alone_is_looked_at(path: str, *, found: bool) -> None:
    """The marks may stand in any other file, of a wheel and of an sdist."""
    marks = b"__pyarmor_enter__"
    wheel = a_wheel(extra={path: marks}).content
    sdist = gzip_of(tar_of([tar_file("d/PKG-INFO", b""), tar_file(f"d/{path}", marks)]))

    for content, filename in ((wheel, "demo-1.0-py3-none-any.whl"), (sdist, SDIST)):
        contents = read_contents(io.BytesIO(content), parse_distribution_name(filename))
        assert ("PyArmor" in "".join(contents.problems)) is found
