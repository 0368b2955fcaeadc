"""The staged release in /pypi/<project>/json and /pypi/<project>/<version>/json."""

from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.support.builders.distributions import Distribution, a_wheel, an_sdist
from tests.support.clients.http import Answer
from tests.support.index.fake_index import JUST_OUT, Quirks
from tests.support.servers.service import RunningService, prefix_of

PROJECT = "pypi/demo/json"
RELEASE = "pypi/demo/2.0/json"
OLD = "pypi/demo/1.0/json"
KEYS = ["info", "last_serial", "ownership", "releases", "urls", "vulnerabilities"]
NOT_FOUND = b'{"message": "Not Found"}'


def names(files: Any) -> list[str]:
    """Return the filenames of a list of files, in order."""
    return [one["filename"] for one in files]


def status_and_type(answer: Answer) -> tuple[int, str]:
    """Return the status and the type of an answer."""
    return answer.status, answer.headers["Content-Type"]


async def upstream(service: RunningService, path: str) -> Answer:
    """Return upstream's own answer."""
    return await service.get(f"{service.index.url}/{path}")


async def test_project(service: RunningService, prefix: str) -> None:
    """The document has PyPI's keys, and describes the staged release."""
    answer = await service.get(prefix + PROJECT)

    document = answer.document
    assert status_and_type(answer) == (200, "application/json")
    assert sorted(document) == KEYS
    assert list(document["releases"]) == ["1.0", "2.0"]
    assert document["info"]["version"] == "2.0"
    assert names(document["urls"]) == ["demo-2.0-py3-none-any.whl", "demo-2.0.tar.gz"]


async def test_release(service: RunningService, prefix: str) -> None:
    """The document of the release lacks `releases`, and is the same otherwise."""
    project = (await service.get(prefix + PROJECT)).document

    release = (await service.get(prefix + RELEASE)).document

    assert release == {key: value for key, value in project.items() if key != "releases"}
    assert release["vulnerabilities"] == []


async def test_pre_release(service: RunningService) -> None:
    """A staged pre-release is among the releases, and has a document of its own."""
    service.index.add("demo", a_wheel(version="1.0"))
    prefix = prefix_of(await service.staged(a_wheel(version="2.0rc1")))

    project = (await service.get(prefix + PROJECT)).document
    release = (await service.get(f"{prefix}pypi/demo/2.0rc1/json")).document

    assert project["info"]["version"] == "1.0"
    assert release["info"]["version"] == "2.0rc1"
    assert project["releases"]["2.0rc1"] == release["urls"]


async def test_files_are_what_is_served(
    service: RunningService, prefix: str, wheel: Distribution
) -> None:
    """URLs are absolute, below the stage, and serve bytes with the listed digests."""
    entry = (await service.get(prefix + RELEASE)).document["urls"][0]

    assert entry["url"].startswith(f"{prefix}packages/")
    assert (await service.get(entry["url"])).body == wheel.content
    assert (entry["size"], entry["md5_digest"]) == (len(wheel.content), wheel.md5)
    assert entry["digests"] == {
        "blake2b_256": wheel.blake2b_256,
        "md5": wheel.md5,
        "sha256": wheel.sha256,
    }


async def test_info_is_of_the_file_promoted_first(service: RunningService) -> None:
    """`info` and `requires_python` are the wheel's, whichever was uploaded first."""
    sdist = an_sdist(version="2.0", requires_python=">=3.9", summary="The sdist's")
    wheel = a_wheel(version="2.0", requires_python=">=3.8", summary="The wheel's")
    prefix = prefix_of(await service.staged(sdist, wheel))

    document = (await service.get(prefix + RELEASE)).document

    assert document["info"]["summary"] == "The wheel's"
    assert document["info"]["requires_python"] == ">=3.8"
    assert [one["requires_python"] for one in document["urls"]] == [">=3.8", ">=3.8"]
    assert [one["python_version"] for one in document["urls"]] == ["py3", "source"]


async def test_pages_are_upstreams(service: RunningService, prefix: str) -> None:
    """The links to the project's pages are upstream's."""
    info = (await service.get(prefix + RELEASE)).document["info"]

    page = f"{service.index.url}/project/demo/"
    assert (info["package_url"], info["project_url"]) == (page, page)
    assert info["release_url"] == f"{page}2.0/"


@pytest.mark.parametrize("spelled", ["2", "2.0", "2.0.0", "v2.0", "2.0%20", "2.0%C2%A0"])
async def test_version_in_any_spelling(service: RunningService, prefix: str, spelled: str) -> None:
    """The release is found by its canonical version."""
    answer = await service.get(f"{prefix}pypi/demo/{spelled}/json")

    assert (answer.status, answer.document["info"]["version"]) == (200, "2.0")
    asked = {urlsplit(one.path).path for one in service.index.requests}
    assert all(one.isascii() and " " not in one for one in asked)


@pytest.mark.parametrize("path", [PROJECT, RELEASE])
async def test_slash(service: RunningService, prefix: str, path: str) -> None:
    """A trailing slash makes no difference, and causes no redirect."""
    with_slash = await service.get(f"{prefix}{path}/")

    assert with_slash.status == 200
    assert with_slash.body == (await service.get(prefix + path)).body


@pytest.mark.parametrize("path", [PROJECT, RELEASE, OLD, f"{PROJECT}/"])
async def test_name_in_another_spelling(service: RunningService, prefix: str, path: str) -> None:
    """A name that is not normalized redirects to the normalized one, within the stage."""
    answer = await service.get(prefix + path.replace("demo", "DeMo"))

    assert answer.status == 301
    assert answer.headers["Location"] == prefix.removeprefix(service.url) + path


@pytest.mark.parametrize("path", ["pypi/demo/9.9/json", "pypi/demo/x/json", "pypi/brandnew/json"])
async def test_missing(service: RunningService, prefix: str, path: str) -> None:
    """A missing document is a 404 in JSON."""
    answer = await service.get(prefix + path)

    assert status_and_type(answer) == (404, "application/json")
    assert answer.body == NOT_FOUND


@pytest.mark.parametrize("path", [OLD, "pypi/other/json", "pypi/other/1.0/json"])
async def test_others_are_untouched(service: RunningService, prefix: str, path: str) -> None:
    """Other releases and other projects are upstream's, byte for byte."""
    assert (await service.get(prefix + path)).body == (await upstream(service, path)).body


async def test_published_release_gains_files(service: RunningService) -> None:
    """Staged files join the files of a published release, as PyPI would list them."""
    wheel = a_wheel(version="2.0", requires_python=">=3.7")
    service.index.add("demo", wheel, yanked="broken", extra_file_keys=JUST_OUT)
    prefix = prefix_of(await service.staged(an_sdist(version="2.0", requires_python=">=3.9")))

    document = (await service.get(prefix + RELEASE)).document

    assert names(document["urls"]) == ["demo-2.0-py3-none-any.whl", "demo-2.0.tar.gz"]
    assert [one["requires_python"] for one in document["urls"]] == [">=3.7", ">=3.7"]
    assert [one["yanked_reason"] for one in document["urls"]] == ["broken", "broken"]


async def test_new_project(service: RunningService) -> None:
    """A project that upstream does not have has both documents."""
    prefix = prefix_of(await service.staged(a_wheel("brandnew", "1.0")))

    project = (await service.get(f"{prefix}pypi/brandnew/json")).document
    release = (await service.get(f"{prefix}pypi/brandnew/1.0/json")).document

    assert sorted(project) == KEYS
    assert project.pop("releases") == {"1.0": release["urls"]}
    assert project == release


@pytest.mark.parametrize("version", ["9.0", None], ids=["a version", "none yet"])
async def test_empty_stage(service: RunningService, stage: Any, version: str | None) -> None:
    """A stage without files changes nothing, but the documents have to be revalidated."""
    prefix = prefix_of(await service.open_stage("other", version))
    paths = ["pypi/other/json", "pypi/other/1.0/json", "pypi/other/9.0/json"]

    answers = [await service.get(prefix + path) for path in paths]

    theirs = [await upstream(service, path) for path in paths]
    assert [one.body for one in answers] == [one.body for one in theirs]
    assert {one.headers["Cache-Control"] for one in answers} == {"private, no-cache"}
    assert stage["status"] == "open"


NO_RELEASES = {"/pypi/demo/1.0/json", "/pypi/demo/2.0/json"}
NO_JSON = {*NO_RELEASES, "/pypi/demo/json"}


async def test_mirror_without_documents_of_releases(service: RunningService, prefix: str) -> None:
    """The release's document is made from the project's if the mirror has only that."""
    whole = (await service.get(prefix + RELEASE)).document
    service.index.quirks = Quirks(missing=NO_RELEASES)

    assert (await service.get(prefix + RELEASE)).document == whole
    assert (await service.get(prefix + OLD)).body == NOT_FOUND


async def test_mirror_without_the_document_of_a_release(service: RunningService) -> None:
    """A published release whose document the mirror lacks has none under the stage."""
    service.index.add("demo", a_wheel(version="2.0.0"), extra_file_keys=JUST_OUT)
    service.index.quirks = Quirks(missing=NO_RELEASES)
    prefix = prefix_of(await service.staged(an_sdist(version="2.0")))

    answer = await service.get(prefix + RELEASE)

    assert (status_and_type(answer), answer.body) == ((404, "application/json"), NOT_FOUND)


@pytest.mark.parametrize("path", [PROJECT, RELEASE, OLD])
async def test_mirror_without_the_json_api(service: RunningService, prefix: str, path: str) -> None:
    """A mirror that has the project, but no JSON API, has no document under the stage."""
    service.index.quirks = Quirks(missing=NO_JSON)

    answer = await service.get(prefix + path)

    assert (status_and_type(answer), answer.body) == ((404, "application/json"), NOT_FOUND)


async def test_new_project_on_a_mirror_without_the_json_api(service: RunningService) -> None:
    """A new project has documents, although the mirror lacks the JSON API."""
    service.index.quirks = Quirks(missing={"/pypi/brandnew/json", "/pypi/brandnew/1.0/json"})
    prefix = prefix_of(await service.staged(a_wheel("brandnew")))

    assert (await service.get(f"{prefix}pypi/brandnew/json")).status == 200
    assert (await service.get(f"{prefix}pypi/brandnew/1.0/json")).status == 200


@pytest.mark.parametrize("quirks", [Quirks(relative_urls=True), Quirks(host_absolute_urls=True)])
@pytest.mark.parametrize("version", ["0.9", "1.0.post1"], ids=["an older one", "the newest"])
async def test_relative_links(service: RunningService, version: str, quirks: Quirks) -> None:
    """Upstream's relative URLs become absolute in an edited document, and stay in the stage."""
    service.index.add("demo", a_wheel(version="1.0"))
    service.index.quirks = quirks
    prefix = prefix_of(await service.staged(a_wheel(version=version)))

    document = (await service.get(prefix + PROJECT)).document

    listed = [*document["urls"], *(one for files in document["releases"].values() for one in files)]
    links = {one["filename"]: one["url"] for one in listed}
    assert links["demo-1.0-py3-none-any.whl"].startswith(f"{prefix}packages/")
    assert all(one["url"].startswith("http://") for one in listed)


async def test_nothing_goes_around_upstream(service: RunningService, prefix: str) -> None:
    """While upstream fails there is no document, not even of the staged release."""
    service.index.quirks = Quirks(status=500)

    answers = [await service.get(prefix + path) for path in (PROJECT, RELEASE)]

    assert [one.status for one in answers] == [503, 503]
