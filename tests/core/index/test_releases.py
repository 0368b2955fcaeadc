"""The releases of a project, by what a page lists."""

from packaging.version import Version

from stageproxy.core.index.releases import releases_in
from tests.support.builders.listings import a_listing


def test_releases() -> None:
    """Files are grouped by version, however it is spelled, the newest first."""
    wheel, sdist, older = "demo-2.0-py3-none-any.whl", "demo-2.0.0.tar.gz", "demo-1.10.zip"

    found = releases_in(a_listing(older, wheel, sdist))

    assert [(one.version, one.filenames) for one in found] == [
        (Version("2.0"), [wheel, sdist]),
        (Version("1.10"), [older]),
    ]


def test_yanked_files() -> None:
    """Yanked files are not among the files of a release."""
    names = ["demo-1.0-py3-none-any.whl", "demo-1.0.tar.gz"]

    (found,) = releases_in(a_listing(*names, yanked=(names[0],)))

    assert [one.filename for one in found.files] == [names[1]]


def test_no_releases() -> None:
    """Files without a version are left out, also one with a number that is too long to read."""
    names = ["demo.whl", "demo.tar.gz", "demo-x.tar.gz", "demo-1.0.exe", f"demo-{'9' * 5000}.zip"]

    assert releases_in(a_listing(*names)) == []
