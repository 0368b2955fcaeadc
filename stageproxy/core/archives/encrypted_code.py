"""Encrypted code, which PyPI refuses."""

from collections.abc import Mapping

LONGEST_SEARCHED = 5 * 2**20
CODE_SUFFIXES = (".py", ".pye")

_PYARMOR = (
    b"__pyarmor__(__name__, __file__,",
    b"__pyarmor_enter__",
    b"__pyarmor_exit__",
    b"__pyarmor_assert__",
    b"__pyarmor_bcc__",
)
_SOURCEDEFENDER = (b"---BEGIN PYE FILE---", b"---END PYE FILE---")
_SENTENCE = "{}-encrypted content is not allowed."


def find_encryption(content: bytes | bytearray) -> str | None:
    """Return PyPI's sentence on a file of encrypted code, `None` on any other file."""
    found: Mapping[str, bool] = {
        "PyArmor": any(mark in content for mark in _PYARMOR),
        "SourceDefender": all(mark in content for mark in _SOURCEDEFENDER),
    }
    return next((_SENTENCE.format(name) for name, is_found in found.items() if is_found), None)
