"""The dependencies of a release that no release on the index satisfies."""

from dataclasses import replace

import pytest
from packaging.requirements import Requirement
from packaging.version import Version

from stageproxy.core.index.pages import ListedFile, Listing
from stageproxy.core.rules.findings import Level, suspicious
from stageproxy.core.stage.dependencies import (
    Available,
    Wishes,
    available_in,
    dependencies_in,
    not_looked_up,
    too_long,
    unsatisfied,
    wanted_of,
    wishes_of,
)
from stageproxy.core.stage.release_findings import staged_file
from tests.support.builders.stages import an_artifact


def available(*versions: str, yanked: tuple[str, ...] = ()) -> Available:
    """Return a project with these versions, and yanked ones."""
    gone = frozenset(map(Version, yanked))
    return Available(frozenset(map(Version, versions)) | gone, gone)


def listing(*files: tuple[str, str | None], exists: bool = True) -> Listing:
    """Return a page of files, each with the reason why it is yanked."""
    listed = [ListedFile(name, None, None, yanked) for name, yanked in files]
    return Listing({one.filename: one for one in listed}, exists=exists)


def considered(*requires_dist: str, requires_python: str | None = None) -> list[str]:
    """Return the requirements of a staged wheel that are judged."""
    wheel = an_artifact("demo-2.0-py3-none-any.whl", requires_python=requires_python)
    file = staged_file(replace(wheel, requires_dist=requires_dist), [])
    return [str(one) for one in dependencies_in(wanted_of(wishes_of([file])))]


def test_long_markers_take_no_time() -> None:
    """A marker that would take minutes to judge is taken as one that may hold."""
    marker = " and ".join(f'extra == "e{number}"' for number in range(30))

    assert considered(f"six; {marker}", 'attrs; extra == "a" and extra == "b"') == [
        f"six; {marker}"
    ]


@pytest.mark.parametrize(
    "texts",
    [("six[" + "a," * 1000 + "a]",), tuple(f"six!=1.{n}{'0' * 900}" for n in range(100))],
    ids=["one", "all together"],
)
def test_long_requirements_are_not_looked_up(texts: tuple[str, ...]) -> None:
    """Requirements have a length that is looked up, alone and together; others are named."""
    wanted = wanted_of(Wishes("demo", "", texts))

    assert sum(map(len, wanted.texts)) <= 2**16
    assert len(wanted.texts) + wanted.left_out == len(texts)
    assert [one.level for one in too_long(wanted)] == [Level.UNKNOWN]


SATISFIED = {
    "any release": ("idna", available("3.0")),
    "a range": ("idna>=2,<4", available("3.0")),
    "a pre-release where there is nothing else": ("idna", available("3.0rc1")),
    "a pre-release that is asked for": ("idna>=3.0rc1", available("3.0rc1")),
    "a yanked release that is pinned": ("idna==3.0", available(yanked=("3.0",))),
    "another spelling": ("idna==3", available("3.0.0")),
    "extras": ("idna[fast]>=2", available("3.0")),
}


@pytest.mark.parametrize(("requirement", "known"), SATISFIED.values(), ids=SATISFIED)
def test_satisfied(requirement: str, known: Available) -> None:
    """A requirement that pip can satisfy has no finding."""
    assert unsatisfied(Requirement(requirement), known) is None


UNSATISFIED = {
    "a version that does not exist": ("idna>=99", available("3.0"), "satisfies >=99"),
    "a typing error in a pin": ("idna==33.0", available("3.0"), "satisfies ==33.0"),
    "a yanked release": ("idna>=3", available("2.0", yanked=("3.0",)), "satisfies >=3"),
    "a range of yanked releases": ("idna==3.*", available(yanked=("3.1",)), "satisfies ==3.*"),
    "a project without releases": ("idna", available(), "can be installed"),
}


@pytest.mark.parametrize(("requirement", "known", "what"), UNSATISFIED.values(), ids=UNSATISFIED)
def test_unsatisfied(requirement: str, known: Available, what: str) -> None:
    """A requirement that no release satisfies is a warning, which names the requirement."""
    message = f"Requires-Dist {requirement}: no release of idna {what} on PyPI."

    assert unsatisfied(Requirement(requirement), known) == suspicious(message, "requires_dist")


def test_no_such_project() -> None:
    """A project that the index does not have is a warning."""
    finding = unsatisfied(Requirement('nosuch>=1; extra == "x"'), None)

    assert finding == suspicious(
        'Requires-Dist nosuch>=1; extra == "x": PyPI has no project nosuch.', "requires_dist"
    )


@pytest.mark.parametrize("known", [None, available()], ids=["no project", "no release"])
def test_requirement_is_named_in_printable_text(known: Available | None) -> None:
    """A marker with a sequence for terminals cannot hide what is above it."""
    finding = unsatisfied(Requirement('idna; extra == "\x1b[2J\u202e"'), known)

    assert finding is not None
    assert finding.message.startswith('Requires-Dist idna; extra == "?[2j?": ')


def test_what_a_page_has() -> None:
    """A release is yanked if all its files are; other files are no release."""
    page = listing(
        ("idna-1.0.tar.gz", None),
        ("idna-2.0.tar.gz", "broken"),
        ("idna-2.0-py3-none-any.whl", None),
        ("idna-3.0.tar.gz", ""),
        ("idna-4.0.exe", None),
    )

    assert available_in(page) == available("1.0", "2.0", yanked=("3.0",))
    assert available_in(listing(exists=False)) is None


CONSIDERED = {
    "plain": "idna>=2",
    "an extra": 'idna; extra == "fast"',
    "one system": 'pywin32; sys_platform == "win32"',
    "a Python that is supported": 'tomli; python_version < "3.11"',
    "a later Python": 'backport; python_version >= "3.13"',
}


@pytest.mark.parametrize("text", CONSIDERED.values(), ids=CONSIDERED)
def test_requirements_that_may_apply(text: str) -> None:
    """A requirement is judged if its marker holds in some environment, extras included."""
    assert considered(text, requires_python=">=3.9") == [str(Requirement(text))]


LEFT_OUT = {
    "a Python that is not supported": 'dataclasses; python_version < "3.7"',
    "Python 2": 'enum34; python_version < "3"',
    "the project itself": "Demo[all]",
    "a URL": "idna @ https://files.example/idna-1.0.tar.gz",
    "no requirement": "???",
}


@pytest.mark.parametrize("text", LEFT_OUT.values(), ids=LEFT_OUT)
def test_requirements_that_never_apply(text: str) -> None:
    """What no installer looks up is not judged."""
    assert considered(text, requires_python=">=3.9") == []


def test_unanswered() -> None:
    """Projects about which the index gave no answer are one finding."""
    names = [f"p{number}" for number in range(7)]

    (finding,) = not_looked_up(names)  # type: ignore[arg-type] # normalized as they are

    assert finding.level == "unknown"
    assert finding.message.endswith("looked up on PyPI: p0, p1, p2, p3, p4 and 2 more.")
    assert list(not_looked_up([])) == []
