"""Pages in gzip, with and without the extra `speedups`."""

import gzip
from collections.abc import Callable
from importlib import import_module
from types import ModuleType

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stageproxy.web.answers.gzipping import compressor, gzipped


def without_isal(name: str) -> ModuleType:
    """Import a module as in an environment without the extra."""
    if name.startswith("isal"):
        raise ImportError(name)
    return import_module(name)


COMPRESSORS = {"isal": compressor(), "zlib": compressor(without_isal)}


@pytest.mark.parametrize("compress", COMPRESSORS.values(), ids=COMPRESSORS)
@given(body=st.binary(max_size=2000), times=st.integers(1, 50))
def test_body(compress: Callable[[bytes], bytes], body: bytes, times: int) -> None:
    """The body comes out again, and is packed into the same bytes each time, as its ETag says."""
    packed = compress(body * times)

    assert gzip.decompress(packed) == body * times
    assert compress(body * times) == packed


def test_the_extra_is_used() -> None:
    """Pages in gzip are made by isal, which this environment has."""
    assert gzipped(b"a page") == COMPRESSORS["isal"](b"a page")
    assert COMPRESSORS["isal"](b"a page" * 500) != COMPRESSORS["zlib"](b"a page" * 500)
