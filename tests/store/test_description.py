"""Descriptions as HTML that can do nothing, rendered in a child process."""

import time

import pytest

from stageproxy.store.description import MOST_RENDERED, render_description
from stageproxy.store.inspection import Inspection

MARKDOWN = "text/markdown"
RENDERED = {
    "an image is its text": (
        "![coverage](https://badge.example/x.svg)",
        "<p>[coverage]</p>",
    ),
    "an image without a text is nothing": ("![](https://badge.example/x.svg)", "<p></p>"),
    "a linked badge": (
        "[![docs](https://badge.example/x.svg)](https://docs.example/)",
        '<p><a href="https://docs.example/" rel="nofollow noreferrer noopener">[docs]</a></p>',
    ),
    "an empty link is dropped": ("[![](https://badge.example/x)](https://a.example/)", "<p></p>"),
    "a script": ("<script>alert(1)</script>x", "&lt;script&gt;alert(1)&lt;/script&gt;x"),
    "a handler": ('<b onclick="alert(1)">x</b>', "<p><b>x</b></p>"),
    "a style": ('<p style="position:fixed" class="panel">x</p>', "<p>x</p>"),
    "a script in a link": ("[x](javascript:alert(1))", "<p><a>x</a></p>"),
    "a link without a host": ("[x](//evil.example/)", "<p><a>x</a></p>"),
    "a relative link": ("[x](docs/a.md)", "<p><a>x</a></p>"),
    "an id of the page": ('<b id="main">x</b>', '<p><b id="readme-main">x</b></p>'),
    "a form": ('<form action="/x"><input name="a"><button>b</button></form>', "b"),
    "a task": ("- [x] done", "<ul>\n<li>\N{BALLOT BOX WITH CHECK}  done</li>\n</ul>"),
    "a picture": ('<picture><source srcset="https://a.example/x"></picture>', "<p></p>"),
    "a link in a link": (
        '<a href="https://a.example/">x<marquee><a href="#y"></a></marquee></a>\n\nz',
        '<p><a href="https://a.example/" rel="nofollow noreferrer noopener">x</a></p>\n<p>z</p>',
    ),
    "a turned text": ("a\u202eb\u200bc", "<p>abc</p>"),
    "an element that is not closed": ("<details><b>x", "<details><b>x\n</b></details>"),
}


@pytest.mark.parametrize("case", RENDERED)
def test_what_is_left_of(case: str) -> None:
    """Nothing in a description is active, asks another host, or looks like a part of the page."""
    text, expected = RENDERED[case]

    html = render_description(text, MARKDOWN)

    assert html is not None
    assert html.strip() == expected


def test_headings_are_below_those_of_the_page() -> None:
    """The first heading of a description is a third one on the page."""
    html = render_description("# One\n\n###### Six\n", MARKDOWN)

    assert html is not None
    assert ('<h3 id="readme-user-content-one">One</h3>' in html, "<h6" in html) == (True, True)


KINDS = {
    "text/x-rst": ("a *b*", "<em>b</em>"),
    "text/plain; charset=UTF-8": ("a *b* <c>", "a *b* &lt;c&gt;"),
    "": ("a *b*", "<em>b</em>"),
    "text/markdown; variant=CommonMark": ("a *b*", "<em>b</em>"),
}


@pytest.mark.parametrize("content_type", KINDS)
def test_content_types(content_type: str) -> None:
    """A description is rendered by its type; without one, it is reStructuredText, as on PyPI."""
    text, expected = KINDS[content_type]

    assert expected in str(render_description(text, content_type))


def test_what_does_not_render() -> None:
    """ReStructuredText with errors, and what is too long, does not render."""
    assert render_description("Title\n==\n\n.. nothing::\n", "text/x-rst") is None
    assert render_description("x" * (MOST_RENDERED + 1), MARKDOWN) is None
    assert render_description("\n" * 600_000, "text/plain") is None


async def test_in_a_child_process() -> None:
    """The child process renders, and a description that takes too long ends in two seconds."""
    slow = "\n".join(f"{'>' * 200} {'*' * 200}" for _ in range(2500))

    with Inspection() as inspection:
        html = await inspection.render("# Title", MARKDOWN, "demo")
        began = time.monotonic()
        await inspection.render(slow, "text/x-rst", "demo")

    assert html == '<h3 id="readme-user-content-title">Title</h3>\n'
    assert time.monotonic() - began < 10
