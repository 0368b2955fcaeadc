"""Signatures of links to what is above upstream's root."""

import pytest

from stageproxy.services.stage_urls import StageUrls
from tests.support.builders.stages import a_stage

URLS = StageUrls("https://stage.example.org", b"a secret")
STAGE = a_stage()
PATH = "root/pypi/+f/abc/demo-1.0-py3-none-any.whl"
SIGNATURE = URLS.signature_of(STAGE, PATH)


@pytest.mark.parametrize(
    "path", [PATH, PATH.replace("+", "%2B"), f"{PATH}.metadata", f"{PATH}.asc"]
)
def test_signed_paths(path: str) -> None:
    """A signature holds for the path as installers spell it, and for what is beside the file."""
    assert URLS.is_signed(STAGE, path, SIGNATURE)


@pytest.mark.parametrize("path", [f"{PATH}/x", "root/pypi/", PATH.upper(), f"{PATH}.zip"])
def test_other_paths_are_not_signed(path: str) -> None:
    """A signature holds for no other path."""
    assert not URLS.is_signed(STAGE, path, SIGNATURE)


@pytest.mark.parametrize("signature", ["", "0" * 32, SIGNATURE[:-1], "é" * 32])
def test_other_signatures(signature: str) -> None:
    """Other signatures are refused, whatever they consist of."""
    assert not URLS.is_signed(STAGE, PATH, signature)


def test_other_secrets() -> None:
    """A signature of another server is refused."""
    others = StageUrls(URLS.public_url, b"another secret")

    assert not others.is_signed(STAGE, PATH, SIGNATURE)
