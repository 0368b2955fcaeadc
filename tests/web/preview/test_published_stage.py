"""A stage whose release is published: its pages are upstream's own again."""

from typing import Any

import pytest

from tests.support.builders.distributions import a_wheel, an_sdist
from tests.support.index.fake_index import JUST_OUT
from tests.support.promotion.promotion_client import PromotionClient
from tests.support.servers.service import HTML_PAGE, JSON_PAGE, RunningService, prefix_of

BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"
WHEEL = a_wheel(version="2.0")
SDIST = an_sdist(version="2.0")
LATER = a_wheel(version="2.0", tag="cp312-cp312-win_amd64")
PAGES = ["simple/demo/", "pypi/demo/json", "pypi/demo/2.0/json", "rss/project/demo/releases.xml"]


@pytest.fixture
async def stage(service: RunningService, promotion_client: PromotionClient) -> Any:
    """Return a stage that the server has published, of a project with an older release."""
    service.index.add("demo", a_wheel(version="1.0"))
    staged = await service.staged(WHEEL, SDIST)
    assert (await promotion_client.publish(staged))["status"] == "published"
    return staged


@pytest.fixture
async def unlisted(service: RunningService, promotion_client: PromotionClient) -> Any:
    """Return a published stage whose files upstream's page does not list yet."""
    service.index.add("demo", a_wheel(version="1.0"))
    staged = await service.staged(WHEEL, SDIST)
    assert (await promotion_client.publish_as_client(staged, WHEEL, SDIST))["status"] == "published"
    service.index.remove("demo")
    service.index.add("demo", a_wheel(version="1.0"))
    return staged


@pytest.mark.parametrize(
    ("path", "accept"),
    [
        *((path, JSON_PAGE) for path in PAGES),
        *(("simple/demo/", accept) for accept in (HTML_PAGE, "text/html")),
    ],
)
async def test_pages(service: RunningService, stage: Any, path: str, accept: str) -> None:
    """What upstream lists is upstream's, byte for byte."""
    answer = await service.get(prefix_of(stage) + path, accept)

    upstream = await service.get(f"{service.index.url}/{path}", accept)
    assert (answer.status, answer.body) == (upstream.status, upstream.body)
    assert answer.headers["Content-Type"] == upstream.headers["Content-Type"]


@pytest.mark.parametrize("file", [WHEEL, SDIST], ids=["wheel", "sdist"])
async def test_files(
    service: RunningService, promotion_client: PromotionClient, stage: Any, file: Any
) -> None:
    """A staged file's URL redirects to the file on the index, temporarily."""
    answer = await service.get(stage["files"][file.filename]["link"])

    url = (await promotion_client.show(stage))["files"][file.filename]["url"]
    assert (answer.status, answer.headers["Location"]) == (307, url)
    assert answer.headers["Cache-Control"] == "no-store"
    assert (await service.get(url)).body == file.content


async def test_metadata(service: RunningService, stage: Any) -> None:
    """The URL of a wheel's METADATA redirects to the index too."""
    link = stage["files"][WHEEL.filename]["link"]

    answer = await service.get(f"{link}.metadata", method="HEAD")

    to = answer.headers["Location"]
    assert (answer.status, answer.headers["Cache-Control"]) == (307, "no-store")
    assert to.endswith(f"/{WHEEL.filename}.metadata")
    assert (await service.get(to)).body == WHEEL.metadata


async def test_file_of_an_older_release(service: RunningService, stage: Any) -> None:
    """A file that the stage never had is passed through as before."""
    old = a_wheel(version="1.0")
    digest = old.blake2b_256
    path = f"packages/{digest[:2]}/{digest[2:4]}/{digest[4:]}/{old.filename}"

    answer = await service.get(prefix_of(stage) + path)

    assert (answer.status, answer.body) == (200, old.content)


async def test_lag(
    service: RunningService, promotion_client: PromotionClient, unlisted: Any
) -> None:
    """A published file that is not listed yet stays on the page, and redirects to the index."""
    page = await service.get(f"{prefix_of(unlisted)}simple/demo/", JSON_PAGE)

    listed = [one["filename"] for one in page.document["files"]]
    assert listed == [a_wheel(version="1.0").filename, WHEEL.filename, SDIST.filename]
    answer = await service.get(unlisted["files"][WHEEL.filename]["link"])
    assert (
        answer.headers["Location"]
        == (await promotion_client.show(unlisted))["files"][WHEEL.filename]["url"]
    )


async def test_lag_of_metadata(service: RunningService, unlisted: Any) -> None:
    """A file that is not listed yet has no metadata on the page: the index may have none."""
    page = await service.get(f"{prefix_of(unlisted)}simple/demo/", JSON_PAGE)

    announced = {one["filename"]: one["core-metadata"] for one in page.document["files"]}
    assert announced[WHEEL.filename] is False


async def test_lag_of_one_file(service: RunningService, unlisted: Any) -> None:
    """Files that upstream lists are upstream's, and the others are added."""
    service.index.add("demo", WHEEL, extra_file_keys=JUST_OUT)

    page = await service.get(f"{prefix_of(unlisted)}simple/demo/", JSON_PAGE)

    urls = {one["filename"]: one["url"] for one in page.document["files"]}
    assert urls[WHEEL.filename].startswith(service.index.url)
    assert urls[SDIST.filename].startswith("../../packages/")


@pytest.mark.parametrize("path", PAGES)
async def test_after_a_day(service: RunningService, unlisted: Any, path: str) -> None:
    """A day after publishing nothing is added any more, whatever upstream lists."""
    service.clock.advance(days=1)

    answer = await service.get(prefix_of(unlisted) + path, JSON_PAGE)

    upstream = await service.get(f"{service.index.url}/{path}", JSON_PAGE)
    assert (answer.status, WHEEL.filename in answer.text) == (upstream.status, False)
    assert answer.status == 404 or answer.body == upstream.body


async def test_deleted_after_a_day(service: RunningService, stage: Any) -> None:
    """A release that PyPI deletes disappears from the stage's pages too."""
    service.clock.advance(days=1)
    service.index.remove("demo")

    page = await service.get(f"{prefix_of(stage)}simple/demo/", JSON_PAGE)

    assert page.status == 404


async def test_files_after_a_day(service: RunningService, stage: Any) -> None:
    """The URL of a staged file in a lock file works until the stage is forgotten."""
    service.clock.advance(days=29)
    await service.parts.expiry.sweep()

    answer = await service.get(stage["files"][WHEEL.filename]["link"])

    assert answer.status == 307


async def test_forgotten(service: RunningService, stage: Any) -> None:
    """After the retention time a published stage is not found."""
    service.clock.advance(days=30)
    before = await service.get(f"{prefix_of(stage)}simple/demo/", JSON_PAGE)
    await service.parts.expiry.sweep()

    after = await service.get(f"{prefix_of(stage)}simple/demo/", JSON_PAGE)

    assert (before.status, after.status) == (404, 404)
    assert (await service.get(stage["files"][WHEEL.filename]["link"])).status == 404


async def test_only_the_release(service: RunningService, stage: Any) -> None:
    """For a day `+only` lists the release, whose files are on PyPI; then it is empty."""
    url = f"{prefix_of(stage)}+only/simple/demo/"
    page = await service.get(url, JSON_PAGE)
    service.clock.advance(days=1)

    after = await service.get(url, JSON_PAGE)

    listing = await service.get(f"{prefix_of(stage)}+only/simple/", JSON_PAGE)
    listed = [one["filename"] for one in page.document["files"]]
    assert listed == [WHEEL.filename, SDIST.filename]
    assert (after.status, listing.document["projects"]) == (404, [])


@pytest.mark.parametrize("days", [0, 2])
async def test_as_json(service: RunningService, stage: Any, days: int) -> None:
    """The published stage lists its files in JSON, also after a day."""
    service.clock.advance(days=days)

    document = (await service.get(prefix_of(stage), "application/json")).document

    assert (document["status"], document["notices"]) == ("published", [])
    assert document["files"].keys() == {WHEEL.filename, SDIST.filename}
    assert document["manifest-digest"] == stage["manifest-digest"]
    assert set(document["links"]) == {"review", "stage"}


async def test_as_a_page(service: RunningService, stage: Any) -> None:
    """The page of the stage states that it is published, and since when."""
    page = (await service.get(prefix_of(stage), BROWSER)).text

    assert "<title>demo 2.0, published</title>" in page
    assert "It was published on 2026-11-22 12:00 UTC." in page
    assert f"not on {service.index_name} yet" not in page
    assert "Expires" not in page
    assert "<td>confirmed</td>" in page


async def test_upload_to_its_url(service: RunningService, stage: Any) -> None:
    """A file uploaded to the URL of a published stage is refused."""
    to = f"{prefix_of(stage).removeprefix(service.url)}legacy/"

    answer = await service.upload(LATER, to=to)

    assert (answer.status, answer.reason) == (
        409,
        "Stage demo 2.0 is published and cannot be edited.",
    )


async def test_later_file(service: RunningService, stage: Any) -> None:
    """A new file of a published release opens a new stage, of that file alone."""
    another = await service.staged(LATER)

    assert another["id"] != stage["id"]
    assert (another["status"], list(another["files"])) == ("open", [LATER.filename])


async def test_same_file_again(service: RunningService, stage: Any) -> None:
    """Uploading a published file succeeds and stages nothing."""
    answer = await service.upload(WHEEL)

    stages = (await service.api("GET", "stages")).document["stages"]
    assert (answer.status, [one["id"] for one in stages]) == (200, [stage["id"]])


@pytest.mark.usefixtures("stage")
async def test_later_file_is_published(
    service: RunningService, promotion_client: PromotionClient
) -> None:
    """A wheel that joins a published release is published like any other."""
    another = await service.staged(LATER)

    done = await promotion_client.publish(another)

    assert done["status"] == "published"
    assert service.index.uploads.history.accepted[-1] == LATER.filename


async def test_published_stage_cannot_change(promotion_client: PromotionClient, stage: Any) -> None:
    """A published stage cannot be canceled or extended, and loses no file."""
    answers = [
        await promotion_client.ask("DELETE", stage),
        await promotion_client.ask("POST", stage, "/extend", **{"extend-for": 60}),
        await promotion_client.ask("DELETE", stage, f"/files/{WHEEL.filename}"),
        await promotion_client.plan(stage),
    ]

    assert [one.status for one in answers] == [409] * 4


async def test_rotated(
    service: RunningService, promotion_client: PromotionClient, stage: Any
) -> None:
    """The URL of a published stage can be replaced."""
    rotated = (await promotion_client.ask("POST", stage, "/rotate")).document

    before = await service.get(f"{prefix_of(stage)}simple/demo/", JSON_PAGE)
    after = await service.get(f"{prefix_of(rotated)}simple/demo/", JSON_PAGE)
    assert (before.status, after.status) == (410, 200)


async def test_page_leads_to_the_index(service: RunningService, stage: Any) -> None:
    """The page of a published release has a link to it on the index, and no commands to try it."""
    page = (await service.get(prefix_of(stage), BROWSER)).text

    host = service.index.url.removeprefix("http://")
    assert f'<a href="{service.index.url}/simple/demo/">demo 2.0 on {host}</a>' in page
    assert "Try it" not in page
    assert "index-url" not in page
