"""Encrypted code in archives."""

import io

import pytest

from stageproxy.core.archives.encrypted_code import find_encryption
from stageproxy.core.archives.filenames import parse_distribution_name
from stageproxy.core.archives.reader import read_contents
from tests.support.builders.archives import gzip_of, tar_file, tar_of
from tests.support.builders.distributions import a_wheel

SDIST = "demo-1.0.tar.gz"


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
def test_encrypted_code_is_found(content: bytes, sentence: str | None) -> None:
    """PyPI refuses code that PyArmor or SourceDefender encrypted."""
    assert find_encryption(content) == sentence


@pytest.mark.parametrize(
    ("path", "found"), [("demo/a.py", True), ("demo/a.pye", True), ("demo/a.txt", False)], ids=str
)
def test_only_code_is_searched(path: str, *, found: bool) -> None:
    """The marks of encrypted code may occur in any other file of a wheel or an sdist."""
    marks = b"__pyarmor_enter__"
    wheel = a_wheel(extra={path: marks}).content
    sdist = gzip_of(tar_of([tar_file("d/PKG-INFO", b""), tar_file(f"d/{path}", marks)]))

    for content, filename in ((wheel, "demo-1.0-py3-none-any.whl"), (sdist, SDIST)):
        contents = read_contents(io.BytesIO(content), parse_distribution_name(filename))
        assert ("PyArmor" in "".join(contents.problems)) is found
