"""Checks that use libraries."""

import pytest

from stageproxy.core.rules.libraries import ADDRESSES, DESCRIPTIONS, is_web_url


@pytest.mark.parametrize(
    ("url", "is_valid"),
    [
        ("https://example.org", True),
        ("http://example.org:8080/a?b#c", True),
        ("HTTPS://EXAMPLE.ORG/", True),
        ("ftp://example.org/", False),
        ("//example.org/", False),
        ("example.org", False),
        ("https://", False),
        ("https://example.org:99999/", False),
        ("https://exa mple.org/", False),
        ("https://\ud800/", False),
        ("", False),
    ],
    ids=ascii,
)
def test_web_urls(url: str, *, is_valid: bool) -> None:
    """A web URL has the scheme http or https and a host."""
    assert is_web_url(url) is is_valid


def test_libraries_are_installed() -> None:
    """The libraries of the extra are installed for the tests."""
    assert (ADDRESSES, DESCRIPTIONS) != (None, None)
    assert None not in {ADDRESSES, DESCRIPTIONS}
