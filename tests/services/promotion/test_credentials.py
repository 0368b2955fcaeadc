"""The credential that the settings have for a project."""

from pathlib import Path

import pytest
from packaging.utils import canonicalize_name

from stageproxy.core.errors import ConflictError
from stageproxy.core.rights import Credential
from stageproxy.services.promotion.credentials import PromotionCredentials

DEMO, OTHER = canonicalize_name("demo"), canonicalize_name("other")
IN_URL = Credential("user", "in-url")


def settings(
    *,
    of_demo: str = "",
    token: str = "",
    file: Path | None = None,
    in_url: Credential | None = None,
) -> PromotionCredentials:
    """Return credentials of the settings."""
    tokens: dict[str, str] = {DEMO: of_demo} if of_demo else {}
    return PromotionCredentials("__token__", tokens, file, token, in_url)


async def test_credential_of_the_project_comes_first(tmp_path: Path) -> None:
    """A project's own token counts before that for all, then the file, then the URL."""
    file = tmp_path / "token"
    file.write_text("in-file\n")
    file.chmod(0o600)
    every = settings(of_demo="of-demo", token="for-all", file=file, in_url=IN_URL)

    assert await every.find(DEMO) == Credential("__token__", "of-demo")
    assert await every.find(OTHER) == Credential("__token__", "for-all")
    in_file = settings(file=file, in_url=IN_URL)
    assert await in_file.find(DEMO) == Credential("__token__", "in-file")
    assert await settings(in_url=IN_URL).find(DEMO) == IN_URL
    assert await settings().find(DEMO) is None


async def test_file_is_read_each_time(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Who changes the file need not restart the server; one that others can read is told of."""
    file = tmp_path / "token"
    file.write_text("old")
    file.chmod(0o644)
    found = settings(file=file)
    await found.find(DEMO)

    file.write_text("new")

    assert await found.find(DEMO) == Credential("__token__", "new")
    assert f"{file} is readable by other users" in caplog.text


async def test_file_that_cannot_be_read(tmp_path: Path) -> None:
    """A file that is not there is told of by name."""
    file = tmp_path / "nowhere"

    with pytest.raises(ConflictError, match=": No such file or directory"):
        await settings(file=file).find(DEMO)


async def test_file_that_is_not_text(tmp_path: Path) -> None:
    """A file that is no text is told of, without a byte of it: the server once did not start."""
    file = tmp_path / "token"
    file.write_bytes(b"pypi-\xff")
    file.chmod(0o600)

    with pytest.raises(ConflictError, match=": it is not text") as caught:
        await settings(file=file).find(DEMO)

    assert caught.value.__cause__ is None


def test_credentials_do_not_print() -> None:
    """Whatever prints the settings prints no token."""
    every = settings(of_demo="secret-1", token="secret-2", in_url=Credential("user", "secret-3"))

    assert "secret" not in repr(every)
