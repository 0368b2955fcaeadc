"""Archives that are read in steps, so that a timeout leaves the essential."""

import io
from dataclasses import replace

import pytest

from stageproxy.core.archives.contents import UnusableError
from stageproxy.core.archives.dist_info import LONGEST_ENTRY_POINTS
from stageproxy.core.archives.filenames import parse_distribution_name
from stageproxy.core.archives.reader import Contents, read_contents, read_in_steps
from stageproxy.core.archives.sdists import read_sdist
from tests.support.builders.distributions import Distribution, a_wheel, an_sdist
from tests.support.builders.hostile_zips import wheel

WHEEL, SDIST = a_wheel(), an_sdist()
NOT_SEARCHED = "The wheel was not searched for encrypted code because that would take too long."
NOT_COMPARED = "The files were not compared with RECORD because that would take too long."
NOT_TO_ITS_END = (
    "The sdist was not read to the end because that would take too long. "
    "Whether it is complete, and which files it contains, is unknown."
)


def steps_of(distribution: Distribution) -> list[Contents]:
    """Return the contents after each step."""
    name = parse_distribution_name(distribution.filename)
    return list(read_in_steps(io.BytesIO(distribution.content), name))


def large_sdist_steps(content: bytes, *, longest: int = 2**30) -> list[Contents]:
    """Return the contents of an sdist that counts as large, after each step."""
    return list(read_sdist(io.BytesIO(content), large=0, longest=longest))


def test_wheel_is_read_in_three_steps() -> None:
    """Metadata, then code, then everything; each step states what was not read."""
    whole = read_contents(io.BytesIO(WHEEL.content), parse_distribution_name(WHEEL.filename))

    assert steps_of(WHEEL) == [
        replace(whole, unread=(NOT_SEARCHED, NOT_COMPARED)),
        replace(whole, unread=(NOT_COMPARED,)),
        whole,
    ]


def test_small_sdist_is_read_in_one_step() -> None:
    """A small sdist is read to its end at once, where damage is found."""
    whole = read_contents(io.BytesIO(SDIST.content), parse_distribution_name(SDIST.filename))

    assert steps_of(SDIST) == [whole]


def test_large_sdist_is_read_in_steps() -> None:
    """Before the end of a large sdist, the contents are marked as incomplete."""
    *before, whole = large_sdist_steps(SDIST.content)

    assert before[-1] == Contents(SDIST.metadata, root="demo-1.0", unread=(NOT_TO_ITS_END,))
    assert (whole.core_metadata, whole.unread) == (SDIST.metadata, ())


def test_large_sdist_that_unpacks_to_too_much() -> None:
    """A large sdist is accepted as far as it was read. A small one is a bomb and refused."""
    content = an_sdist(modules={"z.py": "x = 1\n" * 1000}).content

    *_, large = large_sdist_steps(content, longest=5000)
    with pytest.raises(UnusableError) as refused:
        list(read_sdist(io.BytesIO(content), longest=5000))

    assert large.unread == (NOT_TO_ITS_END,)
    assert str(refused.value) == "File unpacks to more than 5000 bytes"


def test_small_sdist_that_is_cut_off() -> None:
    """A truncated sdist is refused, as on PyPI."""
    half = SDIST.content[: len(SDIST.content) // 2]

    [contents] = steps_of(Distribution(SDIST.filename, half))

    assert contents.problems[0].startswith("Invalid distribution file. None")


def test_long_entry_points_are_not_read() -> None:
    """A file of entry points longer than the limit is not parsed."""
    line = b"[console_scripts]\na = b:c\n"
    long = line + b"#" * (LONGEST_ENTRY_POINTS + 1 - len(line))

    contents = [
        steps_of(Distribution(WHEEL.filename, wheel(**{"entry_points.txt": content})))[-1]
        for content in (long[:-1], long)
    ]

    assert [one.unread for one in contents] == [
        (),
        (f"entry_points.txt was not read because it is longer than {LONGEST_ENTRY_POINTS} bytes.",),
    ]
    assert [one.wheel_problems for one in contents] == [(), ()]
