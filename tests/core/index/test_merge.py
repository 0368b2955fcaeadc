"""Which staged files are added to a page, and at which position."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st
from packaging.version import Version

from stageproxy.core.index.merge import additions, in_order, place_for
from stageproxy.core.index.pages import ListedFile, Listing, StagedFile, version_in
from tests.support.builders.stages import a_staged_file

WHEEL = a_staged_file("demo-2.0-py3-none-any.whl")
SDIST = a_staged_file("demo-2.0.tar.gz")


def a_listing(*files: ListedFile, status: str = "active") -> Listing:
    """Return a listing of the *files*."""
    return Listing({one.filename: one for one in files}, status)


def listed(filename: str, requires: str | None = None, yanked: str | None = None) -> ListedFile:
    """Return a file as a page lists it."""
    return ListedFile(filename, "0" * 64, requires, yanked)


def test_missing_files_are_added_in_order() -> None:
    """Files that the index does not list yet are added, by version and filename."""
    assert additions(Listing(), [SDIST, WHEEL]) == [WHEEL, SDIST]


def test_listed_filename_is_not_added() -> None:
    """A filename that the index lists is not added, whatever its digest."""
    assert additions(a_listing(listed(WHEEL.filename)), [SDIST, WHEEL]) == [SDIST]


def test_quarantined_project_gets_no_files() -> None:
    """A quarantined project offers nothing to install (PEP 792)."""
    assert additions(a_listing(status="quarantined"), [WHEEL]) == []


@pytest.mark.parametrize("status", ["archived", "deprecated", "something new"])
def test_other_statuses_get_files(status: str) -> None:
    """A status that hides no files hides no staged ones."""
    assert additions(a_listing(status=status), [WHEEL]) == [WHEEL]


@pytest.mark.parametrize("spelled", ["demo-2.0.tar.gz", "demo-2.tar.gz", "demo-2.0.0.tar.gz"])
def test_file_of_a_published_release(spelled: str) -> None:
    """Requires-Python and yanking are those of the published release, in any spelling."""
    staged = a_staged_file(WHEEL.filename, requires_python=">=3.12")

    (added,) = additions(a_listing(listed(spelled, ">=3.8", "broken")), [staged])

    assert (added.requires_python, added.yanked) == (">=3.8", "broken")


def test_file_of_a_new_release() -> None:
    """A new release has the Requires-Python of its own first file."""
    staged = a_staged_file(WHEEL.filename, requires_python=">=3.12")

    assert additions(a_listing(listed("demo-1.0.tar.gz", ">=3.8", "broken")), [staged]) == [staged]


@pytest.mark.parametrize(
    ("listed_names", "place"),
    [
        ([], 0),
        (["demo-1.0.tar.gz"], 1),
        (["demo-3.0.tar.gz"], 0),
        (["demo-1.0.tar.gz", "demo-3.0.tar.gz"], 1),
        (["demo-1.10.tar.gz", "demo-10.0.tar.gz"], 1),
        (["demo-2.0-cp311-cp311-win32.whl"], 1),
        (["demo-2.0.0.tar.gz"], 0),
        (["demo-2.0rc1.tar.gz", "demo-2.0.post1.tar.gz"], 1),
        (["demo-1.0-py2.7.egg"], 1),
        (["demo-3.0.tar.gz", "demo-1.0.tar.gz"], 2),
    ],
    ids=[
        "an empty page",
        "after an older one",
        "before a newer one",
        "between",
        "versions are no texts",
        "by filename within a version",
        "however the version is spelled",
        "before a post-release",
        "after a name without version",
        "upstream has another order",
    ],
)
def test_position_of_a_staged_file(listed_names: Sequence[str], place: int) -> None:
    """The position is searched from the end, where new files belong."""
    assert place_for(WHEEL.filename, listed_names) == place


VERSIONS = ["1.0", "1.0.post1", "1.1rc1", "1.1", "2.0", "10.0", "1!0.1"]
NAMES = [
    name
    for version in VERSIONS
    for name in (f"demo-{version}-py3-none-any.whl", f"demo-{version}.tar.gz")
]


def by_version(filename: str) -> tuple[Version, str]:
    """Return the key by which PyPI sorts files."""
    version = version_in(filename)
    if version is None:
        raise AssertionError(filename)
    return version, filename


@given(st.sets(st.sampled_from(NAMES)), st.sampled_from(NAMES))
def test_sorted_page_stays_sorted(listed_names: set[str], staged: str) -> None:
    """For any page in PyPI's order, the page with a staged file is in that order."""
    names = sorted(listed_names - {staged}, key=by_version)
    place = place_for(staged, names)

    names.insert(place, staged)

    assert names == sorted(names, key=by_version)


@given(st.permutations([a_staged_file(name) for name in NAMES]))
def test_staged_files_have_one_order(staged: Sequence[StagedFile]) -> None:
    """For any order of uploads, the page is the same."""
    assert [one.filename for one in in_order(staged)] == sorted(NAMES, key=by_version)
