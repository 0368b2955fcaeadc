"""Random damage to archives."""

from collections.abc import Sequence
from typing import Any

from hypothesis import strategies as st


def mangled(content: bytes) -> st.SearchStrategy[bytes]:
    """Return a strategy of damaged versions of an archive."""
    changes = st.lists(st.tuples(st.integers(0, len(content) - 1), st.integers(0, 255)), max_size=4)
    return st.builds(_mangle, st.just(content), changes, st.integers(0, len(content)))


def _mangle(content: bytes, changes: Sequence[tuple[int, int]], length: int) -> bytes:
    changed = bytearray(content)
    for place, byte in changes:
        changed[place] = byte
    return bytes(changed[: length or None])


ANYTHING: st.SearchStrategy[Any] = st.binary() | st.binary().map(b"\x1f\x8b\x08".__add__)
