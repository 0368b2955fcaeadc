"""The credentials of the settings for a project."""

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
    """Return the credentials of the settings."""
    tokens: dict[str, str] = {DEMO: of_demo} if of_demo else {}
    return PromotionCredentials("__token__", tokens, file, token, in_url)


async def test_order_of_credentials(tmp_path: Path) -> None:
    """The token of the project comes first, then that for all, the token file, the URL."""
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


async def test_token_file_is_read_each_time(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """A new token needs no restart; a file that others can read is logged."""
    file = tmp_path / "token"
    file.write_text("old")
    file.chmod(0o644)
    found = settings(file=file)
    await found.find(DEMO)

    file.write_text("new")

    assert await found.find(DEMO) == Credential("__token__", "new")
    assert f"{file} is readable by other users" in caplog.text


async def test_missing_token_file(tmp_path: Path) -> None:
    """A missing token file is named in the error."""
    file = tmp_path / "nowhere"

    with pytest.raises(ConflictError, match=": No such file or directory"):
        await settings(file=file).find(DEMO)


async def test_binary_token_file(tmp_path: Path) -> None:
    """A file that is no text is named without a byte of it. The server did not start once."""
    file = tmp_path / "token"
    file.write_bytes(b"pypi-\xff")
    file.chmod(0o600)

    with pytest.raises(ConflictError, match=": it is not text") as caught:
        await settings(file=file).find(DEMO)

    assert caught.value.__cause__ is None


def test_credentials_do_not_print() -> None:
    """The `repr` of the settings has no token."""
    every = settings(of_demo="secret-1", token="secret-2", in_url=Credential("user", "secret-3"))

    assert "secret" not in repr(every)
