"""Links on upstream's pages, and where they lead below a stage."""

from urllib.parse import urljoin

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from stageproxy.core.index.links import (
    PageLinks,
    UrlSpace,
    is_file,
    may_have_other_links,
    may_leave,
)
from stageproxy.core.index.negotiation import SimpleType

HOST = "https://index.example.org"
STAGE = "https://stage.example.org/tmp/demo/t/"
FILE = "dep-1.0-py3-none-any.whl"


def links_of(
    simple: str, root: str | None = None, path: str = "simple/dep/", *, is_private: bool = False
) -> PageLinks:
    """Return the links of a page in the folder *simple*; the root is the folder around it."""
    folder = HOST + simple
    space = UrlSpace(HOST + root if root else urljoin(folder, ".."), folder, is_private=is_private)
    return PageLinks(space, f"{folder}dep/", path, STAGE, lambda path: f"signed({path})")


@pytest.mark.parametrize(
    ("simple", "link"),
    [
        ("/simple/", "../../packages/aa/" + FILE),
        ("/root/dev/+simple/", "../../+f/aa/" + FILE),
        ("/artifactory/api/pypi/remote/index/", "../../packages/" + FILE),
        ("/index/", "../../index/dep/" + FILE),
        ("/simple/", FILE),
        ("/simple/", "../" + FILE),
        ("/simple/", f"https://files.example.org/{FILE}"),
        ("/simple/", f"{HOST}/packages/{FILE}"),
        ("/", "../packages/" + FILE),
        ("/", "../../packages/" + FILE),
    ],
)
def test_links_that_lead_to_the_file_stay(simple: str, link: str) -> None:
    """A link that leads clients of the stage to upstream's file keeps its bytes."""
    assert links_of(simple).replacement(f"{link}#sha256=00") is None


@pytest.mark.parametrize(
    ("simple", "link", "expected"),
    [
        ("/simple/", "/whl/cpu/" + FILE, "../../whl/cpu/" + FILE),
        ("/index/", "/index/dep/" + FILE, "../../simple/dep/" + FILE),
        ("/a/simple/", "/a/packages/" + FILE, "../../packages/" + FILE),
        ("/a/simple/", "/whl/" + FILE, f"../../+linked/signed(whl/{FILE})/whl/{FILE}"),
        ("/a/b/simple/", "../../../c/" + FILE, f"../../+linked/signed(a/c/{FILE})/a/c/{FILE}"),
        ("/", "../../../packages/" + FILE, "../../simple/packages/" + FILE),
        ("/simple/", f"//files.example.org/{FILE}", f"https://files.example.org/{FILE}"),
        ("/simple/", "/packages/%2e%2e/" + FILE, f"{HOST}/packages/%2e%2e/{FILE}"),
        ("/simple/", "/+only/" + FILE, f"../../+linked/signed(+only/{FILE})/+only/{FILE}"),
        ("/simple/", "../../manage/" + FILE, f"../../+linked/signed(manage/{FILE})/manage/{FILE}"),
        (
            "/a/simple/",
            f"/whl/{FILE}?x=/y",
            f"../../+linked/signed(whl/{FILE})/whl/{FILE}?x=/y",
        ),
    ],
)
def test_links_that_leave_the_stage_are_replaced(simple: str, link: str, expected: str) -> None:
    """A link to upstream's own host that would lead clients elsewhere leads below the stage.

    A path that the stage cannot serve is left to the client, as an absolute URL.
    """
    links = links_of(simple)

    assert links.replacement(f"{link}#sha256=00") == f"{expected}#sha256=00"


@pytest.mark.parametrize(
    "link",
    [
        f"{HOST}/a/packages/{FILE}",
        f"{HOST.upper()}:443/a/packages/{FILE}",
        f"https://user:secret@index.example.org/a/packages/{FILE}",
        f"//index.example.org/a/packages/{FILE}",
    ],
)
def test_links_to_a_private_upstream(link: str) -> None:
    """An absolute link to an upstream that only the server reaches leads below the stage.

    A credential in the link is not passed on.
    """
    links = links_of("/a/simple/", is_private=True)

    assert links.replacement(link) == f"../../packages/{FILE}"


def test_links_to_other_hosts_of_a_private_upstream() -> None:
    """Links to other hosts stay, even if their names begin alike."""
    links = links_of("/a/simple/", is_private=True)

    assert links.replacement(f"{HOST}.example.net/a/{FILE}") is None
    assert links.replacement("mailto:nobody@example.org") is None


def test_page_that_was_redirected() -> None:
    """Links are relative to the URL that upstream redirected to."""
    links = PageLinks(
        UrlSpace(f"{HOST}/", f"{HOST}/simple/"), f"{HOST}/a/b/c/dep/", "simple/dep/", STAGE, str
    )

    assert links.replacement("../" + FILE) == f"../../a/b/c/{FILE}"


def test_page_without_a_slash() -> None:
    """The links of a page at a URL without a slash at its end are one folder higher."""
    links = links_of("/simple/", path="simple/dep")

    assert links.replacement("/packages/" + FILE) == f"../packages/{FILE}"


@pytest.mark.parametrize("base", [f"{HOST}/a/", "/a/"])
def test_base_of_a_private_upstream(base: str) -> None:
    """On a page with a base, links into the stage are absolute."""
    links = links_of("/a/simple/", is_private=True)

    assert links.replacement("packages/" + FILE, base) == f"{STAGE}packages/{FILE}"


def test_absolute_links_of_documents_that_are_no_pages() -> None:
    """The JSON API has absolute links: they lead below the stage, too."""
    links = links_of("/a/simple/", path="pypi/dep/json")

    assert links.absolute("../../packages/" + FILE) == f"{STAGE}packages/{FILE}"
    assert (
        links.absolute(f"https://files.example.org/{FILE}") == f"https://files.example.org/{FILE}"
    )


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("packages/aa/demo-1.0.tar.gz", True),
        ("resources/dep/" + FILE, True),
        (f"resources/dep/{FILE}.metadata", True),
        (f"api/v4/files/{FILE}?token=/x", True),
        ("a/demo%2D1.0.zip", True),
        ("+f/aa/demo-1.0-py2.7.egg", True),
        ("simple/demo/", False),
        ("simple/demo", False),
        (f"simple/{FILE}/", False),
        ("pypi/demo/1.0/json", False),
        ("packages/", False),
        ("demo.zip", False),
    ],
)
def test_files_are_known_by_the_last_segment(path: str, *, expected: bool) -> None:
    """A path is that of a file if its last segment is a distribution or its METADATA."""
    assert is_file(path) is expected


@pytest.mark.parametrize(
    ("link", "public", "private"),
    [
        (f"https://files.example.org/{FILE}", False, False),
        (f"{HOST}/packages/{FILE}", False, True),
        (f"/packages/{FILE}", True, True),
        (FILE, True, True),
    ],
)
def test_pages_are_read_only_if_links_may_leave(link: str, *, public: bool, private: bool) -> None:
    """A page whose links are all absolute is passed on without being read."""
    html = f"<a class=x href = '{link}'>{FILE}</a>".encode()
    as_json = f'{{"files": [{{"url" : "{link}"}}]}}'.encode()
    spaces = [links_of("/simple/", is_private=one).space for one in (False, True)]

    assert [may_leave(SimpleType.HTML, html, one) for one in spaces] == [public, private]
    assert [may_leave(SimpleType.V1_JSON, as_json, one) for one in spaces] == [public, private]


@pytest.mark.parametrize(
    ("entry", "expected"),
    [
        pytest.param(f'"url":"https://files.example.org/{FILE}"', False, id="absolute"),
        pytest.param('"url":"http://files.example.org/a","provenance":null', False, id="no link"),
        pytest.param('"url":"HTTP://files.example.org/a"', True, id="a scheme in another spelling"),
        pytest.param(f'"url": "{FILE}"', True, id="relative"),
        pytest.param('"url":"https://e/a","provenance" : "/b"', True, id="of a provenance"),
        pytest.param('"\\u0075rl":"/a"', True, id="an escaped key"),
        pytest.param('"url":"\\u002fa"', True, id="an escaped link"),
    ],
)
def test_links_are_looked_at_unless_all_lead_elsewhere(entry: str, *, expected: bool) -> None:
    """The links of an edited page are skipped only if surely none of them is replaced."""
    body = f'{{"files": [{{{entry}}}]}}'.encode()
    spaces = [links_of("/simple/", is_private=one).space for one in (False, True)]

    assert [may_have_other_links(body, one) for one in spaces] == [expected, True]


@given(
    st.sampled_from(["/simple/", "/a/b/index/", "/"]),
    st.sampled_from([None, "/", "/a/", "/a/b/"]),
    st.sampled_from(["simple/dep/", "simple/dep", "other/dep/"]),
    st.lists(st.sampled_from(["..", "a", "+only", "legacy", "dep-1.0.zip", "..a"]), min_size=1),
)
@example("/", None, "simple/dep", ["..", "+only"])
def test_quick_look_is_right(simple: str, root: str | None, path: str, parts: list[str]) -> None:
    """For any relative link, the quick look decides as the long one, which sees a query."""
    links = links_of(simple, root, path)
    link = "/".join(parts)

    long = links.replacement(f"{link}?x")

    assert links.replacement(link) == (long and long.removesuffix("?x"))
