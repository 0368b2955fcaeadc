"""Staged files on HTML pages."""

from html import escape

import pytest

from stageproxy.core.index.pages import (
    Document,
    ListedFile,
    Listing,
    StagedFile,
    UnreadablePageError,
    digest_of,
)
from stageproxy.core.index.simple_html import (
    add_to_html_page,
    has_end,
    new_html_list,
    new_html_page,
    read_html_page,
)
from tests.support.builders.stages import (
    LINKS,
    PAGE,
    a_link,
    a_staged_file,
    an_artifact,
    html_page_with,
)

WHEEL = a_staged_file("demo-2.0-py3-none-any.whl", requires_python=">=3.9,<4")
SDIST = a_staged_file("demo-2.0.tar.gz")
DIGEST = "ab" * 32
LISTED = ListedFile("demo-1.whl", DIGEST, None, None)
UNHASHED = ListedFile("demo-1.whl", None, None, None)


def a_page(body: bytes, content_type: str = "text/html") -> Document:
    """Return a page of upstream."""
    return Document(body, digest_of(body), content_type, PAGE)


def read(body: bytes, content_type: str = "text/html") -> Listing:
    """Return the files of `demo` on a page."""
    return read_html_page(a_page(body, content_type), "demo")


def edited(body: bytes, *staged: StagedFile, content_type: str = "text/html") -> bytes:
    """Return the bytes of a page with staged files on it."""
    return add_to_html_page(a_page(body, content_type), "demo", staged, LINKS)


def merged(page: bytes, *staged: StagedFile) -> str:
    """Return the page with staged files on it, one wheel by default."""
    return edited(page, *(staged or [WHEEL])).decode()


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

    result = merged(page, SDIST, WHEEL)

    assert result.startswith(text[:place])
    assert result.endswith(text[place:])
    assert [WHEEL.filename in line for line in lines_of(result)] == [False, True, False, False]


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

    assert edited(page, WHEEL) is page
    assert edited(page) is page


def test_quarantined_project_gets_no_files() -> None:
    """A quarantined project offers nothing to install (PEP 792)."""
    head = '<meta name="pypi:project-status" content="quarantined">'
    page = html_page_with(head=head)

    assert edited(page, WHEEL) is page


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
        ('<a href="x-1.egg">', '<a href="x-1.egg">'),
        ("<a href='../x-1.egg'>", "<a href='../x-1.egg'>"),
        ("<a href='/x-1.egg'>", "<a href='../../x-1.egg'>"),
        ("<a href=/x-1.egg>", '<a href="../../x-1.egg">'),
        ("<a href = /x-1.egg >", '<a href = "../../x-1.egg" >'),
        ("<a data-x href=/x-1.egg#sha256=00>", '<a data-x href="../../x-1.egg#sha256=00">'),
        (
            '<a href="/x-1.egg?a=b&amp;c#sha256=00">',
            '<a href="../../x-1.egg?a=b&amp;c#sha256=00">',
        ),
        (
            '<a HREF="//f.example.org/x-1.egg" href="y">',
            '<a HREF="https://f.example.org/x-1.egg" href="y">',
        ),
        (
            '<a data-provenance="/p" href="https://f.example.org/x-1.egg">',
            '<a data-provenance="../../p" href="https://f.example.org/x-1.egg">',
        ),
        ('<a href="HTTPS://f.example.org/x-1.egg">', '<a href="HTTPS://f.example.org/x-1.egg">'),
        ('<a href="x-1.egg" data-yanked="y z">', '<a href="x-1.egg" data-yanked="y z">'),
    ],
    ids=str,
)
def test_links_that_leave_the_stage_are_replaced(link: str, expected: str) -> None:
    """Links that would leave the stage are replaced; all others keep their bytes.

    An unquoted link lost its digest once: `=` was taken for its end.
    """
    assert f"{expected}x-1.egg</a>" in merged(html_page_with(f"{link}x-1.egg</a>"))


@pytest.mark.parametrize(
    ("head", "expected"),
    [
        ('<base href="https://f.example.org/a/">', "x-1.egg"),
        ("<BASE HREF=/a/>", "https://stage.example.org/tmp/demo/t/a/x-1.egg"),
        ('<base target="x">', "x-1.egg"),
        ('<base href="">', "x-1.egg"),
        ('<base href="/a/"><base href="/b/">', "https://stage.example.org/tmp/demo/t/a/x-1.egg"),
        ('<meta name="base" content="/a/">', "x-1.egg"),
        ('<meta charset="utf-8">', "x-1.egg"),
        ('<!-- <base href="/a/"> -->', "x-1.egg"),
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
    page = html_page_with('<a href="x-1.egg">x-1.egg</a>', head=head)

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

    listing = read(html_page_with(link, "demo-1.1.tar.gz", head=head))

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
        ('<a href="demo-1.whl">demo-1.whl</a>', UNHASHED),
        ('<a href="demo-1.whl#md5=00">demo-1.whl</a>', UNHASHED),
        (
            f"<a href=demo-1.whl#sha256={DIGEST}>demo-1.whl</a>",
            ListedFile("demo-1.whl", DIGEST, None, None),
        ),
        (
            f"<a href=demo-1.whl#sha256={DIGEST.upper()}>demo-1.whl</a>",
            ListedFile("demo-1.whl", DIGEST, None, None),
        ),
        ('<a href="demo-1%2Bb.whl">demo-1+b.whl</a>', ListedFile("demo-1+b.whl", None, None, None)),
        (f'<a href="demo-1.whl#egg=demo&amp;sha256={DIGEST}">x</a>', LISTED),
        (f'<a href="demo-1.whl#sha256={DIGEST}&amp;egg=demo">x</a>', LISTED),
        (f'<a href="demo-1.whl#sha256={DIGEST}0">x</a>', UNHASHED),
        ('<a href="demo-1.whl#sha256=">x</a>', UNHASHED),
        ('<a href="  demo-1.whl">x</a>', UNHASHED),
        ('<a href="demo&#45;1.whl">x</a>', UNHASHED),
        ('<a href="files//demo-1.whl">x</a>', UNHASHED),
        (
            '<a href="demo-1.whl"\ndata-yanked>\ndemo-1.whl\n</a>',
            ListedFile("demo-1.whl", None, None, ""),
        ),
        (
            '<a href="demo-1.whl" data-requires-python="">demo-1.whl</a>',
            ListedFile("demo-1.whl", None, None, None),
        ),
    ],
    ids=str,
)
def test_link_is_read(link: str, listed: ListedFile) -> None:
    """Escapes, missing digests and odd white space are read as installers read them."""
    assert list(read(link.encode()).files.values()) == [listed]


@pytest.mark.parametrize(
    "page",
    [
        "",
        "404 Not Found",
        '{"files": []}',
        "<html><body><h1>It works!</h1></body></html>",
        '<form action="/login"><input name="password"></form>',
        '<a href="https://login.example.org/">Log in</a>',
        '<a href="../">../</a>',
        '<a name="top">Top</a>',
        '<a href="demo/">demo</a>',
        '<a href="//[x/demo-1.whl">demo-1.whl</a>',
        '<a href="demo-1.whl>demo-1.whl</a>',
        '<a href="demo-1.whl">demo-1.whl</a',
        '<a href="demo-1.whl">demo-1.whl</a><br',
    ],
    ids=lambda page: page[:40] or "empty",
)
def test_other_documents_are_unreadable(page: str) -> None:
    """A log-in form or an error page is neither edited nor read as an empty page.

    A link that `urlsplit` refuses was an internal error once.
    """
    with pytest.raises(UnreadablePageError):
        read(page.encode())
    with pytest.raises(UnreadablePageError):
        edited(page.encode(), WHEEL)


@pytest.mark.parametrize(
    ("head", "link"),
    [
        ('<base href="//[">', '<a href="a-1.whl">a-1.whl</a>'),
        ("", '<a href="a.whl" data-provenance="//[">a.whl</a>'),
    ],
    ids=["a base", "a provenance"],
)
def test_invalid_links_are_unreadable(head: str, link: str) -> None:
    """A page with a link that is not a URL is not edited."""
    with pytest.raises(UnreadablePageError, match="is not a URL"):
        merged(html_page_with(link, head=head))


@pytest.mark.parametrize(
    ("content_type", "head"),
    [
        ("text/html; charset=utf-8", ""),
        ("text/html; charset=gbk", ""),
        ("text/html", "<meta charset=utf-8>"),
        ("text/html", "\ufeff"),
    ],
    ids=["of the header", "of two bytes", "of the page", "of its mark"],
)
def test_page_in_another_encoding_than_it_declares(content_type: str, head: str) -> None:
    """A page that is not in the encoding it declares is unreadable, as for pip."""
    page = head.encode() + '<a href="demo-1.whl">é'.encode("latin-1")

    with pytest.raises(UnreadablePageError, match="in its encoding"):
        read(page, content_type)


@pytest.mark.parametrize(
    ("page", "content_type", "expected"),
    [
        ('é<a href="/demo-1.whl">é</a>', "text/html; charset=latin-1", b"\xe9"),
        ('<meta charset="windows-1252">é<a href="/demo-1.whl">é</a>', "text/html", b"\xe9"),
        ('é<a href="/demo-1.whl">é</a>', "text/html; charset=utf-8", b"\xc3\xa9"),
        ('é<a href="/demo-1.whl">é</a>', "text/html; charset=UTF-16LE", b"\xe9\x00"),
        ('é<a href="/demo-1.whl">é</a>', "text/html; charset=hex", b"\xc3\xa9"),
    ],
    ids=["in Latin-1", "in Windows-1252", "in UTF-8", "in UTF-16", "in no encoding of text"],
)
def test_page_keeps_its_encoding(page: str, content_type: str, expected: bytes) -> None:
    """A page is edited in its own encoding; characters that it lacks become references."""
    codec = {b"\xe9": "latin-1", b"\xe9\x00": "utf-16-le"}.get(expected, "utf-8")
    staged = a_staged_file(WHEEL.filename, requires_python="≥3")

    result = edited(page.encode(codec), staged, content_type=content_type)

    assert result.startswith(page.encode(codec)[: page.index("/demo")])
    written = "&#8805;3" if codec == "latin-1" else "≥3"
    assert f'data-requires-python="{written}"'.encode(codec) in result
    assert result.count(expected) == 2


def test_page_that_cannot_be_encoded_again_is_not_edited() -> None:
    """A page is not edited if its bytes cannot be kept: Big5 has two for some characters."""
    page = b'<a href="demo-1.whl">\xa1\xfe</a>'

    with pytest.raises(UnreadablePageError, match="cannot be edited"):
        edited(page, WHEEL, content_type="text/html; charset=big5")


EMPTY_PAGES = {
    "an API version": '<meta name="pypi:repository-version" content="1.0">',
    "an old API version": '<meta name="api-version" value="2"/>',
    "a title": "<title>Links for demo</title>",
    "a title in another spelling": "<title>\n Links for Demo\n</title>",
    "a title with a path": "<title>Index of /simple/demo/</title><a href='../'>../</a>",
    "a heading": "<h1>Directory listing for <b>/simple/demo/</b></h1><a href='?C=N'>Name</a>",
    "a title of two parts": "<title>Links for demo - packages of Example</title>",
    "a title of a path and a host": "<title>Index of /simple/demo/ at index.example</title>",
    "the title of any page": "<title>Simple Index</title>",
    "a form to search": "<title>demo</title><form><input name=q></form>",
}


@pytest.mark.parametrize("page", EMPTY_PAGES.values(), ids=EMPTY_PAGES)
def test_page_of_a_project_without_files(page: str) -> None:
    """A page without files is that of the project if it has an API version or the project's name.

    Listings of folders have no API version.
    """
    assert read(page.encode()).files == {}
    assert WHEEL.filename in merged(page.encode())


LOG_IN_PAGES = {
    "a form with a password": "<title>Log in to demo</title><input type=PASSWORD name=p>",
    "a form that is sent": '<h1>demo</h1><form method="POST" action="/login"></form>',
    "a link to log in": '<title>Sign in</title><a href="/login?next=/simple/demo/">Log in</a>',
    "a title with more words": "<title>demo: Sign in with Example</title>",
    "a page of a proxy": "<title>Links for other</title><h1>Access denied</h1>",
    "a page of a script": "<title>demo: please wait</title><script>go('demo-1.0.tar.gz')</script>",
    "a number of 5000 digits": "<title>demo &#" + "1" * 5000 + ";</title>",
    "no word": "<html><body></body></html>",
}


@pytest.mark.parametrize("page", LOG_IN_PAGES.values(), ids=LOG_IN_PAGES)
def test_page_to_log_in_is_no_page_of_the_project(page: str) -> None:
    """A page to log in, which has no files either, is not taken for that of the project.

    A page of staged files alone would hide every published release.
    """
    with pytest.raises(UnreadablePageError):
        read(page.encode())


def test_page_with_files_may_have_a_form() -> None:
    """A page with a file is an index page, whatever else is on it."""
    page = b'<form method=post><input type=password></form><a href="demo-1.tar.gz">x</a>'

    assert list(read(page).files) == ["demo-1.tar.gz"]


@pytest.mark.parametrize(
    ("page", "expected"),
    [
        ('<a href="/demo-1.whl">x</a>  1 Jan\n<hr>', "</a>  1 Jan\n|<hr>"),
        ('<a href="/demo-1.whl">x</a><br/> 2 kB\r\n<hr>', "</a><br/> 2 kB\r\n|<hr>"),
        ('<a href="/demo-1.whl">x</a><br><hr>', "</a><br>|<hr>"),
        ('<td><a href="/demo-1.whl">x</a></td><td>', "</a>|</td><td>"),
        ('<a href="/demo-1.whl">x <b>y</b>', "x |<b>y</b>"),
        ('<a href="/demo-1.whl">x', "x|"),
        ('<a href="/demo-3.tar.gz">x', '|<a href="'),
        ('<title>demo</title><script> "</body>" </script><p></body></html>', "<p>|</body></html>"),
        ("<title>demo</title><p></html>", "<p>|</html>"),
        ("<title>demo</title><p> <!-- </body>", "<p> |<!-- </body>"),
        ("<title>demo</title><p> <script> </body>", "<p> |<script> </body>"),
        ("<title>demo</title><!-- </body> --><p>", "--><p>|"),
    ],
)
def test_place_of_a_new_link(page: str, expected: str) -> None:
    """A link is added on a line of its own, or else where both installers still read it."""
    (line,) = lines_of(merged(html_page_with(), WHEEL))

    result = (
        merged(page.encode()).replace("https://index.example.org", "").replace(line + "\n", "|")
    )

    assert expected in result


@pytest.mark.parametrize("letter", ["é", "1", "?", "!", " ", ""], ids=ascii)
def test_non_ascii_letters_start_no_tag(letter: str) -> None:
    """Only an ASCII letter starts a tag. Any letter did once."""
    page = html_page_with("demo-1.0.tar.gz").replace(b"<h1>", f"<{letter} <h1>".encode())

    assert list(read(page).files) == ["demo-1.0.tar.gz"]


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
        read(page)


@pytest.mark.timeout(60)
@pytest.mark.parametrize(
    "end", ["", "</a>", "<b>", "\n"], ids=["none", "a tag", "another", "a line"]
)
def test_pages_of_many_links_take_linear_time(end: str) -> None:
    """A page of 50,000 links is read in a second, whether they end or not.

    The rest of the page was copied for each link once.
    """
    page = "".join(f"<a href=demo-{number}.zip>{end}" for number in range(50_000)).encode()

    assert len(read(page).files) == 50_000


@pytest.mark.parametrize("start", ["", "x-", "/", "//", "demo/"], ids=ascii)
def test_long_links_take_linear_time(start: str) -> None:
    """A link of 256 KiB is read in a moment, whatever it looks like.

    An origin was searched from each of its characters on, not only at its start.
    """
    page = f'<a href="{start}{"a" * 2**18}"></a><a href="demo-1.whl"></a>'.encode()

    assert list(read(page).files) == ["demo-1.whl"]


@pytest.mark.parametrize("piece", ["<a", "<a ", '<a "', "<a b='", "</a", '</a"', "</a b='"])
def test_first_tag_without_end_stops_parsing(piece: str) -> None:
    """The end of a tag is searched once for the whole page.

    It was searched for each of many `</a"` once.
    """
    page = (piece * 3).encode()

    with pytest.raises(UnreadablePageError, match="the tag at character 0 is not closed"):
        read(page)


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
