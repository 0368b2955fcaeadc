"""How large a stage page is."""

from stageproxy.web.assets import assets
from stageproxy.web.pages import environment
from stageproxy.web.preview.views.page import page_values
from tests.support.builders.page_facts import a_large_release

MOST = 100_000


def test_sixty_files_are_a_small_page() -> None:
    """The page of a release of sixty files, with its style and scripts, is below 100 kB."""
    template = environment().get_template("preview/pages/stage.html")

    page = template.render(
        base="https://stage.example", controls=None, **page_values(a_large_release())
    )

    files = sum(len(one.document.body) for one in assets().values())
    assert len(page.encode()) + files < MOST
