"""The type of a page that its URL names: `?format=` of PEP 691."""

import pytest

from tests.support.builders.distributions import a_wheel
from tests.support.servers.service import HTML_PAGE, JSON_PAGE, PIP, RunningService, prefix_of

HTML = "text/html; charset=UTF-8"
PAGES = ["simple/demo/", "simple/other/", "simple/", "+only/simple/demo/", "+only/simple/"]
every_page = pytest.mark.parametrize("path", PAGES)


@every_page
@pytest.mark.parametrize("accept", ["text/html", None], ids=["of a browser", "without Accept"])
async def test_format_of_the_url(
    service: RunningService, prefix: str, path: str, accept: str | None
) -> None:
    """The type in the URL takes precedence over the Accept header, on every simple page."""
    answers = [
        await service.get(f"{prefix}{path}?format={kind}", accept)
        for kind in (JSON_PAGE, JSON_PAGE.replace("+", "%2B"), HTML_PAGE)
    ]

    assert [(one.status, one.headers["Content-Type"]) for one in answers] == [
        (200, JSON_PAGE),
        (200, JSON_PAGE),
        (200, HTML_PAGE),
    ]


@every_page
async def test_html_for_an_installer(service: RunningService, prefix: str, path: str) -> None:
    """A URL with `text/html` is HTML for an installer too."""
    answer = await service.get(f"{prefix}{path}?format=text/html", PIP)

    assert answer.headers["Content-Type"] == HTML


@every_page
@pytest.mark.parametrize("kind", ["application/vnd.pypi.simple.v9+json", "json", "*/*", ""])
async def test_unknown_format(service: RunningService, prefix: str, path: str, kind: str) -> None:
    """A type that does not exist is ignored, as by PyPI: the Accept header decides."""
    answer = await service.get(f"{prefix}{path}?format={kind}", PIP)

    assert (answer.status, answer.headers["Content-Type"]) == (200, JSON_PAGE)


async def test_page_of_a_new_project_in_the_format(service: RunningService) -> None:
    """The page of a project that upstream does not have has the type in its URL too."""
    prefix = prefix_of(await service.staged(a_wheel("brand-new")))

    answer = await service.get(f"{prefix}simple/brand-new/?format={JSON_PAGE}", "text/html")

    assert [one["filename"] for one in answer.document["files"]] == [a_wheel("brand-new").filename]


@pytest.mark.parametrize("path", ["simple/Demo/", "simple/demo", "simple", "+only/simple/DEMO"])
async def test_redirects_keep_the_format(service: RunningService, prefix: str, path: str) -> None:
    """A redirect to another spelling of the page keeps the type."""
    answer = await service.get(f"{prefix}{path}?format={JSON_PAGE}", "text/html")

    assert answer.status == 301
    assert answer.headers["Location"].endswith("/?format=application/vnd.pypi.simple.v1%2Bjson")


async def test_other_documents_have_no_format(service: RunningService, prefix: str) -> None:
    """Other documents than simple pages ignore the parameter."""
    answer = await service.get(f"{prefix}pypi/demo/json?format={JSON_PAGE}", "text/html")

    assert answer.headers["Content-Type"] == "application/json"
