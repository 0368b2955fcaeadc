"""How the requirements of two releases are compared."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from packaging.specifiers import SpecifierSet
from packaging.version import Version

from stageproxy.core.review.delta.delta import RequirementChange as Change
from stageproxy.core.review.delta.delta import RequirementDelta
from stageproxy.core.review.delta.requirements import (
    compare_requirements,
    compare_requires_python,
    compare_specifiers,
)

PARTS = st.integers(0, 2)
VERSIONS = st.builds(
    lambda numbers, suffix: ".".join(map(str, numbers)) + suffix,
    st.lists(PARTS, min_size=1, max_size=3),
    st.sampled_from(["", "a1", "rc1", ".post1", ".dev1"]),
)
CLAUSES = st.one_of(
    st.builds("{}{}".format, st.sampled_from([">=", "<=", "<", ">", "==", "!="]), VERSIONS),
    st.builds("=={}.{}.*".format, PARTS, PARTS),
    st.builds("!={}.*".format, PARTS),
    st.builds("~={}.{}".format, PARTS, PARTS),
)
SPECIFIERS = st.lists(CLAUSES, max_size=3).map(lambda clauses: SpecifierSet(",".join(clauses)))
CANDIDATES = st.lists(VERSIONS.map(Version), min_size=1, max_size=30)
OPPOSITE = {
    Change.ADDED: Change.REMOVED,
    Change.REMOVED: Change.ADDED,
    Change.LOOSENED: Change.TIGHTENED,
    Change.TIGHTENED: Change.LOOSENED,
    Change.CHANGED: Change.CHANGED,
}
REQUIREMENTS = st.lists(
    st.builds(
        "{}{}{}".format,
        st.sampled_from(["foo", "bar", "Foo[x]", "foo.bar"]),
        st.sampled_from(["", ">=1", ">=2", "<3", "==1.*", "===1", ">=2,<1"]),
        st.sampled_from(
            [
                "",
                '; extra == "a"',
                '; python_version < "3.11"',
                '; os_name == "nt" and extra == "b"',
            ]
        ),
    ),
    max_size=5,
)


@pytest.mark.parametrize(
    ("before", "after", "change"),
    [
        ("foo>=1", "foo>=2", Change.TIGHTENED),
        ("foo>=1,<2", "foo>=1,<3", Change.LOOSENED),
        ("foo>=1", "foo", Change.LOOSENED),
        ("foo", "foo!=1.5", Change.TIGHTENED),
        ("foo>=1.0", "foo>=1.0rc1", Change.LOOSENED),
        ("foo<2", "foo<=2", Change.LOOSENED),
        ("foo~=1.4.2", "foo~=1.4", Change.LOOSENED),
        ("foo>=1,<2", "foo>=2,<3", Change.CHANGED),
        ("foo===1", "foo===2", Change.CHANGED),
        ("foo", "foo[bar]", Change.CHANGED),
        ("foo>=1", "foo>=1; os_name == 'nt'", Change.CHANGED),
        ("foo>=1", "foo @ https://files.example/foo.zip", Change.CHANGED),
        ("foo>=1; os_name=='nt'", "foo>=2 ; os_name == 'nt'", Change.TIGHTENED),
    ],
)
def test_a_requirement_that_differs(before: str, after: str, change: Change) -> None:
    """A requirement is loosened or tightened if it accepts more or fewer versions, all told."""
    assert [one.change for one in compare_requirements([before], [after])] == [change]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("foo>=1.0", "Foo >= 1"),
        ("foo (>=1,<2)", "foo<2,>=1"),
        ("foo>=1.4,==1.*", "foo~=1.4"),
        ("foo; os_name=='nt'", 'foo ; os_name == "nt"'),
        ("foo; extra=='a_b'", "foo; extra=='A-B'"),
        ('foo; (os_name == "nt") and (extra == "a")', "foo; extra == 'a' and os_name == 'nt'"),
        ("not a requirement", "not a requirement"),
    ],
)
def test_a_requirement_that_is_only_written_in_another_way(before: str, after: str) -> None:
    """A requirement that means the same is the same, however a build backend writes it."""
    assert compare_requirements([before], [after]) == []


def test_requirements_are_added_to_an_extra() -> None:
    """A requirement is new in the extra that it belongs to, even if the release has it anyway."""
    found = compare_requirements(["foo>=1"], ["foo>=1", "foo>=2; extra == 'fast'"])

    assert found == [
        RequirementDelta("foo", Change.ADDED, "", "foo>=2; extra == 'fast'", extra="fast")
    ]


def test_a_requirement_that_is_split_by_a_marker_is_not_new() -> None:
    """Another marker changes a requirement: the project was required before, too."""
    split = ["foo>=1; python_version < '3.12'", "foo>=2; python_version >= '3.12'"]

    found = compare_requirements(["foo>=1"], split)

    assert found == [RequirementDelta("foo", Change.CHANGED, "foo>=1", " and ".join(split))]


@pytest.mark.parametrize(
    "texts",
    [
        ["foo>=2,<1"],
        ["foo>=2", "foo<1"],
        ["foo==1.0,!=1.0"],
        ["foo>=1; os_name == 'nt'", "foo<1; os_name == 'nt'"],
    ],
)
def test_a_requirement_that_nothing_can_meet(texts: list[str]) -> None:
    """A requirement is unsatisfiable if no version meets all that is required at once."""
    found = compare_requirements(["foo"], texts)

    assert [one.is_unsatisfiable for one in found] == [True]


def test_a_requirement_that_is_too_long_to_be_judged() -> None:
    """Very many specifiers or extras are compared as texts, since judging them takes long."""
    long = ",".join(f"!=1.{one}" for one in range(30))
    extras = " or ".join(f"extra == 'e{one}'" for one in range(30))

    found = compare_requirements([f"foo{long}"], [f"foo{long},!=2", f"bar; {extras}"])

    assert [(one.name, one.change, one.extra) for one in found] == [
        ("bar", Change.ADDED, ""),
        ("foo", Change.CHANGED, ""),
    ]
    assert compare_requirements([f"foo{long}"], [f"foo{long}"]) == []


def test_a_direct_url() -> None:
    """A requirement that names a URL is marked, since installers do not ask the index for it."""
    found = compare_requirements([], ["foo @ https://files.example/foo.zip"])

    assert [(one.name, one.change, one.is_direct) for one in found] == [("foo", Change.ADDED, True)]


@pytest.mark.parametrize(
    ("before", "after", "change"),
    [
        (">=3.8", ">=3.9", Change.TIGHTENED),
        ("", ">=3.9", Change.TIGHTENED),
        (">=3.8,<4", ">=3.8", Change.LOOSENED),
        (">=3.8,!=3.8.1", ">=3.9,!=3.9.7", Change.TIGHTENED),
        (">=3.8", ">=3.7,<3.12", Change.CHANGED),
        ("three", ">=3.9", Change.CHANGED),
    ],
)
def test_requires_python_that_differs(before: str, after: str, change: Change) -> None:
    """Requires-Python is compared as a requirement on Python."""
    assert compare_requires_python(before, after) == [
        RequirementDelta("python", change, before, after)
    ]


@given(SPECIFIERS, SPECIFIERS, CANDIDATES)
def test_looser_and_tighter_mean_what_installers_accept(
    before: SpecifierSet, after: SpecifierSet, candidates: list[Version]
) -> None:
    """For any two sets of specifiers, the change that is found holds for every version."""
    change = compare_specifiers(before, after)
    old = {one for one in candidates if before.contains(one, prereleases=True)}
    new = {one for one in candidates if after.contains(one, prereleases=True)}

    if change in {None, Change.LOOSENED}:
        assert old <= new
    if change in {None, Change.TIGHTENED}:
        assert new <= old


@given(REQUIREMENTS)
def test_requirements_equal_themselves(texts: list[str]) -> None:
    """For any requirements, nothing differs from the same ones in another order."""
    assert compare_requirements(texts, texts[::-1]) == []


@given(REQUIREMENTS, REQUIREMENTS)
def test_requirements_compared_backwards(before: list[str], after: list[str]) -> None:
    """For any requirements, what is added one way is removed the other way, and so on."""
    forth, back = compare_requirements(before, after), compare_requirements(after, before)

    assert sorted((one.name, one.extra, OPPOSITE[one.change]) for one in forth) == sorted(
        (one.name, one.extra, one.change) for one in back
    )
