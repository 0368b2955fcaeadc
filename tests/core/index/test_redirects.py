"""What becomes of upstream's redirects."""

import pytest

from stageproxy.core.errors import UpstreamFailedError
from stageproxy.core.index.redirects import Redirection, check_redirection, is_respelling

FILE = "packages/aa/bb/cc/demo-1.0.tar.gz"
WITHIN = Redirection("https://index.example.org/simple/x/", "simple/x/", is_known=True)
KNOWN = Redirection("https://files.example.org/x", None, is_known=True)
STRANGE = Redirection("https://elsewhere.example.org/x", None, is_known=False)
UNSAFE = Redirection("http://elsewhere.example.org/x", None, is_known=False)


@pytest.mark.parametrize(
    ("to", "asked", "any_file_host"),
    [
        (WITHIN, "simple/X", False),
        (KNOWN, FILE, False),
        (KNOWN, "simple/x/", False),
        (STRANGE, FILE, True),
    ],
    ids=["below the root", "a known host", "a known host, a page", "a file, no host configured"],
)
def test_redirects_to_known_hosts_are_passed_on(
    to: Redirection, asked: str, *, any_file_host: bool
) -> None:
    """Upstream may lead to itself and to what is configured."""
    check_redirection(to, asked, any_file_host=any_file_host)


@pytest.mark.parametrize(
    ("to", "asked", "any_file_host"),
    [
        (STRANGE, FILE, False),
        (STRANGE, "simple/x/", False),
        (STRANGE, "simple/x/", True),
        (UNSAFE, FILE, True),
    ],
    ids=["a file", "a page", "a page, no file host configured", "a file over plain HTTP"],
)
def test_redirects_to_strange_hosts_are_refused(
    to: Redirection, asked: str, *, any_file_host: bool
) -> None:
    """A redirect must not lead installers to a host that nobody configured."""
    with pytest.raises(UpstreamFailedError, match=r"upstream\.files_url"):
        check_redirection(to, asked, any_file_host=any_file_host)


@pytest.mark.parametrize(
    ("asked", "path", "same"),
    [
        ("simple", "simple/", True),
        ("simple/Demo_Project", "simple/demo-project/", True),
        ("simple/demo/", "simple/demo/", True),
        ("pypi/Demo/1.0/json", "pypi/demo/1.0/json", True),
        ("simple/demo/", "simple/other/", False),
        ("p/demo/", "project/demo/", False),
        ("simple/demo/", "simple/demo/x/", False),
    ],
    ids=str,
)
def test_respellings_hold_for_good(asked: str, path: str, *, same: bool) -> None:
    """Only a slash or the spelling of a name makes a redirect permanent (#43, #44)."""
    assert is_respelling(asked, path) is same
