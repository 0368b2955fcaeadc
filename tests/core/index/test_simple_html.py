"""Staged files on HTML pages."""

from html import escape

import pytest

from stageproxy.core.index.pages import ListedFile, StagedFile, UnreadablePageError
from stageproxy.core.index.simple_html import (
    add_to_html_page,
    has_end,
    new_html_list,
    new_html_page,
    read_html_page,
)
from tests.support.builders.stages import LINKS, a_link, a_staged_file, an_artifact, html_page_with

WHEEL = a_staged_file("demo-2.0-py3-none-any.whl", requires_python=">=3.9,<4")
SDIST = a_staged_file("demo-2.0.tar.gz")


def merged(page: bytes, *staged: StagedFile) -> str:
    """Return the page with staged files on it, one wheel by default."""
    return add_to_html_page(page, staged or [WHEEL], LINKS).decode()


def lines_of(page: str) -> list[str]:
    """Return the lines that contain links."""
    return [line.strip() for line in page.splitlines() if "<a " in line]


def test_link_of_a_staged_file() -> None:
    """A link has PyPI's attributes in PyPI's order, escaped."""
    digest = f"sha256={WHEEL.core_metadata_sha256}"

    assert lines_of(merged(html_page_with(), WHEEL, SDIST)) == [
        (
            f'<a href="{WHEEL.link}#sha256={WHEEL.sha256}" data-requires-python="&gt;=3.9,&lt;4" '
            f'data-dist-info-metadata="{digest}" data-core-metadata="{digest}">'
            f"{WHEEL.filename}</a><br />"
        ),
        f'<a href="{SDIST.link}#sha256={SDIST.sha256}">{SDIST.filename}</a><br />',
    ]


@pytest.mark.parametrize("requires", ['>=3"><script>', "<4 & '5'"], ids=["a tag", "quotes"])
def test_text_is_escaped(requires: str) -> None:
    """Text of an uploader never ends an attribute."""
    staged = a_staged_file(WHEEL.filename, requires_python=requires)

    assert f'data-requires-python="{escape(requires)}"' in merged(html_page_with(), staged)


def test_staged_files_are_in_pypis_order() -> None:
    """Staged files are sorted by version and filename; upstream's lines are unchanged."""
    page = html_page_with("demo-1.0.tar.gz", "demo-3.0.tar.gz")
    text = page.decode()
    place = text.index('<a href="https://files.example.org/packages/demo-3.0')

    edited = merged(page, SDIST, WHEEL)

    assert edited.startswith(text[:place])
    assert edited.endswith(text[place:])
    assert [WHEEL.filename in line for line in lines_of(edited)] == [False, True, False, False]


def test_link_is_on_its_own_line() -> None:
    """A link is added on its own line, as upstream does."""
    assert merged(html_page_with("demo-1.0.tar.gz")) == (
        html_page_with("demo-1.0.tar.gz", *lines_of(merged(html_page_with()))).decode()
    )


@pytest.mark.parametrize(
    "page",
    [
        '<a href="https://e.example.org/a.whl">a.whl</a>',
        '<A HREF="https://e.example.org/a.whl">a.whl</A><BR>',
        "<a href='https://e.example.org/a.whl'\n  data-x>a.whl</a ><br/> text\r\n</BODY></HTML>",
        "<!-- <a href=x>y</a> --><p><a href=https://e.example.org/a.whl>\n a.whl </a>é<",
        '<meta name="pypi:repository-version" content="1.0"><BODY>İ</BODY>İ',
        '<meta name="pypi:repository-version" content="1.0"><body>1 < 2 </body></body>',
        '<meta name="pypi:repository-version" content="1.0">',
    ],
    ids=[
        "a link alone",
        "in capitals",
        "odd white space",
        "a comment and no quotes",
        "letters that change length",
        "two ends",
        "no body",
    ],
)
def test_bytes_are_only_inserted(page: str) -> None:
    """The page of upstream is unchanged except for insertions."""
    rest = iter(merged(page.encode(), WHEEL, SDIST))

    assert all(character in rest for character in page)


@pytest.mark.parametrize("text", ["İ" * 9, "ẞ", "plain"])
def test_first_link_is_added_at_the_end_of_the_body(text: str) -> None:
    """On a page without links, the first one is added at the end of the body.

    Letters whose lower case is longer shifted the position once.
    """
    page = f'<meta name="pypi:repository-version" content="1.0"><body>{text}</BODY></html>'

    assert merged(page.encode()).endswith("</a><br />\n</BODY></html>")


def test_complete_page_is_unchanged() -> None:
    """A page that lists every staged file is unchanged, including its relative links."""
    page = html_page_with(a_link(WHEEL.filename, "x/" + WHEEL.filename))

    assert add_to_html_page(page, [WHEEL], LINKS) is page
    assert add_to_html_page(page, [], LINKS) is page


def test_quarantined_project_gets_no_files() -> None:
    """A quarantined project offers nothing to install (PEP 792)."""
    head = '<meta name="pypi:project-status" content="quarantined">'
    page = html_page_with(head=head)

    assert add_to_html_page(page, [WHEEL], LINKS) is page


def test_api_version_is_upstreams() -> None:
    """The API version of an HTML page is unchanged."""
    page = html_page_with().replace(b'content="1.4"', b'content="1.0"')

    assert 'content="1.0"' in merged(page)
    assert 'content="1.4"' not in merged(page)


@pytest.mark.parametrize(
    ("attribute", "expected"),
    [
        ("", ""),
        (" data-yanked", 'data-yanked="" '),
        (' data-yanked="&lt;x"', 'data-yanked="&lt;x"'),
    ],
    ids=["not yanked", "yanked", "yanked with a reason"],
)
def test_file_of_a_published_release(attribute: str, expected: str) -> None:
    """Requires-Python and yanking are those of the published release."""
    link = f'<a href="demo-2.tar.gz" data-requires-python="&gt;=3.8"{attribute}>demo-2.tar.gz</a>'

    (line,) = [one for one in lines_of(merged(html_page_with(link))) if WHEEL.filename in one]

    assert 'data-requires-python="&gt;=3.8"' in line
    assert expected in line
    assert ("data-yanked" in line) == bool(attribute)


@pytest.mark.parametrize(
    ("link", "expected"),
    [
        ('<a href="x.egg">', '<a href="x.egg">'),
        ("<a href='../x.egg'>", "<a href='../x.egg'>"),
        ("<a href='/x.egg'>", "<a href='../../x.egg'>"),
        ("<a href=/x.egg>", '<a href="../../x.egg">'),
        ("<a href = /x.egg >", '<a href = "../../x.egg" >'),
        ("<a data-x href=/x.egg#sha256=00>", '<a data-x href="../../x.egg#sha256=00">'),
        (
            '<a href="/x.egg?a=b&amp;c#sha256=00">',
            '<a href="../../x.egg?a=b&amp;c#sha256=00">',
        ),
        (
            '<a HREF="//f.example.org/x.egg" href="y">',
            '<a HREF="https://f.example.org/x.egg" href="y">',
        ),
        (
            '<a data-provenance="/p" href="https://f.example.org/x.egg">',
            '<a data-provenance="../../p" href="https://f.example.org/x.egg">',
        ),
        ('<a href="HTTPS://f.example.org/x.egg">', '<a href="HTTPS://f.example.org/x.egg">'),
        ('<a href="x.egg" data-yanked="y z">', '<a href="x.egg" data-yanked="y z">'),
    ],
    ids=str,
)
def test_links_that_leave_the_stage_are_replaced(link: str, expected: str) -> None:
    """Links that would leave the stage are replaced; all others keep their bytes.

    An unquoted link lost its digest once: `=` was taken for its end.
    """
    assert f"{expected}x.egg</a>" in merged(html_page_with(f"{link}x.egg</a>"))


@pytest.mark.parametrize(
    ("head", "expected"),
    [
        ('<base href="https://f.example.org/a/">', "x.egg"),
        ("<BASE HREF=/a/>", "https://stage.example.org/tmp/demo/t/a/x.egg"),
        ('<base target="x">', "x.egg"),
        ('<base href="">', "x.egg"),
        ('<base href="/a/"><base href="/b/">', "https://stage.example.org/tmp/demo/t/a/x.egg"),
        ('<meta name="base" content="/a/">', "x.egg"),
        ('<meta charset="utf-8">', "x.egg"),
        ('<!-- <base href="/a/"> -->', "x.egg"),
    ],
    ids=[
        "absolute",
        "relative",
        "of another kind",
        "empty",
        "two",
        "no base",
        "no name",
        "in a comment",
    ],
)
def test_base_of_links(head: str, expected: str) -> None:
    """The first of two bases counts, as for pip and browsers.

    The last one did once, as did `<meta name="base">`.
    """
    page = html_page_with('<a href="x.egg">x.egg</a>', head=head)

    assert f'<a href="{expected}">' in merged(page)


def test_staged_links_ignore_the_base() -> None:
    """On a page with a base, links to staged files are absolute."""
    page = html_page_with(head='<base href="https://files.example.org/">')

    (line,) = lines_of(merged(page, SDIST))

    path = an_artifact(SDIST.filename).path
    assert line.startswith(f'<a href="https://stage.example.org/tmp/demo/t/{path}#sha256=')


def test_page_is_read() -> None:
    """A page has filenames, digests and the attributes of releases."""
    link = a_link("demo-1.0.tar.gz", data_requires_python=">=3.8", data_yanked="broken")
    head = '<meta name="pypi:project-status" content="archived">'

    listing = read_html_page(html_page_with(link, "demo-1.1.tar.gz", head=head))

    first = an_artifact("demo-1.0.tar.gz").sha256
    second = an_artifact("demo-1.1.tar.gz").sha256
    assert list(listing.files.values()) == [
        ListedFile("demo-1.0.tar.gz", first, ">=3.8", "broken"),
        ListedFile("demo-1.1.tar.gz", second, None, None),
    ]
    assert listing.status == "archived"


@pytest.mark.parametrize(
    ("link", "listed"),
    [
        ('<a href="a.whl">a.whl</a>', ListedFile("a.whl", None, None, None)),
        ('<a href="a.whl#md5=00">a.whl</a>', ListedFile("a.whl", None, None, None)),
        ("<a href=a.whl#sha256=00>a.whl</a>", ListedFile("a.whl", "00", None, None)),
        ("<a href=a.whl#sha256=AB>a.whl</a>", ListedFile("a.whl", "ab", None, None)),
        ('<a href="a%2Bb.whl">a+b.whl</a>', ListedFile("a+b.whl", None, None, None)),
        ('<a href="a&amp;b.whl">a&amp;b.whl</a>', ListedFile("a&b.whl", None, None, None)),
        ('<a href="a.whl"\ndata-yanked>\na.whl\n</a>', ListedFile("a.whl", None, None, "")),
        (
            '<a href="a.whl" data-requires-python="">a.whl</a>',
            ListedFile("a.whl", None, None, None),
        ),
    ],
    ids=str,
)
def test_link_is_read(link: str, listed: ListedFile) -> None:
    """Escapes, missing digests and odd white space are read as installers read them."""
    assert list(read_html_page(link.encode()).files.values()) == [listed]


@pytest.mark.parametrize(
    "page",
    [
        "",
        "404 Not Found",
        '{"files": []}',
        "<html><body><h1>It works!</h1></body></html>",
        '<form action="/login"><input name="password"></form>',
        '<a href="https://login.example.org/">Log in</a>',
        '<a href="/packages/demo-1.0.tar.gz">Download</a>',
        '<a href="demo-1.0.tar.gz"><b>demo-1.0.tar.gz</b></a>',
        '<a href="../">../</a>',
        '<a name="top">Top</a>',
        '<a href="a.whl">b.whl</a>',
        '<a href="demo/">demo</a>',
        '<a href="//[x/a.whl">a.whl</a>',
        '<a href="a.whl">a.whl&#' + "1" * 5000 + ";</a>",
        '<a href="a.whl>a.whl</a>',
        '<a href="a.whl">a.whl</a',
        '<a href="a.whl">a.whl</a><br',
    ],
    ids=lambda page: page[:40] or "empty",
)
def test_other_documents_are_unreadable(page: str) -> None:
    """A log-in form or an error page is neither edited nor read as an empty page.

    A link that `urlsplit` refuses, and a character reference of 5000 digits, were internal errors
    once.
    """
    with pytest.raises(UnreadablePageError):
        read_html_page(page.encode())
    with pytest.raises(UnreadablePageError):
        add_to_html_page(page.encode(), [WHEEL], LINKS)


@pytest.mark.parametrize(
    ("head", "link"),
    [
        ('<base href="//[">', '<a href="a.whl">a.whl</a>'),
        ("", '<a href="a.whl" data-provenance="//[">a.whl</a>'),
    ],
    ids=["a base", "a provenance"],
)
def test_invalid_links_are_unreadable(head: str, link: str) -> None:
    """A page with a link that is not a URL is not edited."""
    with pytest.raises(UnreadablePageError, match="is not a URL"):
        merged(html_page_with(link, head=head))


def test_other_encodings_are_unreadable() -> None:
    """Only UTF-8 is accepted: other encodings would be mixed with it."""
    with pytest.raises(UnreadablePageError):
        read_html_page('<a href="é.whl">é.whl</a>'.encode("latin-1"))


@pytest.mark.parametrize("letter", ["é", "1", "?", "!", " ", ""], ids=ascii)
def test_non_ascii_letters_start_no_tag(letter: str) -> None:
    """Only an ASCII letter starts a tag. Any letter did once."""
    page = html_page_with("demo-1.0.tar.gz").replace(b"<h1>", f"<{letter} <h1>".encode())

    assert list(read_html_page(page).files) == ["demo-1.0.tar.gz"]


HOSTILE = [
    "<",
    "</",
    "<!--",
    "<a",
    "<a ",
    '<a "',
    "</a",
    '</a"',
    "</a'",
    "<a b='",
    "<a><",
    "&#",
    "=",
]


@pytest.mark.parametrize("piece", HOSTILE)
@pytest.mark.parametrize("end", ["", ">", "'>", '">', "-->"], ids=lambda end: end or "no end")
def test_hostile_pages_take_linear_time(piece: str, end: str) -> None:
    """64 KiB of each of these are unreadable, without backtracking."""
    page = (piece * (2**16 // len(piece)) + end).encode()

    with pytest.raises(UnreadablePageError):
        read_html_page(page)


@pytest.mark.parametrize("piece", ["<a", "<a ", '<a "', "<a b='", "</a", '</a"', "</a b='"])
def test_first_tag_without_end_stops_parsing(piece: str) -> None:
    """The end of a tag is searched once for the whole page.

    It was searched for each of many `</a"` once.
    """
    page = (piece * 3).encode()

    with pytest.raises(UnreadablePageError, match="the tag at character 0 is not closed"):
        read_html_page(page)


def test_page_of_a_new_project() -> None:
    """The page of a new project has PyPI's shape."""
    page = new_html_page("demo", [SDIST, WHEEL]).decode()

    head = '<meta name="pypi:project-status" content="active">'
    expected = html_page_with(*lines_of(merged(html_page_with(), WHEEL, SDIST)), head=head)
    as_pypi = expected.decode().removesuffix("<!--SERIAL 7-->")
    assert page == as_pypi.replace("    <h1>", "<h1>")


def test_links_of_a_list_are_relative() -> None:
    """The links of a list of projects stay within the stage."""
    page = new_html_list(["a", "demo"]).decode()

    assert lines_of(page) == ['<a href="a/">a</a>', '<a href="demo/">demo</a>']
    assert '<meta name="pypi:repository-version" content="1.4">' in page


@pytest.mark.parametrize(
    ("page", "closed"),
    [
        (b"<html></html>", True),
        (b"<html></HTML>\n<!--SERIAL 7-->", True),
        (b"<html>", False),
        (b"</html>" + b" " * 5000, False),
    ],
    ids=["closed", "something follows", "cut off", "closed long before"],
)
def test_truncated_page_is_found(page: bytes, *, closed: bool) -> None:
    """A page without its end tag is recognized as truncated."""
    assert has_end(page) is closed
