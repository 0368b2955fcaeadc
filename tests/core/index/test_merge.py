"""Which staged files a page gets, and where."""

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
    """Return what a page says that has the *files*."""
    return Listing({one.filename: one for one in files}, status)


def listed(filename: str, requires: str | None = None, yanked: str | None = None) -> ListedFile:
    """Return what a page says of a file."""
    return ListedFile(filename, "0" * 64, requires, yanked)


def test_missing_files_are_added_in_order() -> None:
    """What upstream does not list yet comes, by version and filename (#70)."""
    assert additions(Listing(), [SDIST, WHEEL]) == [WHEEL, SDIST]


def test_upstream_wins() -> None:
    """A name that upstream lists is upstream's, whatever its digest (#71)."""
    assert additions(a_listing(listed(WHEEL.filename)), [SDIST, WHEEL]) == [SDIST]


def test_a_quarantined_project_gets_nothing() -> None:
    """Quarantined projects offer nothing to install (PEP 792, #66)."""
    assert additions(a_listing(status="quarantined"), [WHEEL]) == []


@pytest.mark.parametrize("status", ["archived", "deprecated", "something new"])
def test_other_projects_get_their_files(status: str) -> None:
    """A state that hides no files hides no staged ones."""
    assert additions(a_listing(status=status), [WHEEL]) == [WHEEL]


@pytest.mark.parametrize("spelled", ["demo-2.0.tar.gz", "demo-2.tar.gz", "demo-2.0.0.tar.gz"])
def test_a_release_that_is_out_tells_what_it_requires(spelled: str) -> None:
    """Requires-Python and yanking are the release's, however its version is spelled (#63)."""
    staged = a_staged_file(WHEEL.filename, requires_python=">=3.12")

    (added,) = additions(a_listing(listed(spelled, ">=3.8", "broken")), [staged])

    assert (added.requires_python, added.yanked) == (">=3.8", "broken")


def test_other_releases_tell_nothing() -> None:
    """A new release requires what its own first file does (#63)."""
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
def test_a_staged_file_has_its_place(listed_names: Sequence[str], place: int) -> None:
    """The search goes from the end, where new files belong (#70)."""
    assert place_for(WHEEL.filename, listed_names) == place


VERSIONS = ["1.0", "1.0.post1", "1.1rc1", "1.1", "2.0", "10.0", "1!0.1"]
NAMES = [
    name
    for version in VERSIONS
    for name in (f"demo-{version}-py3-none-any.whl", f"demo-{version}.tar.gz")
]


def by_version(filename: str) -> tuple[Version, str]:
    """Return what PyPI sorts by."""
    version = version_in(filename)
    if version is None:
        raise AssertionError(filename)
    return version, filename


@given(st.sets(st.sampled_from(NAMES)), st.sampled_from(NAMES))
def test_a_page_in_pypis_order_stays_so(listed_names: set[str], staged: str) -> None:
    """For any page sorted as PyPI does, it still is when the staged file is in (#70)."""
    names = sorted(listed_names - {staged}, key=by_version)
    place = place_for(staged, names)

    names.insert(place, staged)

    assert names == sorted(names, key=by_version)


@given(st.permutations([a_staged_file(name) for name in NAMES]))
def test_staged_files_have_one_order(staged: Sequence[StagedFile]) -> None:
    """For any order of uploads, the page is the same."""
    assert [one.filename for one in in_order(staged)] == sorted(NAMES, key=by_version)
