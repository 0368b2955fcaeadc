"""Resolution: what an installer would install, and what conflicts, by pages and requirements."""

from collections.abc import Mapping, Sequence

import pytest
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import Version

from stageproxy.core.index.pages import ListedFile, Listing
from stageproxy.core.review.resolving.facts import Facts, NeededError, Pick
from stageproxy.core.review.resolving.metadata import (
    Required,
    required_in,
    required_in_json,
    required_in_metadata,
)
from stageproxy.core.review.resolving.pythons import linux, pythons_for
from stageproxy.core.review.resolving.resolution import Outcome, Resolution
from stageproxy.core.review.resolving.resolve import resolve
from tests.support.builders.stages import an_artifact

Index = Mapping[str, Mapping[str, Sequence[str]]]
"""What the releases of projects require, by project and version."""


def page_of(project: str, versions: Sequence[str], **more: str | None) -> Listing:
    """Return a page with one wheel for each version."""
    names = [f"{project.replace('-', '_')}-{one}-py3-none-any.whl" for one in versions]
    files = [ListedFile(name, None, more.get("python"), more.get("yanked")) for name in names]
    return Listing({one.filename: one for one in files})


def resolved(requires: Sequence[str], index: Index, python: str = "3.12") -> Resolution:
    """Return the resolution of demo 2.0, which finds out step by step what is on an index."""
    release = Pick(canonicalize_name("demo"), Version("2.0"), "demo-2.0-py3-none-any.whl")
    facts = Facts(required={release: required_in(requires)})
    for _ in range(50):
        try:
            return resolve(release, python, facts, lambda: None)
        except NeededError as needed:
            learn(facts, needed, index)
    raise AssertionError("it asks for ever")


def learn(facts: Facts, needed: NeededError, index: Index) -> None:
    """Add what is needed, and check that it was not known."""
    assert needed.pages or needed.metadata
    for name in needed.pages:
        assert name not in facts.pages
        facts.pages[name] = page_of(name, [*index[name]]) if name in index else None
    for pick in needed.metadata:
        assert pick not in facts.required
        facts.required[pick] = required_in(index[pick.project][str(pick.version)])


@pytest.mark.parametrize(
    "marker", ["os_name ~= 'posix'", "'x' ~= extra", "'x' in extras", "'x' in dependency_groups"]
)
def test_marker_without_a_meaning(marker: str) -> None:
    """A marker that can be read but not evaluated leaves one answer open, not the whole review."""
    found = resolved([f"idna; {marker}"], {"idna": {"3.0": []}})

    assert found.outcome is Outcome.UNKNOWN
    assert "cannot be evaluated" in found.reason


def test_newest_of_everything() -> None:
    """The newest releases that meet all requirements are chosen, also through others."""
    index: Index = {
        "httpx": {"1.0": ["idna<3"], "0.9": []},
        "idna": {"2.10": [], "3.0": [], "2.9": []},
    }
    found = resolved(["httpx", "idna>=2"], index)

    assert found.outcome is Outcome.RESOLVED
    assert found.chosen == ("demo==2.0", "httpx==1.0", "idna==2.10")


def test_backtracking() -> None:
    """An older release is chosen if the newest one conflicts."""
    index: Index = {
        "a": {"2.0": ["c>=2"], "1.0": ["c<2"]},
        "b": {"1.0": ["c<2"]},
        "c": {"1.0": [], "2.0": []},
    }

    assert resolved(["a", "b"], index).chosen == ("a==1.0", "b==1.0", "c==1.0", "demo==2.0")


def test_conflict_names_both() -> None:
    """A conflict says which requirements, and who has them."""
    index: Index = {"httpx": {"1.0": ["idna<3"]}, "idna": {"2.10": [], "3.0": []}}
    found = resolved(["httpx", "idna>=3"], index)

    assert found.outcome is Outcome.CONFLICT
    assert "demo==2.0 requires idna>=3" in found.reason
    assert "httpx==1.0 requires idna<3" in found.reason
    assert "no release of idna for Python 3.12" in found.reason


def test_missing_project() -> None:
    """A project that the index does not have is named, with who requires it."""
    found = resolved(["nosuch>=1"], {})

    assert (found.outcome, found.reason) == (
        Outcome.CONFLICT,
        "demo==2.0 requires nosuch>=1, but the index has no project nosuch.",
    )


@pytest.mark.parametrize(
    ("python", "requirement", "counts"),
    [
        ("3.12", "six; python_version < '3.12'", False),
        ("3.11", "six; python_version < '3.12'", True),
        ("3.12", "six; sys_platform == 'win32'", False),
        ("3.12", "six; sys_platform == 'linux' and platform_machine == 'x86_64'", True),
        ("3.12", "six; extra == 'more'", False),
        ("3.12", "six; implementation_name == 'pypy'", False),
    ],
)
def test_markers_are_those_of_the_target(python: str, requirement: str, *, counts: bool) -> None:
    """Markers are judged for the Python that is resolved for, whatever the server runs on."""
    found = resolved([requirement], {"six": {"1.0": []}}, python)

    assert ("six==1.0" in found.chosen) == counts


def test_extras() -> None:
    """What an extra requires counts where the extra is wanted, and the project is chosen once."""
    index: Index = {
        "httpx": {"1.0": ["h2; extra == 'http2'", "six"]},
        "h2": {"4.0": []},
        "six": {"1.0": []},
    }

    with_extra = resolved(["httpx[http2]"], index)
    assert with_extra.chosen == ("demo==2.0", "h2==4.0", "httpx==1.0", "six==1.0")
    assert "h2==4.0" not in resolved(["httpx"], index).chosen


def test_pre_releases() -> None:
    """A pre-release is chosen if one is asked for, or if there is nothing else."""
    assert "a==1.0" in resolved(["a"], {"a": {"1.0": [], "2.0rc1": []}}).chosen
    assert "a==2.0rc1" in resolved(["a>=2.0rc1"], {"a": {"1.0": [], "2.0rc1": []}}).chosen
    assert "a==2.0rc1" in resolved(["a"], {"a": {"2.0rc1": []}}).chosen


def test_itself() -> None:
    """A dependency on another version of the project itself conflicts; on this one, it does not."""
    index: Index = {"plugin": {"1.0": ["demo>=2"]}, "old": {"1.0": ["demo<2"]}}

    assert resolved(["plugin"], index).outcome is Outcome.RESOLVED
    assert resolved(["old"], index).outcome is Outcome.CONFLICT


@pytest.mark.parametrize(
    ("requirement", "reason"),
    [
        ("six @ https://files.example/six.whl", "a URL that is not on the index"),
        ("x" * 1001, "more than 1000 characters"),
        ("six>=", "not valid"),
    ],
)
def test_unknown_has_a_reason(requirement: str, reason: str) -> None:
    """What cannot be followed makes the outcome unknown, with the reason."""
    found = resolved([requirement], {"six": {"1.0": []}})

    assert found.outcome is Outcome.UNKNOWN
    assert reason in found.reason


def picks(page: Listing, wanted: str) -> list[str]:
    """Return the versions that may be chosen of a page."""
    name = canonicalize_name("six")
    found = Facts(pages={name: page}).picks(name, SpecifierSet(wanted), linux("3.12"))
    return [str(one.version) for one in found]


def test_yanked_and_other_pythons() -> None:
    """A yanked release counts only with `==`; one that excludes the Python never does."""
    assert picks(page_of("six", ["1.0"], yanked="broken"), "") == []
    assert picks(page_of("six", ["1.0"], yanked="broken"), "==1.0") == ["1.0"]
    assert picks(page_of("six", ["1.0"], python="<3.12"), "==1.0") == []


def test_requirements_of_metadata() -> None:
    """Only the headers of METADATA count, in any spelling, and never its description."""
    headers = b"Metadata-Version: 2.1\nRequires-Dist: six>=1\nrequires-dist : idna\r\n"
    headers += b"License: One\n        \n        Two\nRequires-Dist: attrs\n"
    text = headers + b"\nRequires-Dist: no\n"

    assert [str(one) for one in required_in_metadata(text).requirements] == [
        *("six>=1", "idna", "attrs")
    ]


@pytest.mark.parametrize(
    ("metadata", "is_known"),
    [
        (b"Metadata-Version: 2.1\nRequires-Dist: six\n", False),
        (b"Metadata-Version: 2.2\nRequires-Dist: six\n", True),
        (b"Metadata-Version: 2.4\nDynamic: Requires-Dist\n", False),
        (b"", False),
    ],
)
def test_requirements_of_an_sdist(metadata: bytes, *, is_known: bool) -> None:
    """What an sdist requires is known only if it cannot change when it is built."""
    assert bool(required_in_metadata(metadata, is_wheel=False).why_not) != is_known


@pytest.mark.parametrize(
    "body", [b"", b"[]", b'{"info": {}}', b'{"info": {"requires_dist": [1]}}', b"[" * 100_000]
)
def test_hostile_json(body: bytes) -> None:
    """A document that is none is no requirement, and no failure."""
    assert required_in_json(body).why_not
    assert required_in_json(b'{"info": {"requires_dist": null}}') == Required()


@pytest.mark.parametrize(
    ("files", "pythons"),
    [
        ([("demo-2.0-py3-none-any.whl", ">=3.10")], ("3.15", "3.12", "3.10")),
        ([("demo-2.0-cp312-cp312-manylinux_2_17_x86_64.whl", None)], ("3.12",)),
        ([("demo-2.0-cp312-cp312-win_amd64.whl", None)], ()),
        ([("demo-2.0.tar.gz", "<3.9")], ("3.8",)),
    ],
)
def test_three_pythons(files: list[tuple[str, str | None]], pythons: tuple[str, ...]) -> None:
    """The newest, the oldest and one in between are those that the files are for."""
    artifacts = [an_artifact(name, requires_python=python) for name, python in files]

    assert pythons_for(artifacts) == pythons
