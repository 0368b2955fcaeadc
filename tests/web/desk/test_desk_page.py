"""The desk: which stages somebody sees there, how they are found, and what waits for them."""

import re

import pytest

from tests.support.builders.distributions import a_wheel
from tests.support.clients.desk_client import DeskClient, shown, signed_in
from tests.support.clients.http import Answer
from tests.support.servers.service import RunningService

OTHER = a_wheel("other", version="1.0")


def listed(page: Answer) -> list[str]:
    """Return the releases in the list of stages."""
    table = page.text.partition("<tbody>")[2]
    return re.findall(r'<th scope="row"><a href="[^"]+"><bdi>([^<]+)</bdi>', table)


async def test_strangers_see_no_stage(service: RunningService) -> None:
    """Strangers see what the server does, with its commands, and a form; never a stage."""
    await service.staged(a_wheel(version="2.0"))

    page = await DeskClient(service).get("/")

    assert f"twine upload --repository-url {service.url}/legacy/ dist/*" in shown(page)
    assert "Sign in to the desk" in shown(page)
    assert "demo" not in page.text


@pytest.mark.parametrize(
    ("can", "project", "releases"),
    [
        ("upload", "demo", ["demo 2.0", "demo 1.0"]),
        ("manage", "other", ["other 1.0"]),
        ("manage", "third", []),
        ("admin", "*", ["other 1.0", "demo 2.0", "demo 1.0"]),
    ],
)
async def test_own_stages(
    service: RunningService, can: str, project: str, releases: list[str]
) -> None:
    """Everybody sees the stages that their token may show, the latest first."""
    for distribution in (a_wheel(version="1.0"), a_wheel(version="2.0"), OTHER):
        await service.staged(distribution)
        service.clock.advance(seconds=1)
    browser = await signed_in(service, await service.token(can, project))

    assert listed(await browser.get("/")) == releases


@pytest.mark.parametrize(
    ("query", "releases"),
    [
        ("project=Demo", ["demo 2.0", "demo 1.0"]),
        ("project=demo&version=2.0.0", ["demo 2.0"]),
        ("version=1.0", ["other 1.0", "demo 1.0"]),
        ("status=canceled", ["demo 1.0"]),
        ("status=live", ["other 1.0", "demo 2.0"]),
        ("status=open&project=other", ["other 1.0"]),
        ("status=error", []),
        ("status=nonsense", ["other 1.0", "demo 2.0", "demo 1.0"]),
        ("project=%00%22%3E%3Cscript%3E", []),
        ("version=no+version", []),
    ],
)
async def test_search(service: RunningService, query: str, releases: list[str]) -> None:
    """Stages are found by project, version and status, in any spelling."""
    canceled = await service.staged(a_wheel(version="1.0"))
    await service.api("DELETE", f"stages/{canceled['id']}")
    for distribution in (a_wheel(version="2.0"), OTHER):
        service.clock.advance(seconds=1)
        await service.staged(distribution)
    browser = await signed_in(service)

    page = await browser.get(f"/?{query}")

    assert listed(page) == releases
    assert "<script>" not in page.text


async def test_pages(service: RunningService) -> None:
    """A long list has pages, with what is searched for; each stage is on one of them."""
    for number in range(19):
        for name in ("a", "b", "c"):
            await service.open_stage(name, f"{number}.0")
    browser = await signed_in(service)

    first = await browser.get("/?status=live")
    link = re.search(r'href="([^"]+)" rel="next"', first.text)
    assert link
    second = await browser.get(link[1].replace("&amp;", "&"))

    releases = [*listed(first), *listed(second)]
    assert (len(listed(first)), len(releases), len(set(releases))) == (50, 57, 57)
    assert "status=live" in link[1]
    assert 'rel="next"' not in second.text


async def test_a_page_that_nobody_was_given(service: RunningService) -> None:
    """A place in the list that was made up is refused."""
    browser = await signed_in(service)

    answer = await browser.get("/?after=nonsense")

    assert answer.status == 400
    assert "after must be" in shown(answer)


async def test_what_waits(service: RunningService) -> None:
    """What somebody may publish waits for them, under its reason; a search shows the list alone."""
    await service.staged(a_wheel(version="2.0"))
    browser = await signed_in(service, await service.token("manage"))
    uploader = await signed_in(service, await service.token("upload"))

    page, search = await browser.get("/"), await browser.get("/?project=demo")

    assert "What waits for you Ready to publish demo 2.0 1 file" in shown(page)
    assert "What waits for you" not in shown(search)
    assert "What waits for you Nothing." in shown(await uploader.get("/"))


async def test_nothing_yet(service: RunningService) -> None:
    """Without stages, the desk says what opens one."""
    page = await (await signed_in(service)).get("/")

    assert "There is no stage that you may see yet. Upload files" in shown(page)


async def test_sign_out_is_there_on_every_page(service: RunningService) -> None:
    """Each page says who is signed in; only administrators have links to what is theirs."""
    admin = await signed_in(service)
    manager = await signed_in(service, await service.token("manage"))

    pages = [await one.get("/") for one in (admin, manager)]

    assert ["Sign out" in shown(one) for one in pages] == [True, True]
    assert ["/desk/tokens" in one.text for one in pages] == [True, False]


async def test_one_stage_with_a_hostile_name(service: RunningService) -> None:
    """A search that is no name is shown as it is, and is no markup."""
    browser = await signed_in(service)

    page = await browser.get("/?project=%22%3E%3Cimg+src%3Dx+onerror%3Dalert(1)%3E")

    assert "<img" not in page.text
    assert "&#34;&gt;&lt;img src=x onerror=alert(1)&gt;" in page.text
