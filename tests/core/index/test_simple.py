"""Properties of any page and any stage, in both formats."""

import json
from collections.abc import Iterable, Sequence
from typing import Any

from hypothesis import assume, given
from hypothesis import strategies as st
from pip._internal.index.collector import IndexContent, parse_links
from pip._internal.models.link import Link

from stageproxy.core.index.negotiation import SimpleType
from stageproxy.core.index.pages import Document, StagedFile, digest_of
from stageproxy.core.index.simple import add_to_page, new_list, new_page, read_page
from tests.support.builders.stages import (
    FILES,
    LINKS,
    PAGE,
    a_link,
    a_listed_entry,
    a_staged_file,
    an_artifact,
    filenames_on,
    html_page_with,
    page_with,
)

INDEX = "https://index.example.org/"
STAGE = "https://stage.example.org/tmp/demo/t/"
STAGED_PAGE = f"{STAGE}simple/demo/"
TYPES = [SimpleType.HTML, SimpleType.V1_JSON]
STAGED_NAMES = [
    "demo-2.0-cp311-cp311-win32.whl",
    "demo-2.0-py3-none-any.whl",
    "demo-2.0.tar.gz",
]
LISTED_NAMES = [
    "demo-1.0-py3-none-any.whl",
    "demo-1.0.tar.gz",
    "demo-1.0-py2.7.egg",
    "demo-1.0-variants.json",
    "demo-2-py2-none-any.whl",
    "demo-3.0rc1.tar.gz",
    *STAGED_NAMES,
]
HREFS = [f"{FILES}/{{}}", "{}", "../../packages/{}", "/packages/{}#sha256=00", "//f.example.org/{}"]
REQUIRES = st.sampled_from([None, ">=3.8", ">=3.9,<4"])
YANKED = st.sampled_from([None, "", 'a "reason" <&>'])
VALUES = st.none() | st.booleans() | st.integers() | st.text(max_size=5) | st.lists(st.integers())
UNKNOWN = st.dictionaries(
    st.sampled_from(["namespaces", "_private", "tracks", "é", "alternate-locations"]), VALUES
)
STYLES = st.sampled_from(
    [
        {"separators": (",", ":"), "sort_keys": True},
        {"indent": 2},
        {"indent": "\t", "ensure_ascii": False},
        {"separators": (" ,\r\n", " : ")},
    ]
)
STAGED = st.lists(
    st.builds(a_staged_file, st.sampled_from(STAGED_NAMES), requires_python=REQUIRES),
    unique_by=lambda one: one.filename,
)
Described = tuple[str, str, str | None, str | None]
DESCRIBED = st.lists(
    st.tuples(st.sampled_from(LISTED_NAMES), st.sampled_from(HREFS), REQUIRES, YANKED),
    unique_by=lambda one: one[0],
)
DISTRIBUTIONS = DESCRIBED.map(lambda files: [one for one in files if "variants" not in one[0]])
"""Only distributions are read from HTML pages, which may have links to anything."""


def a_page(body: bytes, content_type: str, url: str = PAGE) -> Document:
    """Return a page that was read from *url*."""
    return Document(body, digest_of(body), content_type, url)


def as_json_page(files: Iterable[Described], extra: Any = None, style: Any = None) -> Document:
    """Return a JSON page of the files in a style, with unknown keys."""
    entries = [
        a_listed_entry(
            name,
            url=href.format(name),
            requires_python=requires,
            yanked=False if yanked is None else yanked or True,
            **(extra or {}),
        )
        for name, href, requires, yanked in files
    ]
    document = json.loads(page_with(files=entries, versions=["1.0", "3.0rc1"])) | (extra or {})
    body = json.dumps(document, **(style or {})).encode()
    return a_page(body, SimpleType.V1_JSON)


def as_html_page(files: Iterable[Described]) -> Document:
    """Return an HTML page of the files."""
    body = html_page_with(*(as_link(one) for one in files))
    return a_page(body, "text/html; charset=UTF-8")


def as_link(file: Described) -> str:
    """Return a file as a link of an HTML page."""
    name, href, requires, yanked = file
    attributes = {"data_requires_python": requires, "data_yanked": yanked}
    given = {key: text for key, text in attributes.items() if text is not None}
    return f"{a_link(name, href.format(name), **given)}<br />"


PAGES = st.builds(as_json_page, DESCRIBED, UNKNOWN, STYLES) | st.builds(as_html_page, DESCRIBED)
ABSOLUTE_FILES = DESCRIBED.map(lambda files: [(one[0], HREFS[0], *one[2:]) for one in files])
ABSOLUTE_PAGES = st.builds(as_json_page, ABSOLUTE_FILES, UNKNOWN, STYLES) | st.builds(
    as_html_page, ABSOLUTE_FILES
)


def merged(page: Document, staged: Sequence[StagedFile]) -> Document:
    """Return the page with the staged files on it."""
    body = add_to_page(page, "demo", staged, LINKS)
    return page.with_body(body)


def links_on(page: Document, url: str = STAGED_PAGE) -> list[Link]:
    """Return the links that pip finds on the page."""
    content = IndexContent(page.body, page.content_type, "utf-8", url, cache_link_parsing=False)
    return list(parse_links(content))


def names_on(page: Document) -> list[str]:
    """Return the filenames that pip finds, in order."""
    return [link.filename for link in links_on(page)]


def is_subsequence(part: bytes, whole: bytes) -> bool:
    """Return whether all bytes of *part* are in *whole*, in order."""
    rest = iter(whole)
    return all(byte in rest for byte in part)


@given(ABSOLUTE_PAGES)
def test_empty_stage_changes_no_byte(page: Document) -> None:
    """For any page whose links stay in the stage, an empty stage changes no byte."""
    assert merged(page, []).body is page.body


@given(PAGES, STAGED)
def test_merging_twice_is_merging_once(page: Document, staged: list[StagedFile]) -> None:
    """For any page, one that lists the staged files is unchanged."""
    once = merged(page, staged)

    assert merged(once, staged).body == once.body


@given(PAGES, STAGED)
def test_each_file_is_listed_once(page: Document, staged: list[StagedFile]) -> None:
    """For any page, the result lists upstream's files and the staged ones, each once."""
    names = names_on(merged(page, staged))

    assert sorted(names) == sorted({*names_on(page), *(one.filename for one in staged)})


@given(PAGES, STAGED)
def test_upstream_files_keep_their_order(page: Document, staged: list[StagedFile]) -> None:
    """For any page, upstream's files keep their order."""
    before = names_on(page)

    assert [name for name in names_on(merged(page, staged)) if name in before] == before


@given(PAGES, STAGED)
def test_upstream_files_are_unchanged(page: Document, staged: list[StagedFile]) -> None:
    """For any edited page, pip finds upstream's files as before, those of its host in the stage."""
    edited = merged(page, staged)
    assume(edited.body != page.body)

    before = {link.filename: facts_of(link, stage=STAGE) for link in links_on(page, PAGE)}
    after = {link.filename: facts_of(link) for link in links_on(edited)}

    assert {name: after[name] for name in before} == before


@given(ABSOLUTE_PAGES, STAGED)
def test_bytes_are_only_inserted(page: Document, staged: list[StagedFile]) -> None:
    """For any page with absolute links, bytes are only inserted."""
    assert is_subsequence(page.body, merged(page, staged).body)


@given(DESCRIBED, UNKNOWN, STYLES, STAGED)
def test_unknown_keys_are_unchanged(
    files: list[Described], extra: Any, style: Any, staged: list[StagedFile]
) -> None:
    """For any page, unknown keys and their values are unchanged."""
    page = as_json_page(files, extra, style)
    before = json.loads(page.body)
    after = json.loads(merged(page, staged).body)

    assert {**after, "files": 0, "versions": 0} == {**before, "files": 0, "versions": 0}
    entries = {entry["filename"]: entry for entry in after["files"]}
    for entry in before["files"]:
        assert {**entries[entry["filename"]], "url": 0} == {**entry, "url": 0}


@given(DISTRIBUTIONS, STAGED)
def test_both_formats_list_the_same_files(files: list[Described], staged: list[StagedFile]) -> None:
    """For any page, pip finds the same files in HTML and JSON."""
    html = links_on(merged(as_html_page(files), staged))
    as_json = links_on(merged(as_json_page(files), staged))

    assert [comparable(link) for link in html] == [comparable(link) for link in as_json]


@given(DISTRIBUTIONS)
def test_both_formats_are_read_alike(files: list[Described]) -> None:
    """For any page, the listing is the same in both formats, except digests of links."""
    html = read_page(as_html_page(files), "demo")
    as_json = read_page(as_json_page(files), "demo")

    assert [(one.filename, one.requires_python, one.yanked) for one in html.files.values()] == [
        (one.filename, one.requires_python, one.yanked) for one in as_json.files.values()
    ]


@given(STAGED)
def test_staged_files_are_installable(staged: list[StagedFile]) -> None:
    """For any page, each staged file has its digest and a URL that ends with its name."""
    for kind in TYPES:
        page = a_page(new_page(kind, "demo", staged), kind, STAGED_PAGE)
        for link in links_on(page):
            artifact = an_artifact(link.filename)
            assert link.hash == artifact.sha256
            assert link.url_without_fragment == (
                f"https://stage.example.org/tmp/demo/t/{artifact.path}"
            )


@given(STAGED)
def test_new_project_is_the_same_in_both_formats(staged: list[StagedFile]) -> None:
    """For any stage of a new project, the page has the files in PyPI's order in both formats."""
    html, as_json = (a_page(new_page(kind, "demo", staged), kind, STAGED_PAGE) for kind in TYPES)
    assert names_on(html) == names_on(as_json) == sorted(one.filename for one in staged)
    assert filenames_on(as_json.body) == names_on(as_json)


@given(STAGED)
def test_new_pages_can_be_read(staged: list[StagedFile]) -> None:
    """For any stage, a new page is read with all its files."""
    for kind in TYPES:
        page = a_page(new_page(kind, "demo", staged), kind, STAGED_PAGE)
        assert merged(page, staged).body == page.body


def test_lists_are_the_same_in_both_formats() -> None:
    """For any project, its list has only the project."""
    assert b'"name":"demo"' in new_list(SimpleType.V1_JSON, ["demo"])
    assert b'<a href="demo/">demo</a>' in new_list(SimpleType.HTML, ["demo"])


def facts_of(link: Link, stage: str = INDEX) -> tuple[object, ...]:
    """Return the values of a link that an installer uses, with upstream's files in the *stage*."""
    return link.url.replace(INDEX, stage), link.hash, link.requires_python, link.yanked_reason


def comparable(link: Link) -> tuple[object, ...]:
    """Return the values that both formats have.

    A digest is in the URL of one, beside that of the other.
    """
    return link.url_without_fragment, link.requires_python, link.yanked_reason
