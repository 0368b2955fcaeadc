"""What the rules use libraries for."""

import pytest

from stageproxy.core.rules.libraries import ADDRESSES, DESCRIPTIONS, is_web_url


@pytest.mark.parametrize(
    ("url", "taken"),
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
def test_web_urls(url: str, *, taken: bool) -> None:
    """A URL of http or https with a host is one, and nothing else."""
    assert is_web_url(url) is taken


def test_the_libraries_are_there_in_tests() -> None:
    """What the extra brings is checked here, too."""
    assert (ADDRESSES, DESCRIPTIONS) != (None, None)
    assert None not in {ADDRESSES, DESCRIPTIONS}
