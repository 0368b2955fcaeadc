"""What an artifact changes beside its counterpart."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stageproxy.core.review.delta.compare import MOST_CHANGES, SummaryDelta, compare_summaries
from stageproxy.core.review.delta.delta import ChangeKind as Kind
from stageproxy.core.review.delta.delta import FieldDelta, MemberDelta, NameDelta
from stageproxy.core.review.summary import ArchiveSummary
from tests.support.builders.summaries import a_summary

PATHS = st.sampled_from(
    ["demo/a.py", "demo/b.py", "demo/c.cpython-312-darwin.so", "demo-*/LICENSE"]
)
SUMMARIES = st.builds(
    lambda fields, files, points, modules: a_summary(
        *fields, files=files, entry_points=points, top_level=modules
    ),
    st.lists(
        st.sampled_from(
            ["Summary: A", "Summary: B", "Classifier: X", "Requires-Dist: foo", "Home-page: h"]
        ),
        min_size=1,
    ),
    st.dictionaries(PATHS, st.sampled_from(["x", "yy"])),
    st.lists(st.sampled_from(["g: a = m:f", "g: a = m:g", "g: b = m:f"]), max_size=2),
    st.lists(st.sampled_from(["demo", "other"]), unique=True),
)
OPPOSITE = {Kind.ADDED: Kind.REMOVED, Kind.REMOVED: Kind.ADDED, Kind.CHANGED: Kind.CHANGED}


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ("Summary: A", "Summary: B", FieldDelta("Summary", Kind.CHANGED, "A", "B")),
        ("Name: demo", "License: MIT", FieldDelta("License", Kind.ADDED, "", "MIT")),
        ("Classifier: A", "classifier: B", FieldDelta("classifier", Kind.ADDED, "", "B")),
        (
            "Project-URL: Docs, https://a.example",
            "Project-URL: Docs, https://b.example",
            FieldDelta(
                "Project-URL", Kind.CHANGED, "Docs, https://a.example", "Docs, https://b.example"
            ),
        ),
        ("Summary: A", "Summary: \u202eB", FieldDelta("Summary", Kind.CHANGED, "A", "\\u202eB")),
    ],
)
def test_fields_are_compared_by_value(before: str, after: str, expected: FieldDelta) -> None:
    """A field that differs is listed with both values, which can be shown as they are."""
    assert expected in compare_summaries(a_summary(before), a_summary(after)).fields


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("Version: 1.0", "Version: 2.0"),
        ("Provides-Extra: A_b", "Provides-Extra: a-b"),
        ("Requires-Dist: foo", "Requires-Dist: foo"),
    ],
)
def test_fields_that_say_nothing_new(before: str, after: str) -> None:
    """The version always differs; an extra is the same under another spelling."""
    assert compare_summaries(a_summary(before), a_summary(after)).fields == ()


def test_the_description_is_compared_by_its_length() -> None:
    """A description that differs is a line; its text is in the diff of the file."""
    found = compare_summaries(
        a_summary("Name: demo", description="one"), a_summary("Name: demo", description="three")
    )

    assert found.fields == (
        FieldDelta("Description", Kind.CHANGED, "3 characters", "5 characters"),
    )


def test_names_that_users_rely_on() -> None:
    """Entry points, modules, extensions, licence files and scripts are compared by name."""
    before = a_summary(
        files={
            "demo/_core.cpython-312-x86_64-linux-gnu.so": "1",
            "demo-*.dist-info/LICENSE": "MIT",
            "demo-*.data/scripts/run": "1",
        },
        entry_points=["console_scripts: demo = demo:main", "demo.plugins: a = demo.a:A"],
        top_level=["demo", "demo_extras"],
    )
    after = a_summary(
        files={
            "demo/_core.cpython-313-x86_64-linux-gnu.so": "2",
            "demo/_new.abi3.so": "1",
            "demo-*.dist-info/licenses/LICENSE": "Apache",
        },
        entry_points=["console_scripts: demo = demo.cli:main", "demo.plugins: a = demo.a:A"],
        top_level=["demo"],
    )

    assert compare_summaries(before, after).names == (
        NameDelta(
            "entry-point", "console_scripts: demo", Kind.CHANGED, "demo:main", "demo.cli:main"
        ),
        NameDelta("module", "demo_extras", Kind.REMOVED, "demo_extras"),
        NameDelta("extension", "demo/_new", Kind.ADDED, "", "demo/_new"),
        NameDelta("license", "LICENSE", Kind.CHANGED),
        NameDelta("script", "run", Kind.REMOVED),
    )


def test_files_are_compared_by_path_and_digest() -> None:
    """Files are added, removed or changed, with their sizes; RECORD, which lists them, is not."""
    before = a_summary(files={"demo/a.py": "1", "demo/b.py": "22", "demo-*.dist-info/RECORD": "1"})
    after = a_summary(files={"demo/a.py": "333", "demo/c.py": "4", "demo-*.dist-info/RECORD": "2"})

    digests = {one.path: one.sha256 for one in after.members}
    assert compare_summaries(before, after).members == (
        MemberDelta("demo/a.py", Kind.CHANGED, 1, 3, sha256=digests["demo/a.py"]),
        MemberDelta("demo/b.py", Kind.REMOVED, 2, 0),
        MemberDelta("demo/c.py", Kind.ADDED, 0, 1, sha256=digests["demo/c.py"]),
    )


def test_moved_files_come_last() -> None:
    """Files that were only moved do not take the place of those that have changed."""
    before = a_summary(files={"a/test.py": "1", "demo.py": "2"})
    after = a_summary(files={"b/test.py": "1", "demo.py": "3"})

    found = compare_summaries(before, after)

    assert [one.path for one in found.members] == ["demo.py", "a/test.py", "b/test.py"]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("demo/_a.cpython-312-darwin.so", "demo/_a.cpython-313-darwin.so"),
        ("demo/_a.cp312-win_amd64.pyd", "demo/_a.cp313-win_amd64.pyd"),
        ("demo/_a.pypy311-pp73-darwin.so", "demo/_a.pypy310-pp73-darwin.so"),
    ],
)
def test_an_extension_for_another_python_is_the_same_file(before: str, after: str) -> None:
    """Tags in the name of an extension do not make it a new one."""
    found = compare_summaries(a_summary(files={before: "1"}), a_summary(files={after: "2"}))

    assert [one.kind for one in found.members] == [Kind.CHANGED]


def test_an_artifact_that_was_not_read_is_not_compared() -> None:
    """Files that were not read look neither new nor removed: why they were not read is said."""
    before = a_summary("Summary: A", files={"demo/a.py": "1"}, not_read="It is damaged.")

    found = compare_summaries(before, a_summary("Summary: B", files={"demo/b.py": "1"}))

    assert (found.members, found.names) == ((), ())
    assert found.not_compared == "demo-2.0-py3-none-any.whl was not read: It is damaged."
    assert [one.field for one in found.fields] == ["Summary"]


def test_an_artifact_without_a_counterpart_changes_nothing() -> None:
    """Of an artifact that has nothing to be compared with, not everything is listed as new."""
    found = compare_summaries(None, a_summary("Summary: A", files={"demo/a.py": "1"}))

    assert found == SummaryDelta(count_after=1)


def test_what_is_left_out_is_counted() -> None:
    """More changes than are listed are counted, and said in a finding."""
    before = a_summary("Name: demo")
    after = a_summary(
        *(f"Classifier: {one}" for one in range(MOST_CHANGES + 2)),
        files={f"demo/{one}.py": "1" for one in range(MOST_CHANGES + 3)},
    )

    found = compare_summaries(before, after)

    assert (len(found.fields), len(found.members), found.omitted) == (MOST_CHANGES, MOST_CHANGES, 3)
    assert [one.code for one in found.findings] == ["not-all-compared"]


@given(SUMMARIES)
def test_an_artifact_equals_itself(summary: ArchiveSummary) -> None:
    """For any artifact, nothing differs from itself."""
    count = len(summary.members)

    assert compare_summaries(summary, summary) == SummaryDelta(
        count_before=count, count_after=count
    )


@given(SUMMARIES, SUMMARIES)
def test_artifacts_compared_backwards(before: ArchiveSummary, after: ArchiveSummary) -> None:
    """For any two artifacts, what is added one way is removed the other way."""
    forth, back = compare_summaries(before, after), compare_summaries(after, before)

    for ways in ((forth.names, back.names), (forth.fields, back.fields)):
        assert _by_kind(ways[0], backwards=True) == _by_kind(ways[1], backwards=False)
    assert {(one.path, OPPOSITE[one.kind], one.size_after) for one in forth.members} == {
        (one.path, one.kind, one.size_before) for one in back.members
    }


def _by_kind(
    changes: tuple[NameDelta, ...] | tuple[FieldDelta, ...], *, backwards: bool
) -> set[tuple[Kind, str, str]]:
    if backwards:
        return {(OPPOSITE[one.kind], one.after, one.before) for one in changes}
    return {(one.kind, one.before, one.after) for one in changes}
