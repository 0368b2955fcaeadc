"""The staged release in the documents of the JSON API."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from packaging.version import Version

from stageproxy.core.index.release_json import (
    StagedRelease,
    add_to_project_json,
    add_to_release_json,
    has_release,
    new_project_json,
    new_release_json,
)
from tests.support.builders.stages import LINKS, an_artifact
from tests.support.index.release_documents import (
    PROJECT_URL,
    a_project_json,
    a_published_file,
    a_release_json,
    a_staged_release,
)

WHEEL = "demo-2.0-py3-none-any.whl"
SDIST = "demo-2.0.tar.gz"
BOTH = a_staged_release("2.0", SDIST, WHEEL)
STAGED = "What is staged"
OUT = "What is out"
FILE_KEYS = [
    *("comment_text", "core-metadata", "digests", "downloads", "filename", "has_sig"),
    *("md5_digest", "packagetype", "python_version", "requires_python", "size", "upload_time"),
    *("upload_time_iso_8601", "url", "yanked", "yanked_reason"),
]
VERSIONS = st.from_regex(r"(1!)?[0-9]\.[0-9](\.[0-9])?(a1|rc2)?(\.post1)?(\.dev3)?", fullmatch=True)


def with_staged(body: bytes, staged: StagedRelease = BOTH) -> Any:
    """Return the project's document with the staged release in it."""
    return json.loads(add_to_project_json(body, LINKS, staged))


def names(files: Any) -> list[str]:
    """Return the filenames of a list of files, in order."""
    return [one["filename"] for one in files]


def test_document_switches_to_the_newest_release() -> None:
    """`info`, `urls` and `vulnerabilities` are those of the staged release if it is the latest."""
    document = with_staged(a_project_json({"1.0": ["demo-1.0.tar.gz"]}))

    assert (document["info"]["version"], document["info"]["summary"]) == ("2.0", STAGED)
    assert names(document["urls"]) == [WHEEL, SDIST]
    assert document["releases"]["2.0"] == document["urls"]
    assert document["vulnerabilities"] == []


def test_keys_of_the_project_are_unchanged() -> None:
    """Ownership and serial number are upstream's; the keys keep their order."""
    body = a_project_json({"1.0": ["demo-1.0.tar.gz"]}, unknown={"b": 1, "a": [2]})

    before, after = json.loads(body), with_staged(body)

    unchanged = ("last_serial", "ownership", "unknown")
    assert {key: after[key] for key in unchanged} == {key: before[key] for key in unchanged}
    assert list(after) == list(before)


RULE = {
    "a higher version": ("1.0", False, "2.0", True),
    "a lower version": ("3.0", False, "2.0", False),
    "a pre-release beside a final one": ("1.0", False, "2.0rc1", False),
    "a development release beside a final one": ("1.0", False, "2.0.dev1", False),
    "a pre-release beside an older pre-release": ("2.0a1", False, "2.0rc1", True),
    "a pre-release beside a newer pre-release": ("2.0rc2", False, "2.0rc1", False),
    "a final release beside a higher pre-release": ("3.0rc1", False, "2.0", True),
    "a post-release": ("2.0", False, "2.0.post1", True),
    "a higher epoch": ("9.0", False, "1!1.0", True),
    "not by the alphabet": ("9.0", False, "10.0", True),
    "anything beside a yanked release": ("3.0", True, "2.0", True),
    "a pre-release beside a yanked final one": ("3.0", True, "2.0rc1", True),
    "beside a version that is none": ("dog", False, "0.1", True),
}


@pytest.mark.parametrize(("out", "yanked", "staged", "wins"), RULE.values(), ids=RULE)
def test_latest_release(out: str, staged: str, *, yanked: bool, wins: bool) -> None:
    """The latest release is not yanked, then no pre-release, then the highest, as on PyPI."""
    body = a_project_json({out: ["demo-1.0.tar.gz"]}, info={"yanked": yanked})

    document = with_staged(body, a_staged_release(staged, f"demo-{staged}.tar.gz"))

    assert document["info"]["version"] == (staged if wins else out)
    assert document["info"]["summary"] == (STAGED if wins else OUT)
    assert names(document["urls"]) == [f"demo-{staged}.tar.gz" if wins else "demo-1.0.tar.gz"]
    assert names(document["releases"][staged]) == [f"demo-{staged}.tar.gz"]
    assert document["vulnerabilities"] == ([] if wins else [{"id": "PYSEC-1"}])


@given(VERSIONS, VERSIONS)
def test_latest_of_any_two_releases(out: str, staged: str) -> None:
    """For any two releases, `info` is that of the final one, or else of the higher one."""
    body = a_project_json({out: ["demo-0.tar.gz"]})
    wins = max(out, staged, key=lambda one: (not Version(one).is_prerelease, Version(one)))

    document = with_staged(body, a_staged_release(staged, f"demo-{staged}.tar.gz"))

    assert Version(document["info"]["version"]) == Version(wins)


def test_keys_of_a_file() -> None:
    """A staged file has PyPI's 16 keys in PyPI's order, and its own digests."""
    entry = with_staged(a_project_json({}))["urls"][0]

    artifact = an_artifact(WHEEL)
    assert list(entry) == FILE_KEYS
    assert entry["digests"] == {
        "blake2b_256": artifact.blake2b_256,
        "md5": artifact.md5,
        "sha256": artifact.sha256,
    }
    assert entry["core-metadata"] == {"sha256": artifact.core_metadata_sha256}
    assert (entry["md5_digest"], entry["size"]) == (artifact.md5, artifact.size)
    assert (entry["packagetype"], entry["python_version"]) == ("bdist_wheel", "py3")
    assert (entry["downloads"], entry["has_sig"], entry["comment_text"]) == (-1, False, None)


def test_times_of_a_file() -> None:
    """One time has no zone and whole seconds, the other is RFC 3339."""
    entry = with_staged(a_project_json({}))["urls"][1]

    assert entry["upload_time"] == "2026-11-22T12:00:00"
    assert entry["upload_time_iso_8601"] == "2026-11-22T12:00:00.123456Z"
    assert (entry["python_version"], entry["core-metadata"]) == ("source", False)


def test_file_of_a_published_release() -> None:
    """`requires_python` and yanking are those of the published release."""
    release = {"requires_python": ">=3.12", "yanked": True, "yanked_reason": "broken"}
    body = a_project_json({"2.0": [a_published_file(SDIST, **release)]})

    joined = with_staged(body)["releases"]["2.0"][0]

    assert {key: joined[key] for key in release} == release
    assert joined["filename"] == WHEEL


def test_file_of_the_newest_release() -> None:
    """`urls` gains a file of the newest release, sorted by name; `info` is unchanged."""
    body = a_project_json({"2.0": [SDIST]})

    document = with_staged(body)

    assert names(document["urls"]) == names(document["releases"]["2.0"]) == [WHEEL, SDIST]
    assert document["info"] == json.loads(body)["info"]
    assert document["vulnerabilities"] == [{"id": "PYSEC-1"}]


def test_file_of_an_older_release() -> None:
    """Files of an older release change neither `info` nor `urls`."""
    body = a_project_json({"2.0": [SDIST], "3.0": ["demo-3.0.tar.gz"]})

    document = with_staged(body)

    assert names(document["releases"]["2.0"]) == [WHEEL, SDIST]
    assert names(document["urls"]) == ["demo-3.0.tar.gz"]
    assert document["info"]["version"] == "3.0"


@pytest.mark.parametrize("spelled", ["2", "2.0", "2.0.0", "v2.0"])
def test_release_is_found_in_any_spelling(spelled: str) -> None:
    """A published release keeps its spelling and is not added again."""
    body = a_project_json({spelled: [SDIST]})

    document = with_staged(body)

    assert list(document["releases"]) == [spelled]
    assert names(document["releases"][spelled]) == [WHEEL, SDIST]
    assert has_release(body, "demo", "2.0.0")


@given(st.sets(VERSIONS, max_size=6), VERSIONS)
def test_releases_are_sorted_as_text(out: set[str], staged: str) -> None:
    """For any releases, the staged one is at its position in PyPI's order of strings."""
    others = {one for one in out if Version(one) != Version(staged)}
    body = a_project_json({one: [] for one in sorted(others)}, newest="0.0")

    document = with_staged(body, a_staged_release(staged, f"demo-{staged}.tar.gz"))

    assert list(document["releases"]) == sorted({*others, staged})


@pytest.mark.parametrize("written", ["{}", "{ }", "{\n}", '{"1.0":[]}', '{ "1.0" : [ ] }'])
def test_releases_in_any_style(written: str) -> None:
    """The staged file is added to an empty release in any formatting."""
    body = a_project_json({}).replace(b'"releases":{}', f'"releases":{written}'.encode())

    assert names(with_staged(body)["releases"]["2.0"]) == [WHEEL, SDIST]


def test_other_bytes_are_unchanged() -> None:
    """White space, escapes and the spelling of numbers are unchanged."""
    odd = b'"x" : [ 1.0e2, 10E-1,\t"\\u00e9\\/" ]'
    body = a_project_json({"3.0": ["demo-3.0.tar.gz"]}).replace(b'"last_serial"', odd + b',"s"')

    edited = add_to_project_json(body, LINKS, BOTH)

    at = edited.index(b'"2.0":[')
    until = edited.index(b'"3.0":[')
    assert edited[:at] + edited[until:] == body


@pytest.mark.parametrize("staged", [BOTH, a_staged_release("2.0", WHEEL), a_staged_release("1.0")])
def test_adding_twice_adds_once(staged: StagedRelease) -> None:
    """Files that the document lists are not added again."""
    once = add_to_project_json(a_project_json({"1.0": ["demo-1.0.tar.gz"]}), LINKS, staged)

    assert add_to_project_json(once, LINKS, staged) == once


def test_complete_document_is_unchanged() -> None:
    """A document that lists all staged files is unchanged, including its links."""
    files = [a_published_file(one, url=f"../../{one}") for one in (WHEEL, SDIST)]
    body = b" \n" + a_project_json({"2.0": files}) + b"\t"

    assert add_to_project_json(body, LINKS, BOTH) == body
    assert add_to_release_json(body, LINKS, BOTH) == body


@pytest.mark.parametrize("newest", ["1.0", "2.0", "3.0"], ids=["older", "same", "newer"])
def test_relative_links_become_absolute(newest: str) -> None:
    """Relative links of upstream become absolute, at any place, and stay within the stage."""
    published = a_published_file(f"demo-{newest}.zip", url="../../files/a b.zip")
    body = a_project_json({newest: [published]})

    document = with_staged(body)

    listed = [one for files in document["releases"].values() for one in files]
    links = {one["filename"]: one["url"] for one in [*listed, *document["urls"]]}
    assert links[f"demo-{newest}.zip"] == f"{LINKS.stage_url}files/a b.zip"
    assert all(link.startswith("https://") for link in links.values())


def test_links_of_the_project_are_upstreams() -> None:
    """The links to the pages of project and release are upstream's."""
    site = dict.fromkeys(("package_url", "project_url"), "https://elsewhere.example.org/p/demo/")
    body = a_project_json({"1.0": []}, info=site)

    changed, written = with_staged(body), json.loads(new_release_json(BOTH, body))

    assert changed["info"]["release_url"] == "https://elsewhere.example.org/p/demo/2.0/"
    assert {key: changed["info"][key] for key in site} == site
    assert written["info"] == changed["info"]


def test_release_gains_files() -> None:
    """The document of a published release gains its staged files, and nothing else."""
    body = a_release_json("2.0", a_published_file(SDIST, requires_python=">=3.6"))

    document = json.loads(add_to_release_json(body, LINKS, BOTH))

    assert names(document["urls"]) == [WHEEL, SDIST]
    assert document["urls"][0]["requires_python"] == ">=3.6"
    assert {**document, "urls": None} == {**json.loads(body), "urls": None}


def test_new_release() -> None:
    """A new release has no `releases` and the ownership of the project."""
    document = json.loads(new_release_json(BOTH, a_project_json({"1.0": []})))

    assert list(document) == ["info", "last_serial", "ownership", "urls", "vulnerabilities"]
    assert names(document["urls"]) == [WHEEL, SDIST]
    assert (document["last_serial"], document["vulnerabilities"]) == (7, [])
    assert document["ownership"]["roles"][0]["user"] == "somebody"


def test_new_project() -> None:
    """A new project has the staged release only."""
    document = json.loads(new_project_json(BOTH))

    assert document["releases"] == {"2.0": document["urls"]}
    assert document["info"]["release_url"] == f"{PROJECT_URL}2.0/"
    assert document["ownership"] == {"organization": None, "roles": []}
