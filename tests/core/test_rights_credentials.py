"""Credentials for the index that stages are published on."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stageproxy.core.rights import Credential, parse_credential

SECRET = "pypi-AgEIcHlwaS5vcmc"


@pytest.mark.parametrize(
    ("text", "credential"),
    [
        (SECRET, Credential("__token__", SECRET)),
        (f"  {SECRET}\n", Credential("__token__", SECRET)),
        (f"__token__:{SECRET}", Credential("__token__", SECRET)),
        ("someone:pass:word", Credential("someone", "pass:word")),
    ],
    ids=["a token", "a line of a file", "a token with its user", "a user"],
)
def test_credential_is_parsed(text: str, credential: Credential) -> None:
    """A token alone gets PyPI's user name; a user may be given before a colon."""
    assert parse_credential(text) == credential


@pytest.mark.parametrize("text", ["", " \n", ":", "user:", ":password", "two\nlines", "a\0b"])
def test_invalid_credential_is_refused(text: str) -> None:
    """The error on an invalid credential does not repeat it."""
    with pytest.raises(ValueError, match=r"^Expected an API token or USER:PASSWORD\.$"):
        parse_credential(text)


def test_authorization_header() -> None:
    """A credential is sent in the header that twine sends."""
    assert Credential("__token__", "TOK").authorization == "Basic X190b2tlbl9fOlRPSw=="


@given(st.text(min_size=8), st.text(), st.text())
def test_credential_does_not_print(password: str, before: str, after: str) -> None:
    """For any password, it is in no text about the credential, and is removed from other texts."""
    one = Credential("user", password)
    texts = (f"{before}{password}{after}", f"{before}{one.authorization}{after}")

    assert {str(one), repr(one)} == {"user:***", "Credential(username='user')"}
    assert [one.hidden_in(text) for text in texts] != list(texts)


def test_password_is_hidden_in_answers() -> None:
    """The password is removed from a text, plain and as it was sent."""
    one = Credential("__token__", SECRET)

    assert one.hidden_in(f"no {SECRET}, {one.authorization}!") == "no ***, Basic ***!"


def test_credential_without_a_password() -> None:
    """A credential without a password hides only its header."""
    assert Credential("user", "").hidden_in("a text") == "a text"
