"""Files, sizes, moments, changes and metadata as the page shows them."""

from dataclasses import replace

from stageproxy.core.review.delta.delta import (
    Against,
    ArtifactDelta,
    ChangeKind,
    Delta,
    DiffLine,
    FieldDelta,
)
from stageproxy.core.review.delta.delta import MemberDelta as Member
from stageproxy.core.review.impact.impact import Impact, Moment
from stageproxy.core.review.impact.targets import Target
from stageproxy.services.descriptions import Description
from stageproxy.web.pages import environment
from stageproxy.web.preview.views.about import Line, about
from stageproxy.web.preview.views.delta import EVERYTHING, Room, delta_view, summary_of
from stageproxy.web.preview.views.drawings import Part, size_bars, timeline_of
from stageproxy.web.preview.views.file_rows import serves
from tests.support.builders.stages import an_artifact

LONG_DIFF = tuple(DiffLine("+", "x" * 100, number) for number in range(50))


def a_delta(*artifacts: ArtifactDelta) -> Delta:
    """Return a delta against demo 1.0."""
    return Delta(Against.RELEASE, "1.0", "demo 1.0", artifacts=artifacts)


def changed(name: str, *members: Member) -> ArtifactDelta:
    """Return an artifact whose members changed."""
    return ArtifactDelta(name, name.replace("2.0", "1.0"), 10, 20, members)


def test_what_has_no_room_is_said() -> None:
    """A page shows some changes, and says how many it leaves out; nothing is lost in silence."""
    member = Member("a.py", ChangeKind.CHANGED, 1, 2, LONG_DIFF)
    delta = a_delta(*(changed(f"demo-2.0-{number}.whl", member, member) for number in range(4)))

    view = delta_view(delta, Room(files=3, members=3, characters=6000))

    assert view.left_out == "1 artifacts and 3 files in the others and 2 differences"
    assert [bool(one.diff) for file in view.changed for one in file.members] == [True, False, False]
    assert delta_view(delta, EVERYTHING).left_out == ""


def test_what_is_listed_above_is_said() -> None:
    """A file some of whose changes are listed above says so."""
    file = replace(changed("demo-2.0.tar.gz", Member("a", ChangeKind.ADDED)), repeated=2)

    (shown,) = delta_view(a_delta(file), Room()).changed

    assert summary_of(shown) == "1 added, 2 as above"


def test_files_that_are_alike_leave_room_for_others() -> None:
    """What one wheel of many has alone is shown, though others come before it."""
    alike = [replace(changed(f"demo-2.0-{one}.whl"), repeated=1) for one in range(60)]
    planted = changed("demo-2.0-planted.whl", Member("demo.pth", ChangeKind.ADDED))

    view = delta_view(a_delta(*alike, planted), Room())

    assert (view.changed, view.left_out) == ((planted,), "")
    assert view.alike == tuple(one.filename for one in alike)


def test_where_a_change_is() -> None:
    """A change of some artifacts names them, and what is not listed is counted."""
    summary = FieldDelta("Summary", ChangeKind.CHANGED, "A", "B", ("demo-2.0.tar.gz",))
    member = Member("a", ChangeKind.ADDED)
    file = replace(changed("demo-2.0-py3-none-any.whl", member), repeated=2)
    delta = replace(a_delta(file), fields=(summary,), omitted=3)
    template = environment().get_template("preview/pages/delta.html")

    page = template.render(deltas=[delta_view(delta, Room())], contents=summary_of)

    assert "in <bdi>demo-2.0.tar.gz</bdi>" in page
    assert "2 files that differ as in a file above." in page
    assert "3 more changes are not listed." in page


def test_not_compared_is_not_new() -> None:
    """What was not compared is listed as that, and not among the changes."""
    delta = a_delta(ArtifactDelta("demo-2.0.whl", not_compared="Too large."))

    view = delta_view(delta, Room())

    assert (view.changed, [one.filename for one in view.not_compared]) == ((), ["demo-2.0.whl"])


def test_sizes_have_one_scale() -> None:
    """The largest file, before or now, is as wide as the picture."""
    delta = a_delta(ArtifactDelta("a.whl", "b.whl", 200, 100))

    bars = size_bars([("a.whl", 100), ("c.whl", 50)], delta)

    assert bars["a.whl"].parts == (Part(0, 100.0, "before"), Part(0, 50.0, "after"))
    assert bars["c.whl"].parts == (Part(0, 25.0, "after"),)
    assert (bars["a.whl"].change, bars["c.whl"].change) == ("\N{MINUS SIGN}50 %", "")


def test_moments_have_their_numbers_in_words() -> None:
    """What a bar shows is written below it."""
    target = Target("cp", "3.13", "win amd64")
    impact = Impact(moments=(Moment("one wheel", ("a.whl",), 3, (target,), 1),))

    (step,) = timeline_of(impact)

    built = "1 of them from source instead of a wheel"
    assert step.words == f"3 targets get the release, {built}, 1 get an older one"
    assert [(one.kind, one.width) for one in step.parts] == [
        ("good", 50.0),
        ("warn", 25.0),
        ("info", 25.0),
    ]


def test_tags_of_a_file() -> None:
    """A file says for what it is."""
    names = {
        "demo-2.0.tar.gz": "source",
        "demo-2.0-py3-none-any.whl": "py3",
        "demo-2.0-cp311-abi3-win_amd64.whl": "cp311, abi3, win_amd64",
    }

    assert {name: serves(an_artifact(name)) for name in names} == names


def test_links_lead_to_web_pages_only() -> None:
    """A URL of another kind is a text."""
    form = (
        ("project_urls", "Docs, https://docs.example/"),
        ("project_urls", "Bad, javascript:alert(1)"),
        ("home_page", "data:text/html,x"),
    )

    facts = about(Description(form), everything=False).facts

    assert facts[0].lines == (
        Line("Home page: data:text/html,x"),
        Line("Docs", "https://docs.example/"),
        Line("Bad: javascript:alert(1)"),
    )


def test_a_long_description_is_cut_and_said() -> None:
    """A page stays small: a long description is on the page of everything."""
    long = Description((), "a text " * 20_000, "<p>" + "a" * 140_000 + "</p>")

    short, whole = (about(long, everything=one) for one in (False, True))

    assert (short.cut, str(short.html), len(short.text)) == (True, "", 2**15)
    assert (whole.cut, len(whole.html) > 140_000) == (False, True)


def test_a_description_that_does_not_render() -> None:
    """Its source is shown, and why."""
    shown = about(Description((), "a *text", ""), everything=False)
    waiting = about(replace(Description((), "a *text"), html=None), everything=False)

    assert (shown.text, shown.is_waiting) == ("a *text", False)
    assert shown.why == "It does not render, or takes too long to. This is its source."
    assert waiting.is_waiting
