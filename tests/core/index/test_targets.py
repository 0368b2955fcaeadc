"""The resource of the index that a path asks for."""

from urllib.parse import quote, unquote

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from packaging.utils import canonicalize_name

from stageproxy.core.errors import InvalidRequestError, NotFoundError, StageproxyError
from stageproxy.core.index.targets import (
    NEVER_FORWARDED,
    Feed,
    FileTarget,
    LegacyUpload,
    NotServed,
    OnlyList,
    OnlyPage,
    PassedThrough,
    ProjectJson,
    ProjectList,
    ProjectPage,
    Provenance,
    Redirected,
    ReleaseJson,
    StageRoot,
    Target,
    check_raw_target,
    concerns,
    find_target,
)
from tests.support.errors import find_refusal

PROJECT = canonicalize_name("demo-project")
DIGEST = "0123456789abcdef" * 4
SPREAD = f"{DIGEST[:2]}/{DIGEST[2:4]}/{DIGEST[4:]}"
WHEEL = "demo_project-1.0-py3-none-any.whl"
PAGE = Redirected("simple/demo-project/", permanent=True)

HOSTILE = [
    *("", "simple/", "*", "?", "?/", "https://example.org/", "http:/x", "example.org:80", "\\x"),
    *("/..", "/../", "/.", "/./", "/a/..", "/a/../b", "/a/./b", "/../../etc/passwd", "/...//.."),
    *("/%2e", "/%2E/", "/%2e%2e", "/%2e%2E/x", "/.%2e/x", "/%2e./x", "/a/%2e%2e", "/a/.%2E"),
    *("/..;", "/..;/x", "/simple/..;a=b/x", "/.;/x", "/%2e%2e;/x", "/..%3b/x", "/a/..;?b=c"),
    *("/simple/..?x", "/simple/%2e%2e/?x=1", "/packages/../simple/"),
    *("/a%2fb", "/a%2Fb", "/%2f%2fexample.org", "/..%2f", "/%2e%2e%2fx", "/a%5cb", "/a%5Cb"),
    *("/a\\b", "/..\\x", "/a%00", "/%00", "/a%00.whl", "/a%0ab", "/a%0Ab", "/a%0d%0aX: y", "/%0D"),
    *("/a#b", "/#", "/a?b#c", "/a b", "/ ", "/a\tb", "/a\nb", "/a\rb", "/a\x00b", "/a\x7fb"),
    *("/é", "/simple/dem\u043e/", "/\ud800", "/a?é", "/a? b", "/\u202e", "/\u2025/"),
    *("/%", "/a%", "/a%2", "/a%zz", "/a%%20", "/a%u002e", "/a?b=%", "/%e", "/a%-1"),
    *("//", "//example.org", "//example.org/simple/", "/simple//demo/", "/simple/demo//", "/a//"),
    *("/" + "a" * 2048, "/a?" + "b" * 2049, "/a?x=%2f..", "/a?%5c", "/a?%00"),
]
HARMLESS = [
    *(
        "/",
        "/simple/",
        "/simple/demo/",
        "/simple/demo",
        "/a?b=c&d",
        "/a?b?c",
        "/a?b//c",
        "/a?b/../c",
    ),
    *(
        "/...",
        "/a...b",
        "/.well-known/x",
        "/..a",
        "/a..",
        "/%2e%2e%2e",
        "/%252e%252e/",
        "/~a/",
        "/a;b",
        "/a..;b",
        "/;/",
    ),
    *(
        "/a%20b",
        "/%C3%A9",
        "/%ff",
        "/a+b",
        "/a%2Bb",
        "/a!b",
        "/@a:b",
        "/a%25",
        "/a%09b",
        "/a'b\"<c>",
    ),
    *("/" + "a" * 2047, "/a?" + "b" * 2048, "/simple/Demo_Project/", f"/packages/{SPREAD}/{WHEEL}"),
]


@pytest.mark.parametrize("raw", HOSTILE, ids=lambda raw: ascii(raw[:40]))
def test_ambiguous_targets_are_refused(raw: str) -> None:
    """A target that two servers could read differently is never forwarded."""
    with pytest.raises((InvalidRequestError, NotFoundError)):
        check_raw_target(raw)


@pytest.mark.parametrize("raw", HARMLESS, ids=lambda raw: ascii(raw[:40]))
def test_other_targets_are_accepted(raw: str) -> None:
    """An odd but unambiguous target is accepted; with a tab in it, it is refused."""
    refusals = [find_refusal(check_raw_target, one) for one in (raw, f"{raw}\t")]

    assert [refusal is None for refusal in refusals] == [True, False]


RAW_TARGETS = st.text("/.%2eEfF5cC0?ab+~", max_size=24).map("/{}".format)


@given(RAW_TARGETS)
def test_accepted_targets_have_no_dot_segments(raw: str) -> None:
    """For any accepted target, the decoded path has no dot or empty segments."""
    try:
        check_raw_target(raw)
    except StageproxyError:
        return
    segments = unquote(raw.partition("?")[0]).removeprefix("/").removesuffix("/").split("/")
    assert not {".", ".."} & set(segments)
    assert "" not in segments or segments == [""]


@given(RAW_TARGETS)
def test_decoding_adds_no_slashes(raw: str) -> None:
    """For any accepted target, segments are the same before and after decoding."""
    try:
        check_raw_target(raw)
    except StageproxyError:
        return
    path = raw.partition("?")[0]
    assert unquote(path).count("/") == path.count("/")
    assert "\\" not in unquote(path)


def target(path: str, *, installer: bool = False) -> Target:
    """Return the target of *path* below a stage of the project."""
    return find_target(path, project=PROJECT, installer=installer)


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("", StageRoot()),
        ("simple/", ProjectList()),
        ("simple", Redirected("simple/", permanent=True)),
        ("s%69mple/", Redirected("simple/", permanent=True)),
        ("simple/demo-project/", ProjectPage()),
        ("simple/demo-project", PAGE),
        ("simple/Demo.Project/", PAGE),
        ("simple/demo_project", PAGE),
        ("simple/demo--project/", PAGE),
        ("simple/%64emo-project/", ProjectPage()),
        ("simple/demo%2dproject/", ProjectPage()),
        ("simple/%44emo_Project/", PAGE),
        ("simple/demo-project/x", PassedThrough("simple/demo-project/x")),
        ("simple/demo-project2/", PassedThrough("simple/demo-project2/")),
        ("simple/demo-project%20/", PassedThrough("simple/demo-project%20/")),
        ("Simple/demo-project/", PassedThrough("Simple/demo-project/")),
        ("+only/simple/", OnlyList()),
        ("+only/simple", Redirected("+only/simple/", permanent=True)),
        ("%2Bonly/simple/", Redirected("+only/simple/", permanent=True)),
        ("+only/simple/demo-project/", OnlyPage()),
        ("+only/simple/Demo.Project", Redirected("+only/simple/demo-project/", permanent=True)),
        ("+only/simple/other/", NotServed()),
        ("+only/", Redirected("+only/simple/", permanent=False)),
        ("+only", Redirected("+only/simple/", permanent=False)),
        ("+only/demo-project/", Redirected("+only/simple/demo-project/", permanent=False)),
        ("+only/demo-project", Redirected("+only/simple/demo-project/", permanent=False)),
        ("+only/Demo.Project/", Redirected("+only/simple/demo-project/", permanent=False)),
        ("+only/other/", NotServed()),
        ("+only/demo-project/simple/", NotServed()),
        ("+only/packages/x", NotServed()),
        ("legacy/", LegacyUpload()),
        ("legacy", LegacyUpload()),
        ("pypi/demo-project/json", ProjectJson()),
        ("pypi/demo-project/json/", ProjectJson()),
        ("pypi/Demo.Project/json", Redirected("pypi/demo-project/json", permanent=True)),
        ("pypi/demo-project/1.0/json", ReleaseJson("1.0")),
        ("pypi/Demo_Project/1.0/json", Redirected("pypi/demo-project/1.0/json", permanent=True)),
        ("rss/project/demo-project/releases.xml", Feed()),
        (
            "integrity/demo-project/1.0/a.whl/provenance",
            Provenance("integrity/demo-project/1.0/a.whl/provenance", "a.whl"),
        ),
        ("rss/project/other/releases.xml", PassedThrough("rss/project/other/releases.xml")),
        ("pypi/other/1.0/json/", PassedThrough("pypi/other/1.0/json/")),
        ("demo-project/", PassedThrough("demo-project/")),
        ("packages/", PassedThrough("packages/")),
        (f"packages/{SPREAD}/", PassedThrough(f"packages/{SPREAD}/")),
        (f"packages/{SPREAD.upper()}/x", PassedThrough(f"packages/{SPREAD.upper()}/x")),
        (f"packages/{SPREAD}/a/b", PassedThrough(f"packages/{SPREAD}/a/b")),
        ("packages/source/d/demo/x.tar.gz", PassedThrough("packages/source/d/demo/x.tar.gz")),
    ],
    ids=str,
)
def test_target_of_each_path(path: str, expected: Target) -> None:
    """Each path has its target; other spellings of the project redirect within the stage."""
    assert target(path) == expected


@pytest.mark.parametrize("first", sorted(NEVER_FORWARDED))
@pytest.mark.parametrize("spelled", ["{}", "{}/", "{}/x/y"], ids=["bare", "with slash", "below"])
def test_pages_that_act_for_users_are_not_forwarded(first: str, spelled: str) -> None:
    """PyPI's pages that act for a user are not served, in any spelling."""
    path = spelled.format(first)
    encoded = f"%{ord(path[0]):02x}{path[1:]}"

    assert target(path) == target(path.upper()) == target(encoded) == NotServed()


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("demo-project/", Redirected("simple/demo-project/", permanent=False)),
        ("Demo.Project", Redirected("simple/demo-project/", permanent=False)),
        ("other/", Redirected("simple/other/", permanent=False)),
        ("packages/", Redirected("simple/packages/", permanent=False)),
        ("-x-/", PassedThrough("-x-/")),
        ("other/1.0/", PassedThrough("other/1.0/")),
        ("simple/", ProjectList()),
        ("legacy/", LegacyUpload()),
        ("account/", NotServed()),
        ("", StageRoot()),
    ],
    ids=str,
)
def test_installers_are_redirected_to_the_simple_api(path: str, expected: Target) -> None:
    """An index URL without `simple/` is redirected, but not permanently."""
    assert target(path, installer=True) == expected


@pytest.mark.parametrize(
    ("filename", "named", "of_metadata"),
    [
        (WHEEL, WHEEL, False),
        (f"{WHEEL}.metadata", WHEEL, True),
        ("a%2Bb-1.0.tar.gz", "a+b-1.0.tar.gz", False),
        ("demo-1%211.0.tar.gz.metadata", "demo-1!1.0.tar.gz", True),
    ],
    ids=str,
)
def test_files_have_pypis_paths(filename: str, named: str, *, of_metadata: bool) -> None:
    """A file has the path that it will have on PyPI's host, with METADATA beside it."""
    path = f"packages/{SPREAD}/{filename}"

    assert target(path) == FileTarget(path, DIGEST, named, of_metadata)


@given(st.sets(st.integers(0, len(PROJECT) - 1)))
def test_any_encoding_of_the_project(escaped: set[int]) -> None:
    """For any percent-encoding of its letters, the staged project is recognized."""
    spelled = "".join(
        f"%{ord(letter):02x}" if place in escaped else letter
        for place, letter in enumerate(PROJECT)
    )
    assert target(f"simple/{spelled}/") == ProjectPage()
    assert target(f"simple/{spelled}") == PAGE


@given(
    name=st.text(st.characters(min_codepoint=33, max_codepoint=126, exclude_characters="/\\#?%")),
    tail=st.sampled_from(["", "/", "/x", "/1.0/json", "/%7Ex/"]),
    installer=st.booleans(),
)
def test_other_projects_are_forwarded(name: str, tail: str, *, installer: bool) -> None:
    """For any other project, upstream is asked for exactly the path of the request."""
    assume(name and canonicalize_name(name) != PROJECT)
    path = f"simple/{quote(name, safe='!+~') if installer else name}{tail}"

    assert target(path, installer=installer) == PassedThrough(path)


@pytest.mark.parametrize(
    ("path", "concerned"),
    [
        ("simple/demo-project/", True),
        ("pypi/Demo_Project/1.0/json", True),
        ("project/%64emo-project/", True),
        ("simple/other/", False),
        ("simple/", False),
        ("demo-project-2/", False),
    ],
    ids=str,
)
def test_paths_with_the_project_concern_it(path: str, *, concerned: bool) -> None:
    """An answer that depends on the stage is not cached."""
    assert concerns(path, PROJECT) is concerned
