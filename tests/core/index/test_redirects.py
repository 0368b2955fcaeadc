"""Redirects of upstream."""

import pytest

from stageproxy.core.errors import UpstreamFailedError
from stageproxy.core.index.redirects import Redirection, check_redirection, is_respelling
from tests.support.errors import find_refusal

FILE = "resources/demo/demo-1.0.tar.gz"
WITHIN = Redirection("https://index.example.org/simple/x/", "simple/x/", is_known=False)
KNOWN = Redirection("https://files.example.org/x", None, is_known=True)
STRANGE = Redirection("https://elsewhere.example.org/x", None, is_known=False)
UNSAFE = Redirection("http://elsewhere.example.org/x", None, is_known=False, is_downgrade=True)


@pytest.mark.parametrize(
    ("to", "asked", "any_file_host", "is_accepted"),
    [
        (WITHIN, "simple/X", False, True),
        (KNOWN, FILE, False, True),
        (KNOWN, "simple/x/", False, True),
        (STRANGE, FILE, True, True),
        (STRANGE, f"{FILE}.metadata", True, True),
        (STRANGE, f"{FILE}?token=x", True, True),
        (STRANGE, "packages/demo/", True, False),
        (STRANGE, FILE, False, False),
        (STRANGE, "simple/x/", False, False),
        (STRANGE, "simple/x/", True, False),
        (UNSAFE, FILE, True, False),
    ],
    ids=[
        "below the root",
        "a file, configured host",
        "a page, configured host",
        "a file, no host configured",
        "the METADATA beside a file, no host configured",
        "a file with a query, no host configured",
        "a folder of files, no host configured",
        "a file, another host configured",
        "a page, another host configured",
        "a page, no host configured",
        "a file, from HTTPS to plain HTTP",
    ],
)
def test_redirects_to_unconfigured_hosts_are_refused(
    to: Redirection, asked: str, *, any_file_host: bool, is_accepted: bool
) -> None:
    """A redirect must not send installers to a host that is not configured."""
    refusal = find_refusal(check_redirection, to, asked, any_file_host=any_file_host)

    assert (refusal is None) is is_accepted
    assert is_accepted or isinstance(refusal, UpstreamFailedError)
    setting = "files_url" if asked.startswith(FILE) else "fallback_url"
    assert is_accepted or f"upstream.{setting}" in str(refusal)


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
def test_permanent_redirects(asked: str, path: str, *, same: bool) -> None:
    """Only a slash or the spelling of a name makes a redirect permanent."""
    assert is_respelling(asked, path) is same
