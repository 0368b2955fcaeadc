"""Staged files on JSON pages."""

import json
from typing import Any

import pytest

from stageproxy.core.index.pages import ListedFile, StagedFile, UnreadablePageError
from stageproxy.core.index.simple_json import (
    add_to_json_page,
    new_json_list,
    new_json_page,
    read_json_page,
)
from tests.support.builders.stages import (
    LINKS,
    a_listed_entry,
    a_staged_file,
    as_json,
    filenames_on,
    page_with,
)

WHEEL = a_staged_file("demo-2.0-py3-none-any.whl", requires_python=">=3.9")
SDIST = a_staged_file("demo-2.0.tar.gz", requires_python=">=3.9")
KEYS_OF_PYPI = [
    "core-metadata",
    "data-dist-info-metadata",
    "filename",
    "hashes",
    "provenance",
    "requires-python",
    "size",
    "upload-time",
    "url",
    "yanked",
]


def merged(page: bytes, *staged: StagedFile) -> Any:
    """Return the parsed page with staged files on it, one wheel by default."""
    return json.loads(add_to_json_page(page, "demo", staged or [WHEEL], LINKS))


def test_entry_of_a_staged_file() -> None:
    """An entry has PyPI's keys in PyPI's order."""
    (entry,) = merged(page_with(), WHEEL)["files"]

    metadata = {"sha256": WHEEL.core_metadata_sha256}
    assert list(entry) == KEYS_OF_PYPI
    assert entry == {
        "core-metadata": metadata,
        "data-dist-info-metadata": metadata,
        "filename": WHEEL.filename,
        "hashes": {"sha256": WHEEL.sha256},
        "provenance": None,
        "requires-python": ">=3.9",
        "size": WHEEL.size,
        "upload-time": "2026-11-22T12:00:00.123456Z",
        "url": WHEEL.link,
        "yanked": False,
    }


def test_sdists_have_no_core_metadata() -> None:
    """PyPI serves METADATA for wheels only."""
    (entry,) = merged(page_with(), SDIST)["files"]

    assert (entry["core-metadata"], entry["data-dist-info-metadata"]) == (False, False)


def test_url_ends_with_the_filename() -> None:
    """Installers read the filename from the last component of a URL."""
    (entry,) = merged(page_with(), WHEEL)["files"]

    assert entry["url"].rpartition("/")[2] == entry["filename"]
    assert "?" not in entry["url"]


def test_staged_files_are_in_pypis_order() -> None:
    """Staged files are sorted by version and filename; upstream's order is unchanged."""
    page = page_with("demo-1.0.tar.gz", "demo-3.0.tar.gz", "demo-0.9.tar.gz.asc")

    edited = add_to_json_page(page, "demo", [SDIST, WHEEL], LINKS)

    assert filenames_on(edited) == [
        "demo-1.0.tar.gz",
        "demo-3.0.tar.gz",
        "demo-0.9.tar.gz.asc",
        WHEEL.filename,
        SDIST.filename,
    ]


@pytest.mark.parametrize(
    ("listed", "versions"),
    [
        ([], ["2.0"]),
        (["1.0"], ["1.0", "2.0"]),
        (["1.0", "3.0"], ["1.0", "2.0", "3.0"]),
        (["3.0"], ["2.0", "3.0"]),
        (["2.0"], ["2.0"]),
        (["2"], ["2"]),
        (["2.0.0", "3.0"], ["2.0.0", "3.0"]),
        (["v2"], ["v2"]),
        (["dog"], ["2.0", "dog"]),
        (["dog", "1.0"], ["dog", "1.0", "2.0"]),
        (["3.0", "1.0"], ["3.0", "1.0", "2.0"]),
    ],
    ids=str,
)
def test_version_is_added_once(listed: list[str], versions: list[str]) -> None:
    """The staged version is listed once, in any spelling."""
    assert merged(page_with(versions=listed), WHEEL, SDIST)["versions"] == versions


def test_page_without_versions_gets_none() -> None:
    """A page of API 1.0 has no versions, and gets none."""
    assert merged(page_with(versions=None))["versions"] is None


def test_invalid_versions_are_unreadable() -> None:
    """A page whose versions are no list is unreadable."""
    with pytest.raises(UnreadablePageError, match="`versions` is not a list"):
        add_to_json_page(page_with(versions={"2.0": True}), "demo", [WHEEL], LINKS)


@pytest.mark.parametrize("version", ["1.0", "1.1", "1.5", "1.9", "2.0"])
def test_api_version_is_upstreams(version: str) -> None:
    """The API version of a page is unchanged."""
    page = page_with("demo-1.0.tar.gz", meta={"api-version": version, "_last-serial": 7})

    assert merged(page)["meta"] == {"api-version": version, "_last-serial": 7}


def test_unknown_keys_are_unchanged() -> None:
    """Unknown keys are unchanged, private ones too."""
    strange = a_listed_entry("demo-1.0-variants.json", _private=1, to_come={"a": [1.50, "é"]})
    page = page_with(files=[strange], namespaces=None, _key=[1], tracks=["x"], versions=["1.0"])

    edited = merged(page)

    assert edited["files"][0] == strange
    assert {key: edited[key] for key in ("namespaces", "_key", "tracks", "project-status")} == {
        "namespaces": None,
        "_key": [1],
        "tracks": ["x"],
        "project-status": {"status": "active"},
    }


@pytest.mark.parametrize(
    "page",
    [
        b'{"files": [], "meta": {"api-version": "1.0"}, "name": "demo"}',
        b' {\n "name" : "demo" , "files" : [ ]\n}\n\n',
        b'{"x":1.0E+2,"name":"demo","files":[ {"filename":"a.egg"} ],"u":"\\u00e9\xc3\xa9"}',
        page_with("demo-1.0.tar.gz", "demo-3.0.tar.gz"),
        json.dumps(json.loads(page_with("demo-1.0.tar.gz", "demo-1.1.tar.gz")), indent=2).encode(),
    ],
    ids=["no versions", "white space", "odd spellings", "as PyPI", "indented"],
)
def test_bytes_are_only_inserted(page: bytes) -> None:
    """The page of upstream is unchanged except for insertions."""
    rest = iter(add_to_json_page(page, "demo", [WHEEL, SDIST], LINKS))

    assert all(byte in rest for byte in page)


def test_indented_page_stays_indented() -> None:
    """New entries have the indentation of upstream's."""
    page = b'{"name": "demo", "files": [\n  {"filename": "a"},\n  {"filename": "b"}\n]}'

    edited = add_to_json_page(page, "demo", [WHEEL], LINKS).decode()

    assert edited.startswith(page[:-3].decode() + ',\n  {"core-metadata":')
    assert edited.endswith("}\n]}")


@pytest.mark.parametrize(
    "page",
    [page_with(WHEEL.filename, url="x"), page_with("demo-1.0.tar.gz")],
    ids=["all listed", "nothing staged"],
)
def test_complete_page_is_unchanged(page: bytes) -> None:
    """A page that lists every staged file is unchanged, including its relative links."""
    staged = [WHEEL] if WHEEL.filename.encode() in page else []

    assert add_to_json_page(page, "demo", staged, LINKS) is page


def test_listed_filename_is_not_added() -> None:
    """Upstream's entry wins, whatever digest the staged file has."""
    page = page_with(files=[a_listed_entry(WHEEL.filename, hashes={"sha256": "0" * 64})])

    edited = merged(page, WHEEL, SDIST)

    assert [one["filename"] for one in edited["files"]] == [WHEEL.filename, SDIST.filename]
    assert edited["files"][0]["hashes"] == {"sha256": "0" * 64}


def test_quarantined_project_gets_no_files() -> None:
    """A quarantined project offers nothing to install (PEP 792)."""
    page = page_with(**{"project-status": {"status": "quarantined"}})

    assert add_to_json_page(page, "demo", [WHEEL], LINKS) is page


@pytest.mark.parametrize(
    ("yanked", "expected"),
    [(False, False), (True, True), ("broken", "broken"), (None, False), ("", False)],
    ids=["no", "yes", "with a reason", "null", "an empty reason"],
)
def test_file_of_a_published_release(yanked: object, expected: object) -> None:
    """Requires-Python and yanking are those of the published release."""
    listed = a_listed_entry("demo-2.0.0.tar.gz", yanked=yanked, requires_python=">=3.8")

    (entry, _) = merged(page_with(files=[listed], versions=["2.0.0"]), WHEEL)["files"]

    assert (entry["yanked"], entry["requires-python"]) == (expected, ">=3.8")


@pytest.mark.parametrize(
    ("link", "expected"),
    [
        ("demo-1.0.tar.gz", "demo-1.0.tar.gz"),
        ("../../packages/x.whl", "../../packages/x.whl"),
        ("/packages/x.whl#sha256=00", "../../packages/x.whl#sha256=00"),
        ("//files.example.org/x.whl", "https://files.example.org/x.whl"),
        ("/x.whl?a=b", "../../x.whl?a=b"),
        ("https://files.example.org/x", "https://files.example.org/x"),
        ("HTTPS://files.example.org/x", "HTTPS://files.example.org/x"),
        ('/a\\é"', 'https://index.example.org/a\\é"'),
        (None, None),
    ],
    ids=str,
)
@pytest.mark.parametrize("key", ["url", "provenance"])
def test_links_that_leave_the_stage_are_replaced(
    key: str, link: str | None, expected: str | None
) -> None:
    """Links that would leave the stage are replaced; all others keep their bytes."""
    page = page_with(files=[a_listed_entry("demo-1.0.tar.gz", **{key: link})])

    assert merged(page)["files"][0][key] == expected


def test_page_is_read() -> None:
    """A page has filenames, digests and the attributes of releases."""
    entry = a_listed_entry("demo-1.0.tar.gz", yanked=True, requires_python=">=3.8")
    listing = read_json_page(page_with(files=[entry]), "demo")

    sha256, time = entry["hashes"]["sha256"], entry["upload-time"]
    assert listing.files == {
        "demo-1.0.tar.gz": ListedFile("demo-1.0.tar.gz", sha256, ">=3.8", "", 1234, time)
    }
    assert listing.status == "active"


def test_digest_is_read_in_lower_case() -> None:
    """An index may spell digests in upper case. The staged file counted as another one once."""
    entry = a_listed_entry("demo-1.0.tar.gz", hashes={"sha256": "AB" * 32})

    listing = read_json_page(page_with(files=[entry]), "demo")

    assert listing.files["demo-1.0.tar.gz"].sha256 == "ab" * 32


def test_optional_keys() -> None:
    """A file needs only its filename; a page without status is active."""
    listing = read_json_page(b'{"name": "Demo", "files": [{"filename": "x"}]}', "demo")

    assert (dict(listing.files), listing.status) == (
        {"x": ListedFile("x", None, None, None)},
        "active",
    )


@pytest.mark.parametrize(
    "page",
    [
        b"",
        b"\xff\xfe{}",
        b"<!DOCTYPE html>",
        b"null",
        b"[]",
        b'{"message": "not found"}',
        b'{"name": "demo"}',
        b'{"files": []}',
        b'{"name": null, "files": []}',
        b'{"name": ["demo"], "files": []}',
        b'{"name": "demo", "files": {}}',
        b'{"name": "demo", "files": [null]}',
        b'{"name": "demo", "files": ["x"]}',
        b'{"name": "demo", "files": [{}]}',
        b'{"name": "demo", "files": [{"filename": "x", "hashes": []}]}',
        b'{"name": "demo", "files": [], "project-status": "active"}',
        b'{"name": "demo", "files": [], "project-status": null}',
        b'{"name": "demo", "files": [], "x": NaN}',
        b'{"name": "demo", "files": [{"filename": "x", "size": -Infinity}]}',
        b'{"name": "demo", "files": [], "files": []}',
        b'{"name": "other", "name": "demo", "files": []}',
        b'{"name": "demo", "files": []}{"name": "demo"}',
        b'{"name": "demo", "files": []',
        b'\xef\xbb\xbf{"name": "demo", "files": []}',
        b'{"name": "demo\xe9", "files": []}',
        page_with("demo-1.0.tar.gz")[:-20],
        b'{"name": "demo", "files": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
        page_with("other-1.0.tar.gz", name="other"),
        page_with(name="demo-2"),
    ],
    ids=lambda page: ascii(page.decode(errors="replace")[:60]),
)
def test_other_documents_are_unreadable(page: bytes) -> None:
    """A document that is not the JSON page of the project is neither edited nor read as empty."""
    with pytest.raises(UnreadablePageError):
        read_json_page(page, "demo")
    with pytest.raises(UnreadablePageError):
        add_to_json_page(page, "demo", [WHEEL], LINKS)


@pytest.mark.parametrize(
    "entry",
    [b'{"filename": "x", "url": "//["}', b'{"filename": "x", "url": "a", "url": "b"}'],
    ids=["a link that is no URL", "a relative link, twice"],
)
def test_invalid_links_are_unreadable(entry: bytes) -> None:
    """A page with a link that cannot be made absolute is not edited.

    These were internal errors once: `urljoin` and the scanner of spans raise plain `ValueError`.
    """
    page = b'{"name": "demo", "files": [' + entry + b"]}"

    with pytest.raises(UnreadablePageError):
        add_to_json_page(page, "demo", [WHEEL], LINKS)


@pytest.mark.parametrize(
    "entry",
    [
        b'{"filename": "x", "url": "\\ud800"}',
        b'{"filename": "demo-2.0.tar.gz", "url": "a", "requires-python": "\\ud800"}',
    ],
    ids=["in a link", "in what a release requires"],
)
def test_lone_surrogates_are_unreadable(entry: bytes) -> None:
    r"""JSON can spell a lone `\ud800`, which UTF-8 cannot. Such a page is unreadable.

    It was an internal error once: the text was written unescaped.
    """
    page = b'{"name": "demo", "files": [' + entry + b"]}"

    with pytest.raises(UnreadablePageError):
        add_to_json_page(page, "demo", [WHEEL], LINKS)


def test_page_of_a_new_project() -> None:
    """The page of a new project has PyPI's shape."""
    page = new_json_page("demo", [SDIST, WHEEL])

    parsed = json.loads(page)
    assert page == as_json(parsed)
    assert {key: parsed[key] for key in parsed if key != "files"} == {
        "meta": {"_last-serial": 0, "api-version": "1.4"},
        "name": "demo",
        "project-status": {"status": "active"},
        "versions": ["2.0"],
    }
    assert filenames_on(page) == [WHEEL.filename, SDIST.filename]


def test_list_of_projects() -> None:
    """A list of projects has PyPI's shape."""
    assert json.loads(new_json_list(["a", "demo"])) == {
        "meta": {"_last-serial": 0, "api-version": "1.4"},
        "projects": [{"_last-serial": 0, "name": "a"}, {"_last-serial": 0, "name": "demo"}],
    }
